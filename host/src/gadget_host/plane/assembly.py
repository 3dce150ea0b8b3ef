"""The plane's modules, from the wat files next to this one."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Final

from wasmtime import wat2wasm

from gadget_abi import load

from .inline import inline
from .layout import HOT, INITIAL_PAGES, STRUCTS, fill

__all__ = ["assemble", "plane_text", "trampolines_text"]

_FILES: Final = (
    "module",
    "heap",
    "sources",
    "elements",
    "handles",
    "arrays",
    "fields",
    "packets",
    "emit",
    "batch",
    "records",
    "views",
    "log",
)


@cache
def plane_text() -> str:
    """The fields of the data plane's module, from all wat files, with numbers for names."""
    directory = files(__package__)
    parts = [(directory / f"{stem}.wat").read_text(encoding="utf-8") for stem in _FILES]
    return "\n".join((_inliner(), _types(), fill("\n".join(parts))))


@cache
def trampolines_text() -> str:
    """What the guest is instantiated with: a function per hot import that counts the call and makes it.

    The module also holds the plane's memory, which so is the first of the two memories the plane is given.
    """
    functions = "\n".join(_trampoline(name, index) for index, name in enumerate(HOT))
    return (
        f'{_inliner()}(memory (export "memory") {INITIAL_PAGES})\n'
        f'(table $hot (export "table") {len(HOT)} funcref)\n{_types()}{functions}'
    )


def assemble(text: str) -> bytes:
    """The module of these fields."""
    return bytes(wat2wasm(f"(module {inline(text)})"))


def _inliner() -> str:
    """A comment that tells texts by what the inliner makes of them."""
    return f";; {sha256((files(__package__) / 'inline.py').read_bytes()).hexdigest()}\n"


def _types() -> str:
    """The functions' core types, as the ABI table has them."""
    return "".join(f"(type ${name} (func{_signature(name)}))\n" for name in HOT)


def _signature(name: str) -> str:
    params, results = load().current[name].core_type
    return f" (param {' '.join(params)}) (result {' '.join(results)})"


def _trampoline(name: str, index: int) -> str:
    count = STRUCTS["control"]["host_calls"]
    arguments = "".join(f" (local.get {i})" for i in range(len(load().current[name].params)))
    return (
        f'(func ${name} (export "{name}") (type ${name})\n'
        f"  (i64.store (i32.const {count}) (i64.add (i64.load (i32.const {count})) (i64.const 1)))\n"
        f"  (call_indirect $hot (type ${name}){arguments} (i32.const {index})))"
    )
