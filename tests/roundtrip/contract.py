"""The round-trip contract as guests in three languages, and the events they are fed."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import wasmtime

import gadget_abi
import gadget_build
from gadget_host import Gadget
from gadget_host.schema import FieldSchema, SourceSchema

HERE = Path(__file__).parent
ABI = gadget_abi.load()
KINDS = [name for name in ABI.enums["Kind"].members if name != "Invalid"]


def schema(name: str, type_: str) -> SourceSchema:
    """A source with one field of every kind, named by it."""
    return SourceSchema(name, type_, tuple(FieldSchema(kind, kind) for kind in KINDS))  # type: ignore[arg-type]


def c_header() -> str:
    """Declarations of every function of the current ABI, from the table."""
    types = {"i32": "uint32_t", "i64": "uint64_t"}
    lines = ["#include <stdint.h>"]
    for name, form in ABI.current.items():
        params, results = form.core_type
        result = types[results[0]] if results else "void"
        listing = ", ".join(types[p] for p in params) or "void"
        module = ABI.family_of(ABI.newest).module
        attribute = f'__attribute__((import_module("{module}"), import_name("{name}")))'
        lines.append(f"{attribute} {result} {name}({listing});")
    return "\n".join(lines)


def build_wat(directory: Path) -> Path:
    """The guest written by hand."""
    output = directory / "guest.wasm"
    output.write_bytes(wasmtime.wat2wasm((HERE / "guest.wat").read_text()))
    return output


def build_c(directory: Path) -> Path:
    """The guest in C, by the clang that zig carries."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip(
            "no C compiler for wasm: the ziglang wheel is not installed (nox -s languages installs it)"
        )
    (directory / "abi.h").write_text(c_header())
    output = directory / "guest-c.wasm"
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "wasm32-freestanding", "-Os", "-nostdlib"]
    flags = [
        "-Wl,--no-entry",
        "-Wl,--export-memory",
        f"-I{directory}",
        str(HERE / "guest.c"),
        "-o",
        str(output),
    ]
    subprocess.run([*command, *flags], check=True, capture_output=True)
    return output


def build_python(directory: Path) -> Path:
    """The guest written with the SDK."""
    output = directory / "guest-py.wasm"
    gadget_build.build(HERE / "program.py", output=output)
    return output


GUESTS = {"wat": build_wat, "python": build_python, "c": build_c}


class Running:
    """A guest of the contract that runs."""

    def __init__(self, gadget: Gadget) -> None:
        self.gadget = gadget
        self._out = {"in": gadget.collect("out"), "rows": gadget.collect("rows_out")}

    def through(self, source: str, events: list[Any]) -> list[Any]:
        """What comes out of the guest's copy of a source for these events."""
        self.gadget.sources[source].emit_batch(events)
        return self._out[source].drain()
