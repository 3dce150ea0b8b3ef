"""Values as cases write them, and their bytes.

JSON numbers are read as doubles by many languages, so what a double cannot hold is a tagged string::

    "u64:0xffffffffffffffff"   "i64:-1"   "f64:1.5"   "f32:nan"   "u8:7"    numbers, little-endian
    "bytes:00ff"   "bytes:61*4096"                                          bytes in hexadecimal, repeated
    "text"                                                                  UTF-8, without a NUL at the end
    5, -1, true                                                             a number whose width is known otherwise
"""

from __future__ import annotations

import re
import struct
from typing import Final

from gadget_abi import Abi, EmbedderError

__all__ = ["MASK", "bits_of", "bytes_of", "is_tagged", "matches", "shortened", "to_kind"]

MASK: Final = (1 << 64) - 1
_TAG: Final = re.compile(r"([ui])(8|16|32|64):(-?(?:0x[0-9a-fA-F]+|\d+))|f(32|64):(\S+)")
_ALSO: Final = re.compile(r"bytes:((?:[0-9a-fA-F]{2})*)(?:\*(\d+))?")


def is_tagged(value: object) -> bool:
    """Whether a value is a number or bytes with a tag."""
    return isinstance(value, str) and bool(_TAG.fullmatch(value) or _ALSO.fullmatch(value))


def bytes_of(value: object) -> bytes:
    """The bytes of a text or a tagged value.

    Raises:
        EmbedderError: a number without tag, whose width is not known.
    """
    if not isinstance(value, str):
        raise EmbedderError(f'{value!r} has no width: write "u32:{value}", say')
    if found := _ALSO.fullmatch(value):
        return bytes.fromhex(found[1]) * int(found[2] or 1)
    if not (found := _TAG.fullmatch(value)):
        return value.encode()
    if found[5]:
        return struct.pack("<f" if found[4] == "32" else "<d", float(found[5]))
    number, bits = int(found[3], 0), int(found[2])
    if not (-(1 << bits - 1) <= number < 1 << bits - 1 if found[1] == "i" else 0 <= number < 1 << bits):
        raise EmbedderError(f"{value!r} does not fit {bits} bits")
    return (number & (1 << bits) - 1).to_bytes(bits // 8, "little")


def bits_of(value: object) -> int:
    """A number, tagged or not, as 64 bits; signed ones are extended, as the ABI has them.

    Raises:
        EmbedderError: it is no number.
    """
    if isinstance(value, int):
        return value & MASK
    if isinstance(value, str) and (found := _TAG.fullmatch(value)):
        return int(found[3], 0) & MASK if found[3] else int.from_bytes(bytes_of(value), "little")
    raise EmbedderError(f"{value!r} is no number")


def shortened(value: object) -> str:
    """A value as Python writes it, cut where it gets too long to read."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:180]}... ({len(text)} characters)"


def matches(expected: object, raw: bytes) -> bool:
    """Whether the bytes of a field are what a case expects; plain numbers are of the width that was found."""
    if not isinstance(expected, int):
        return bytes_of(expected) == raw
    return len(raw) in (1, 2, 4, 8) and expected & (1 << 8 * len(raw)) - 1 == int.from_bytes(raw, "little")


def to_kind(value: object, kind: str, abi: Abi) -> bytes:
    """The bytes of a value for a field of a kind.

    Raises:
        EmbedderError: a number for a field whose width is open.
    """
    width = abi.enums["Kind"].widths.get(kind)
    if isinstance(value, int) and width:
        return (value & (1 << 8 * width) - 1).to_bytes(width, "little")
    return bytes_of(value)
