"""The memory of a gadget: the snapshot componentize-py took, without what nobody will ever read.

What remains of the machine that built it lies in dead memory: the stack below the stack pointer, freed blocks of the
heap, and a few static variables. All of it is zeroed, so that the same input gives the same bytes, and zeroes need
no place in the file.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from gadget_build.component.graph import LinkError
from gadget_build.wasm import binary
from gadget_build.wasm.module import CoreModule, Kind

__all__ = ["data_section", "normalise"]

PAGE = 1 << 16
_MOST_PAGES = 4096  # far more than any gadget may have

# Variables of libraries that the clock or random numbers went into, none of which is needed again: (library, offset,
# size). Offsets are those of the pinned componentize-py's libraries.
_VOLATILE = (
    ("libpython3.14.so", 0x2762DC, 12),  # mimalloc, which CPython initialises and does not use: cookie, keys
    ("libpython3.14.so", 0x2762F8, 112),  # its random generator, behind ChaCha's constant
    ("libpython3.14.so", 0x2F98F8, 16),  # when it was initialised
    ("libwasi-emulated-process-clocks.so", 8, 16),  # when the process started: process_time counts from here
)
_CHACHA = ("libpython3.14.so", 0x2762E8, b"expand 32-byte k")  # stands there if the offsets are right

# The stack protector's canary: a number nobody on the stack has seen yet, since nothing is on the stack.
_CANARY = ("libc.so:__stack_chk_guard", b"\x00\x0a\xff\x0d")

# dlmalloc, https://gee.cs.oswego.edu/dl/html/malloc.html: a chunk is { size of the one before if that is free, own
# size and flags, contents }; contents are aligned to 16. A free chunk holds list pointers: two, or six in a tree.
_CHUNK = struct.Struct("<II")
_IN_USE, _FLAGS = 2, 7
_LINKS, _TREE_LINKS, _SMALLEST_TREE = 8, 24, 256

_RUN = re.compile(rb"[^\0](?:\0{0,31}[^\0]+)*")
"""Bytes worth a data segment: one costs about 12 bytes, so short gaps are stored."""


def normalise(main: CoreModule) -> bytearray:
    """The memory of the main module, normalised; its length is a whole number of pages.

    Raises:
        LinkError: the module is not what componentize-py makes, or its heap is damaged.
    """
    memory = _load(main)
    _zero(memory, 0, _address(main, "__stack_pointer"))
    _settle_variables(main, memory)
    for start, end in _free(memory, _address(main, "__heap_base")):
        _zero(memory, start, end)
    return memory


def data_section(memory: bytearray) -> bytes:
    """Data segments that fill a memory of zeroes, encoded."""
    runs = [match.span() for match in _RUN.finditer(memory)]
    return binary.vector(_segment(memory, start, end) for start, end in runs)


def _segment(memory: bytearray, start: int, end: int) -> bytes:
    return b"\0\x41" + binary.s32(start) + b"\x0b" + binary.u32(end - start) + memory[start:end]


def _load(main: CoreModule) -> bytearray:
    pages = main.memories[0].min
    if pages > _MOST_PAGES:
        raise LinkError(f"a snapshot of {pages} pages")
    memory = bytearray(pages * PAGE)
    for segment in main.data:
        match segment.offset:
            case ((0x41, int(offset)),) if 0 <= offset <= len(memory) - (segment.end - segment.start):
                memory[offset : offset + segment.end - segment.start] = main.source[
                    segment.start : segment.end
                ]
            case _:
                raise LinkError(f"the data segment at byte {segment.start:#x} is not of a snapshot")
    return memory


def _address(main: CoreModule, name: str) -> int:
    """The value of an exported i32 global."""
    export = main.exports.get(name)
    if export is not None and export.kind == Kind.GLOBAL:
        position = export.index - len(main.imported(Kind.GLOBAL))
        match main.globals[position].init if position >= 0 else ():
            case ((0x41, int(value)),):
                return value & 0xFFFFFFFF
    raise LinkError(f"the main module has no variable {name!r}: was it made by another componentize-py?")


def _zero(memory: bytearray, start: int, end: int) -> None:
    if not 0 <= start <= end <= len(memory):
        raise LinkError(f"bytes {start:#x} to {end:#x} are not in the gadget's memory")
    memory[start:end] = bytes(end - start)


def _settle_variables(main: CoreModule, memory: bytearray) -> None:
    name, canary = _CANARY
    at = _address(main, name)
    memory[at : at + len(canary)] = canary
    library, offset, constant = _CHACHA
    at = _address(main, f"{library}:memory_base") + offset
    if memory[at : at + len(constant)] != constant:
        return  # another build of the libraries: leave alone what is not understood
    for library, offset, size in _VOLATILE:
        at = _address(main, f"{library}:memory_base") + offset
        _zero(memory, at, at + size)


def _free(memory: bytearray, heap: int) -> Iterator[tuple[int, int]]:
    """Where the contents of free chunks are, up to the end of the heap: a header of zero."""
    at = (heap + 8 + 15 & ~15) - 8
    while at + 8 <= len(memory):
        _, head = _CHUNK.unpack_from(memory, at)
        if head == 0:
            return
        size = head & ~_FLAGS
        if size < 16 or at + size > len(memory):
            raise LinkError(
                f"the gadget's heap is damaged at address {at:#x}: was memory overwritten at import?"
            )
        if not head & _IN_USE:
            links = _TREE_LINKS if size >= _SMALLEST_TREE else _LINKS
            yield at + 8 + links, at + size
        at += size
