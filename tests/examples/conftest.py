"""The examples, built once per session and run through the command line as a person does."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.examples.reference import DEFAULT, EXAMPLES

GADGET = Path(sys.executable).with_name("gadget")
RECORDED = {source: EXAMPLES / "data" / f"trace_{source}.jsonl.gz" for source in ("open", "exec")}
SOURCE = {"redact": "open", "top_files": "open", "exec_storm": "exec"}

Run = Callable[..., subprocess.CompletedProcess[str]]


def gadget(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command `gadget`, whatever comes of it."""
    return subprocess.run([GADGET, *arguments], capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Build an example by name; the answer is its .wasm file, in a directory of its own with gadget.yaml."""

    @cache
    def build(name: str) -> Path:
        directory = tmp_path_factory.mktemp(name)
        shutil.copy(EXAMPLES / name / "gadget.yaml", directory)
        done = gadget("build", EXAMPLES / name, "-o", directory / f"{name}.wasm")
        assert done.returncode == 0, done.stderr
        return directory / f"{name}.wasm"

    return build


@pytest.fixture(scope="session")
def run(built: Callable[[str], Path]) -> Run:
    """Run an example over the stream it is made for; without arguments, printing JSON."""

    @cache
    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        source = SOURCE[name]
        done = gadget("run", built(name), "-i", f"{source}={RECORDED[source]}", "-o", "json", *arguments)
        assert done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture(params=DEFAULT)
def example(request: pytest.FixtureRequest) -> str:
    """Each example's name."""
    return str(request.param)
