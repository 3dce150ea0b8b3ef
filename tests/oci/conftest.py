"""What the tests of images share: a gadget's directory, modules, and the command in a process of its own."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import wasmtime

Command = Callable[..., subprocess.CompletedProcess[str]]

GADGET_YAML = """\
name: beats
description: Three beats of a heart
homepageURL: https://example.org/
sourceURL: https://example.org/src
annotations: {org.opencontainers.image.vendor: me}
datasources:
  beats:
    annotations: {cli.clear-screen-before: true}
    fields:
      number: {annotations: {description: Which one, columns.width: 8}}
params:
  wasm:
    rate: {key: rate, typeHint: uint32, defaultValue: 3, description: Beats at the start}
"""

OBJECT = struct.pack("<4sBBB9xHHI", b"\x7fELF", 2, 1, 1, 1, 247, 1) + b"\0" * 40
"""As much of an eBPF object as anybody looks at who does not load it."""


@pytest.fixture(autouse=True)
def undated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are as old as their files."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture(scope="session")
def module() -> bytes:
    """A gadget with a source of its own, on which it emits three events when it starts."""
    return bytes(wasmtime.wat2wasm(Path(__file__).with_name("beats.wat").read_text()))


@pytest.fixture
def gadget(tmp_path: Path, module: bytes) -> Path:
    """A gadget's directory with a ready module, made in September 2001."""
    directory = tmp_path / "beats"
    directory.mkdir()
    (directory / "beats.wasm").write_bytes(module)
    (directory / "gadget.yaml").write_text(GADGET_YAML)
    for path in directory.iterdir():
        os.utime(path, (10**9, 10**9))
    return directory


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run `gadget` in the test's directory."""

    def run(*args: object, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gadget_abi.cli", *map(str, args)],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "100"} | environ,
            capture_output=True,
            text=True,
            timeout=300,  # a build on a busy machine takes its time
            check=False,
        )

    return run
