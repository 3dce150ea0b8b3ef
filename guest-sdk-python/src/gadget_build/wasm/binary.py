"""The smallest pieces of the wasm binary format: numbers, names, vectors, sections. Read them, write them."""

from __future__ import annotations

from collections.abc import Iterable

from gadget_abi.wasm.binary import Reader
from gadget_abi.wasm.encode import name, section, u32

__all__ = ["MAGIC", "Reader", "name", "s32", "s64", "section", "u32", "vector"]

MAGIC = b"\0asm"


def _signed(value: int) -> bytes:
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def s32(value: int) -> bytes:
    """Encode an i32 as a signed LEB128 number; unsigned values up to 2**32 - 1 are taken for their bits."""
    return _signed((value + (1 << 31) & 0xFFFFFFFF) - (1 << 31))


def s64(value: int) -> bytes:
    """Encode an i64 as a signed LEB128 number; unsigned values up to 2**64 - 1 are taken for their bits."""
    return _signed((value + (1 << 63) & 0xFFFFFFFFFFFFFFFF) - (1 << 63))


def vector(items: Iterable[bytes]) -> bytes:
    """Encode items with their number in front."""
    encoded = list(items)
    return u32(len(encoded)) + b"".join(encoded)
