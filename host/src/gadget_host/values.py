"""Values of fields in Python, by kind: what is accepted, what comes out, and their bytes.

Bool               bool
Int8 .. Uint64     int
Float32, Float64   float; of a Float32 exactly the value that its four bytes hold
String             str, UTF-8; bytes that are not are the lone surrogates of "surrogateescape"
CString            the same, up to the first NUL
Bytes, Invalid     bytes
"""

from __future__ import annotations

import struct
from typing import Any, Final

from .schema import KINDS, WIDTHS

__all__ = ["FORMATS", "ZEROS", "canonical", "to_bits", "to_bytes"]

_LETTERS: Final = {1: "b", 2: "h", 4: "i", 8: "q"}

FORMATS: Final = {
    kind: {"Bool": "B", "Float32": "f", "Float64": "d"}.get(
        kind, _LETTERS[width].upper() if kind.startswith("Uint") else _LETTERS[width]
    )
    for kind, width in WIDTHS.items()
}
"""struct's letters for the scalar kinds."""


def _zero(kind: str) -> object:
    if kind in ("String", "CString"):
        return ""
    if kind not in WIDTHS:
        return b""
    return {"Bool": False, "Float32": 0.0, "Float64": 0.0}.get(kind, 0)


ZEROS: Final = {kind: _zero(kind) for kind in KINDS}
"""The values of fields that nobody has set, by kind."""


def canonical(kind: str, value: Any, size: int = 0) -> Any:
    """The value as a decoder would give it back.

    Args:
        kind: of the field.
        value: anything.
        size: bytes of a static member, 0 for the others.

    Raises:
        ValueError: it is no value of that kind; the text says what would be.
    """
    if kind in ("String", "CString"):
        return _text(kind, value, size)
    if kind not in WIDTHS:
        return _bytes(value, size)
    if kind == "Bool":
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
    elif kind.startswith("Float"):
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _float(kind, value)
    elif isinstance(value, int) and not isinstance(value, bool):
        try:
            struct.pack(f"<{FORMATS[kind]}", value)
        except struct.error:
            raise ValueError(f"{kind}, {_range(kind)}") from None
        return int(value)
    raise ValueError(kind)


def _range(kind: str) -> str:
    bits = 8 * WIDTHS[kind]
    low, high = (0, 2**bits - 1) if kind.startswith("Uint") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return f"{low} to {high}"


def _float(kind: str, value: float) -> float:
    letter = FORMATS[kind]
    try:
        result: float = struct.unpack(f"<{letter}", struct.pack(f"<{letter}", value))[0]
    except (OverflowError, struct.error):
        raise ValueError(f"{kind}, and not as large") from None
    return result


def _text(kind: str, value: Any, size: int) -> str:
    if isinstance(value, bytes | bytearray):
        raw = bytes(value)
    elif isinstance(value, str):
        try:
            raw = value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise ValueError(f"{kind}, text that UTF-8 can hold") from None
    else:
        raise ValueError(kind)  # noqa: TRY004 - callers tell values from values, not types
    if kind == "CString":
        raw = raw.partition(b"\0")[0]
    elif size:
        raw = raw.rstrip(b"\0")
    if size and len(raw) > size:
        raise ValueError(f"{kind} of at most {size} bytes")
    return raw.decode("utf-8", "surrogateescape")


def _bytes(value: Any, size: int) -> bytes:
    if isinstance(value, str):
        try:
            raw = bytes.fromhex(value)
        except ValueError:
            raise ValueError("Bytes, or hexadecimal digits") from None
    elif isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
    else:
        raise ValueError("Bytes")  # noqa: TRY004 - as above
    if size and len(raw) > size:
        raise ValueError(f"Bytes, at most {size} of them")
    return raw.ljust(size, b"\0")


def to_bits(kind: str, value: Any) -> int:
    """A scalar's bits as the ABI's calls carry them, as a signed 64-bit number."""
    raw = struct.pack(f"<{FORMATS[kind]}", value)
    return int.from_bytes(raw.ljust(8, b"\0"), "little", signed=True)


def to_bytes(value: str | bytes) -> bytes:
    """The bytes of a canonical text or byte string."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
