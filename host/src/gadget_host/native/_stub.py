"""The guest that stands in for a gadget's wasm when its source runs natively."""

from __future__ import annotations

from collections.abc import Iterator

import wasmtime

from gadget_abi import Abi, Export

__all__ = ["MODULE", "PAGES", "entries", "stub"]

MODULE = "native"
"""The import module of the functions that Python provides."""
PAGES = 256
"""Pages of the stub's memory: as many as a guest may have."""


def entries(abi: Abi) -> list[Export]:
    """The exports that are passed on to Python: the hooks and dataSourceCallback."""
    return [e for e in abi.exports.values() if e.hook or e.name == "dataSourceCallback"]


def stub(abi: Abi) -> bytes:
    """A module that exports what it imports: the host's functions under their names, the hooks as its own."""
    imports, exports = list(_imports(abi)), list(_exports(abi))
    version = f'(func (export "gadgetAPIVersion") (result i64) i64.const {abi.api_version})'
    memory = f'(memory (export "memory") {PAGES})'
    return bytes(wasmtime.wat2wasm("\n".join(["(module", *imports, memory, version, *exports, ")"])))


def _imports(abi: Abi) -> Iterator[str]:
    for name, form in abi.current.items():
        yield _import("ig", name, form.core_type)
    for export in entries(abi):
        yield _import(MODULE, export.name, export.core_type)


def _import(module: str, name: str, type_: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    text = "".join(f"(param {p})" for p in type_[0]) + "".join(f"(result {r})" for r in type_[1])
    return f'(import "{module}" "{name}" (func ${name} {text}))'


def _exports(abi: Abi) -> Iterator[str]:
    for name in (*abi.current, *(export.name for export in entries(abi))):
        yield f'(export "{name}" (func ${name}))'
