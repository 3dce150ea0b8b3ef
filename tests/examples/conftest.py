"""The examples, built once per session and run through the command line as a person does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pytest

import gadget_abi
from gadget_build.program import find_program
from gadget_build.release import choose_release
from tests.examples.reference import DEFAULT, EXAMPLES
from tests.linker.components import linker_of

GADGET = Path(sys.executable).with_name("gadget")
RECORDED = {source: EXAMPLES / "data" / f"trace_{source}.jsonl.gz" for source in ("open", "exec")}
SOURCE = {"redact": "open", "top_files": "open", "exec_storm": "exec"}

Built = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


def gadget(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command `gadget`, whatever comes of it."""
    return subprocess.run([GADGET, *arguments], capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Build an example by name, for a link family; the answer is its .wasm file, with gadget.yaml beside it."""
    linked = {name: cache(partial(linker_of, EXAMPLES / name)) for name in SOURCE}
    abi = gadget_abi.load()

    @cache
    def build(name: str, family: str = "ig") -> Path:
        directory = tmp_path_factory.mktemp(f"{name}-{family}")
        shutil.copy(EXAMPLES / name / "gadget.yaml", directory)
        release = choose_release(find_program(EXAMPLES / name), abi, family=family)
        module = directory / f"{name}.wasm"
        module.write_bytes(linked[name]()(release))
        return module

    return build


@pytest.fixture(scope="session")
def run(built: Built) -> Run:
    """Run an example over the stream it is made for; without arguments, printing JSON."""

    @cache
    def run(name: str, *arguments: str, family: str = "ig") -> subprocess.CompletedProcess[str]:
        source = SOURCE[name]
        done = gadget(
            "run", built(name, family), "-i", f"{source}={RECORDED[source]}", "-o", "json", *arguments
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(params=DEFAULT)
def example(request: pytest.FixtureRequest) -> str:
    """Each example's name."""
    return str(request.param)
