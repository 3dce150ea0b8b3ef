"""Read the types that an eBPF object describes: BTF, in the section .BTF of an ELF file.

    header | types: name, info, size or type, and what the kind brings along | strings, each with a NUL

Whatever a file holds, it is read with bounded memory or refused with one error.
Sources: Documentation/bpf/btf.rst of Linux; elf(5).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from gadget_abi import EmbedderError

__all__ = ["BtfType", "Member", "TypeKind", "read_types"]

_ELF: Final = struct.Struct(
    "<4sBB34xQ10xHHH"
)  # magic, class, byte order; where sections are, their size and number
_SECTION: Final = struct.Struct("<II16xQQ24x")  # name, type, offset, size
_HEADER: Final = struct.Struct(
    "<HBBIIIII"
)  # magic, version, flags, length; offset and length of types and strings
_TYPE: Final = struct.Struct("<III")
_MAGIC: Final = 0xEB9F
_MOST_TYPES: Final = 200_000  # Linux itself has 150,000
_LONGEST_NAME: Final = 1024


class TypeKind(IntEnum):
    """What a type is."""

    VOID, INT, PTR, ARRAY, STRUCT, UNION, ENUM, FWD, TYPEDEF, VOLATILE = range(10)
    CONST, RESTRICT, FUNC, FUNC_PROTO, VAR, DATASEC, FLOAT, DECL_TAG, TYPE_TAG, ENUM64 = range(10, 20)


# Bytes that follow a type: once, and for each of its parts.
_FOLLOWS: Final = {
    TypeKind.INT: (4, 0), TypeKind.ARRAY: (12, 0), TypeKind.STRUCT: (0, 12), TypeKind.UNION: (0, 12),
    TypeKind.ENUM: (0, 8), TypeKind.FUNC_PROTO: (0, 8), TypeKind.VAR: (4, 0), TypeKind.DATASEC: (0, 12),
    TypeKind.DECL_TAG: (4, 0), TypeKind.ENUM64: (0, 12),
}  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A member of a structure: name, number of its type, place in bytes, and width in bits when it is a bit field."""

    name: str
    type: int
    offset: int
    bits: int


@dataclass(frozen=True)
class BtfType:
    """A type.

    Args:
        kind: what it is.
        name: "" when it has none.
        target: number of the type it refers to, or its size in bytes, as the kind has it.
        members: of a structure or union.
        element: number of the type of an array's elements.
        count: of an array's elements.
        encoding: of an integer: 1 signed, 2 char, 4 bool; of an enumeration 1 when it is signed.
    """

    kind: TypeKind
    name: str = ""
    target: int = 0
    members: Sequence[Member] = ()
    element: int = 0
    count: int = 0
    encoding: int = 0


def read_types(data: bytes) -> Sequence[BtfType]:
    """The types by number; 0 is void.

    Args:
        data: of an ELF file; little-endian, 64 bits, as eBPF objects for ig are.

    Raises:
        EmbedderError: there is none, or something of it leads nowhere.
    """
    try:
        return [BtfType(TypeKind.VOID), *_types(_section(data, b".BTF"))]
    except (struct.error, ValueError, IndexError, OverflowError):  # the last: an offset beyond any address
        raise EmbedderError("the eBPF object's description of its types (BTF) is broken") from None


def _section(data: bytes, wanted: bytes) -> bytes:
    magic, bits, order, start, size, count, names = _ELF.unpack_from(data)
    if (magic, bits, order) != (b"\x7fELF", 2, 1) or (count and size < _SECTION.size):
        raise ValueError
    rows = [_SECTION.unpack_from(data, start + n * size) for n in range(count)]
    texts = rows[names][2] if rows else 0
    for name, _, offset, length in rows:
        if data[texts + name : texts + name + len(wanted) + 1] == wanted + b"\0":
            return data[offset : offset + length]
    raise EmbedderError("the eBPF object does not describe its types: compile it with -g")


def _types(data: bytes) -> Iterator[BtfType]:
    magic, _, _, length, types, types_length, strings, strings_length = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise ValueError
    strings += length
    texts = data[strings : strings + strings_length]
    at, end = length + types, length + types + types_length
    for _ in range(_MOST_TYPES):
        if at >= end:
            return
        name, info, target = _TYPE.unpack_from(data, at)
        at += _TYPE.size
        kind, parts, flag = TypeKind(info >> 24 & 0x1F), info & 0xFFFF, info >> 31
        once, each = _FOLLOWS.get(kind, (0, 0))
        body = data[at : at + once + each * parts]
        if len(body) < once + each * parts:
            raise ValueError
        at += len(body)
        yield _type(kind, _text(texts, name), target, body, flag, texts)
    raise ValueError


def _type(kind: TypeKind, name: str, target: int, body: bytes, flag: int, texts: bytes) -> BtfType:
    if kind in (TypeKind.STRUCT, TypeKind.UNION):
        mask = 0xFFFFFF if flag else 0xFFFFFFFF  # with bit fields, a place in bits has their width above it
        members = [
            Member(_text(texts, called), type, (place & mask) // 8, place >> 24 if flag else 0)
            for called, type, place in struct.iter_unpack("<III", body)
        ]
        return BtfType(kind, name, target, members)
    if kind is TypeKind.ARRAY:
        element, _, count = struct.unpack("<III", body)
        return BtfType(kind, name, target, element=element, count=count)
    if kind is TypeKind.INT:
        return BtfType(kind, name, target, encoding=body[3] & 0xF)
    return BtfType(kind, name, target, encoding=flag)


def _text(texts: bytes, at: int) -> str:
    end = texts.index(b"\0", at, at + _LONGEST_NAME)
    return texts[at:end].decode("utf-8", "replace")
