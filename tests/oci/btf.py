"""Writes eBPF objects that are nothing but a description of types."""

from __future__ import annotations

import struct
from collections.abc import Sequence

__all__ = ["Btf"]

Parts = Sequence[tuple[str, int, int]]
"""Name, type and place in bits."""
FLAG = 1 << 31


class Btf:
    """Types by number, as they are added; 0 is void. `object()` is the file."""

    def __init__(self) -> None:
        self._types, self._strings, self._count = b"", b"\0", 0

    def integer(self, name: str, size: int, encoding: int = 0) -> int:
        """An integer: encoding 1 is signed, 4 a truth value."""
        return self._add(1, name, size, struct.pack("<I", encoding << 24 | size * 8))

    def pointer(self, target: int) -> int:
        """A pointer."""
        return self._add(2, "", target)

    def array(self, element: int, count: int) -> int:
        """An array."""
        return self._add(3, "", 0, struct.pack("<III", element, 0, count))

    def structure(self, name: str, size: int, members: Parts, bit_fields: bool = False) -> int:
        """A structure; with bit fields, a member's place has its width above bit 24."""
        return self._compound(4, name, size, members, FLAG if bit_fields else 0)

    def union(self, name: str, size: int, members: Parts) -> int:
        """A union."""
        return self._compound(5, name, size, members, 0)

    def alias(self, name: str, target: int) -> int:
        """A typedef."""
        return self._add(8, name, target)

    def const(self, target: int) -> int:
        """A type that is const."""
        return self._add(10, "", target)

    def variable(self, name: str, target: int) -> int:
        """A variable."""
        return self._add(14, name, target, struct.pack("<I", 1))

    def floating(self, name: str, size: int) -> int:
        """A floating-point number."""
        return self._add(16, name, size)

    def object(self) -> bytes:
        """An ELF file with these types in its section .BTF."""
        header = struct.pack(
            "<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self._types), len(self._types), len(self._strings)
        )
        names, types = b"\0.shstrtab\0.BTF\0", header + self._types + self._strings
        rows = [(0, 0, 0), (1, 64, len(names)), (11, 64 + len(names), len(types))]
        sections = b"".join(struct.pack("<II16xQQ24x", name, 1, at, size) for name, at, size in rows)
        start = 64 + len(names) + len(types)
        elf = struct.pack("<4sBBB9xHHI", b"\x7fELF", 2, 1, 1, 1, 247, 1)
        elf += struct.pack("<QQQIHHHHHH", 0, 0, start, 0, 64, 0, 0, 64, len(rows), 1)
        return elf + names + types + sections

    def _compound(self, kind: int, name: str, size: int, members: Parts, flag: int) -> int:
        body = b"".join(struct.pack("<III", self._text(called), *place) for called, *place in members)
        return self._add(kind, name, size, body, len(members) | flag)

    def _add(self, kind: int, name: str, target: int, body: bytes = b"", info: int = 0) -> int:
        self._types += struct.pack("<III", self._text(name), kind << 24 | info, target) + body
        self._count += 1
        return self._count

    def _text(self, text: str) -> int:
        if not text:
            return 0
        at = len(self._strings)
        self._strings += text.encode() + b"\0"
        return at
