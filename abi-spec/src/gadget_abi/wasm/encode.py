"""Write the smallest pieces of the wasm binary format: what `binary` reads.

Spec: https://webassembly.github.io/spec/core/binary/
"""

from __future__ import annotations

__all__ = ["name", "section", "u32"]


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


def name(text: str) -> bytes:
    """Encode a string with its length in front."""
    raw = text.encode("utf-8")
    return u32(len(raw)) + raw


def section(kind: int, contents: bytes) -> bytes:
    """Encode a section."""
    return bytes((kind,)) + u32(len(contents)) + contents
