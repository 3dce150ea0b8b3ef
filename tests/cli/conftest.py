"""What the tests of the command line share: a gadget, streams, and the command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wasmtime

COMMAND = [sys.executable, "-m", "gadget_abi.cli", "run"]
SCHEMA = {
    "gadget.schema": {
        "source": "open",
        "type": "single",
        "fields": [
            {"name": "pid", "kind": "Uint32"},
            {"name": "fname", "kind": "String"},
            {"name": "proc.comm", "kind": "CString"},
        ],
    }
}


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A compile cache of the test run's own."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("cache")
        patch.setenv("GADGET_CACHE_DIR", str(directory))
        yield directory


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The module of guest.wat, with a gadget.yaml beside it."""
    path = tmp_path_factory.mktemp("guest") / "guest.wasm"
    path.with_name("gadget.yaml").write_text(
        "params: {wasm: {every: {defaultValue: 0}, quiet: {defaultValue: 0}}}\n"
    )
    path.write_bytes(wasmtime.wat2wasm(Path(__file__).with_name("guest.wat").read_text()))
    return path


def event(pid: int, fname: str = "/etc/passwd") -> dict[str, Any]:
    """An event of the source `open`."""
    return {"pid": pid, "fname": fname, "proc": {"comm": "cat"}}


def lines(*events: object, schema: bool = True) -> str:
    """Events as JSON Lines, with their schema line."""
    return "".join(json.dumps(item) + "\n" for item in ((SCHEMA, *events) if schema else events))


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    """A recording of three events."""
    path = tmp_path / "open.jsonl"
    path.write_text(lines(event(1), event(2, "/x"), event(3)))
    return path


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(guest: Path, tmp_path: Path) -> Run:
    """Runs `gadget run` on the guest with more arguments, in an empty directory; texts are UTF-8."""

    def run(
        *args: str | Path, gadget: str | Path = guest, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
        return subprocess.run(
            [*COMMAND, str(gadget), *map(str, args)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
            cwd=tmp_path,
            env=os.environ | options.pop("env", {}),
            **{key: value for key, value in options.items() if value is not None},
        )

    return run
