"""A guest's module taken apart: its memory, which is made before the guest is, and its code, which imports it.

The data plane works on the guest's memory, and the guest calls the data plane: one of them has to be there first.
The memory is, with the data in it, as a module of its own (so that wasmtime maps the data and need not copy it);
then the plane, with that memory; then the guest's code, linked against the plane's own functions.

So the host also has a memory that is not exported, as upstream's engine has. And a (start) section may call the host,
as upstream: its function gets an export of the host's own, and the host calls it when it calls the start function.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple, TypeAlias

from gadget_abi.wasm import Kind, Module, Section
from gadget_abi.wasm.binary import Reader
from gadget_abi.wasm.encode import name, section, u32

__all__ = ["MEMORY", "Split", "moved", "split", "start_name"]

MEMORY = "memory"
"""The name of the image's one export, and of the import that the code has in its place."""

_Section: TypeAlias = tuple[int, "memoryview | bytes"]  # its kind, and all of it
_MAGIC = b"\0asm\1\0\0\0"


class Split(NamedTuple):
    """The two modules.

    Args:
        image: the memory and what is in it; None for a module without memory.
        code: everything else; its last import is the memory.
    """

    image: bytes | None
    code: bytes


def start_name(info: Module) -> str | None:
    """The name under which the function of a module's (start) section is exported; None when there is none."""
    if info.start is None:
        return None
    free = "gadget-host:start"
    while info.export(free) is not None:
        free += "'"
    return free


def split(wasm: bytes, info: Module) -> Split:
    """Take a module apart.

    Args:
        wasm: a valid module.
        info: what it declares.
    """
    sections = list(_sections(wasm))
    code = b"".join((_MAGIC, *(piece for _, piece in _code(sections, info))))
    if not info.memories:
        return Split(None, code)
    found = dict(sections)
    export = _list_of(Section.EXPORT, _entry(MEMORY, Kind.MEMORY, u32(0)))
    data = found.get(Section.DATA, b"") if _is_movable(found) else b""
    return Split(b"".join((_MAGIC, found[Section.MEMORY], export, data)), code)


def moved(wasm: bytes, info: Module) -> int:
    """Bytes by which the code is further behind in its new module than in the file."""
    sections = list(_sections(wasm))
    return _size_until_code(_code(sections, info)) - _size_until_code(sections)


def _size_until_code(sections: Iterable[_Section]) -> int:
    return sum(len(whole) for _, whole in takewhile(lambda item: item[0] != Section.CODE, sections))


def _sections(wasm: bytes) -> Iterator[_Section]:
    reader, view = Reader(wasm, len(_MAGIC)), memoryview(wasm)
    while reader.at < reader.end:
        start = reader.at
        kind, _ = reader.section()
        yield kind, view[start : reader.at]


def _is_movable(kinds: Container[int]) -> bool:
    """Whether no code refers to the data: memory.init needs a section that says how many segments there are."""
    return Section.DATA_COUNT not in kinds


def _code(sections: Sequence[_Section], info: Module) -> Iterator[_Section]:
    """The sections of the code's module."""
    found, start = dict(sections), start_name(info)
    left_out = {Section.START, Section.MEMORY} | ({Section.DATA} if _is_movable(found) else set())
    added: dict[int, bytes] = {}
    if info.memories:
        _, limits = Reader(bytes(found[Section.MEMORY])).section()
        limits.u32()  # how many memories: one
        added[Section.IMPORT] = name("gadget-host") + _entry(
            MEMORY, Kind.MEMORY, limits.take(limits.end - limits.at)
        )
    if start is not None and info.start is not None:
        added[Section.EXPORT] = _entry(start, Kind.FUNC, u32(info.start))
    for kind, whole in sections:
        for missing in [known for known in added if known < kind]:
            yield missing, _list_of(missing, added.pop(missing))
        if kind in added:
            yield kind, _list_of(kind, added.pop(kind), bytes(whole))
        elif kind not in left_out:
            yield kind, whole
    for missing, entry in added.items():
        yield missing, _list_of(missing, entry)


def _entry(of: str, kind: Kind, what: bytes) -> bytes:
    return name(of) + bytes((kind,)) + what


def _list_of(kind: int, entry: bytes, whole: bytes = b"") -> bytes:
    """A section that is a list, with an entry more than it had."""
    if not whole:
        return section(kind, u32(1) + entry)
    _, body = Reader(whole).section()
    return section(kind, u32(body.u32() + 1) + body.take(body.end - body.at) + entry)
