"""What a module keeps to itself and the host has to reach: its memory, and the function of its (start) section.

Upstream's engine gives the host a module's memory whatever it is exported as, if at all, and a (start) section may
call the host there as a start function may. wasmtime gives exports only, and runs a (start) section before there is
an instance whose memory could be known. So such a module is compiled with exports of the host's own in addition,
and without its (start) section: the host calls the function itself, when it calls the start function.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gadget_abi.wasm import Kind, Module, Section
from gadget_abi.wasm.binary import Reader
from gadget_abi.wasm.encode import name, section, u32

__all__ = ["Names", "names_of", "reveal"]

_HEADER = 8  # bytes


class Names(NamedTuple):
    """What to look for among the exports of a module that was revealed.

    Args:
        memory: its memory; None when it has none.
        start: the function of its (start) section; None when it has none.
    """

    memory: str | None
    start: str | None


def names_of(info: Module) -> Names:
    """Under which names a module's memory and (start) function are exported, or will be."""
    memory = next((item.name for item in info.exports if item.kind == Kind.MEMORY), None)
    if memory is None and info.memories:
        memory = _free_name("memory", info)
    return Names(memory, None if info.start is None else _free_name("start", info))


def _free_name(what: str, info: Module) -> str:
    """A name that no export has."""
    free = f"gadget-host:{what}"
    while info.export(free) is not None:
        free += "'"
    return free


def reveal(wasm: bytes, info: Module) -> bytes:
    """The module with everything that `names_of` names exported, and without its (start) section.

    Args:
        wasm: a valid module with exports.
        info: what it declares.
    """
    added = b"".join(entries := list(_entries(info)))
    if not entries:
        return wasm
    pieces, reader = [wasm[:_HEADER]], Reader(wasm, _HEADER)
    while reader.at < reader.end:
        start = reader.at
        kind, body = reader.section()
        if kind == Section.EXPORT:
            count = u32(body.u32() + len(entries))
            pieces.append(section(kind, count + body.take(body.end - body.at) + added))
        elif kind != Section.START:
            pieces.append(wasm[start : reader.at])
    return b"".join(pieces)


def _entries(info: Module) -> Iterator[bytes]:
    """The exports to add, encoded."""
    memory, start = names_of(info)
    if memory is not None and info.export(memory) is None:
        yield name(memory) + bytes((Kind.MEMORY,)) + u32(0)
    if start is not None and info.start is not None:
        yield name(start) + bytes((Kind.FUNC,)) + u32(info.start)
