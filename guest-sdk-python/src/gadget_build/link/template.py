"""A module with holes, and how it is kept in a cache."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

__all__ = ["Template"]

_LENGTH = struct.Struct("<I")
_DIGEST = hashlib.sha256().digest_size
_FIXED = 0xFFFFFFFF  # in place of the number of a variable: the global's value is part of the template


@dataclass(frozen=True)
class Template:
    """A module but for its memory: sections before the memory, globals, sections after them and before the data.

    A global is its encoded type and initial value, or the number of a global of the main module (counted among those
    it defines) whose value the snapshot decides, with its encoded type.
    """

    head: bytes
    globals: tuple[tuple[bytes, int | None], ...]
    tail: bytes

    def to_bytes(self) -> bytes:
        """The template with a digest in front."""
        pieces = [_sized(self.head), _sized(self.tail), _LENGTH.pack(len(self.globals))]
        for encoded, variable in self.globals:
            pieces += [_LENGTH.pack(_FIXED if variable is None else variable), _sized(encoded)]
        payload = b"".join(pieces)
        return hashlib.sha256(payload).digest() + payload

    @classmethod
    def from_bytes(cls, data: bytes) -> Template | None:
        """Read a template back; None if it is damaged."""
        payload = memoryview(data)[_DIGEST:]
        if hashlib.sha256(payload).digest() != data[:_DIGEST]:
            return None
        head, at = _read(payload, 0)
        tail, at = _read(payload, at)
        (count,), at = _LENGTH.unpack_from(payload, at), at + _LENGTH.size
        variables = []
        for _ in range(count):
            (variable,) = _LENGTH.unpack_from(payload, at)
            encoded, at = _read(payload, at + _LENGTH.size)
            variables.append((encoded, None if variable == _FIXED else variable))
        return cls(head, tuple(variables), tail)


def _sized(data: bytes) -> bytes:
    return _LENGTH.pack(len(data)) + data


def _read(data: memoryview, at: int) -> tuple[bytes, int]:
    (size,) = _LENGTH.unpack_from(data, at)
    start = at + _LENGTH.size
    return bytes(data[start : start + size]), start + size
