"""The smallest pieces of the wasm binary format: numbers, names, vectors, sections. Read them, write them."""

from __future__ import annotations

from collections.abc import Iterable

from gadget_abi.wasm.binary import Reader

__all__ = ["MAGIC", "Reader", "name", "s32", "s64", "section", "u32", "vector"]

MAGIC = b"\0asm"


def u32(value: int) -> bytes:
    """Encode an unsigned LEB128 number."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


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


def name(text: str) -> bytes:
    """Encode a string with its length in front."""
    raw = text.encode("utf-8")
    return u32(len(raw)) + raw


def vector(items: Iterable[bytes]) -> bytes:
    """Encode items with their number in front."""
    encoded = list(items)
    return u32(len(encoded)) + b"".join(encoded)


def section(kind: int, contents: bytes) -> bytes:
    """Encode a section."""
    return bytes((kind,)) + u32(len(contents)) + contents
