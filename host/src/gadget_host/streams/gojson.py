"""JSON to the byte as `ig run -o json` writes it.

    keys sorted at every level; no spaces; 64-bit integers in full; bytes in lower-case hexadecimal
    floats in the shortest form, 1 for 1.0, exponents below 1e-6 and from 1e21 on
    in strings: \\n \\r \\t \\" \\\\, other control characters \\u00xx, U+2028 and U+2029 escaped, no HTML
    escapes, \\ufffd for every byte that is not UTF-8

Source: upstream's pkg/datasource/formatters/json (itself Go's encoding/json). One difference: a NaN or an
infinity makes it write nothing where the number should be, which no reader accepts; here it is null.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

import orjson

from gadget_host.schema import SourceSchema

__all__ = ["JsonEncoder", "go_float", "go_string", "readable"]

_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
_FLOAT32_EXPONENT_BELOW: Final = struct.unpack("f", struct.pack("f", 1e-6))[0]

# What Go escapes and orjson does not, or otherwise.
_MARKS: Final = (b"\\b", b"\\f", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
_DIFFERENT: Final = re.compile(rb"\\.|\xe2\x80[\xa8\xa9]")
_GO_ESCAPES: Final = dict(zip(_MARKS, (b"\\u0008", b"\\u000c", b"\\u2028", b"\\u2029"), strict=True))

_ESCAPED: Final = re.compile('[\x00-\x1f"\\\\\u2028\u2029\ud800-\udfff]')
_NOT_UTF8: Final = re.compile("[\ud800-\udfff]")
_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def go_string(text: str, escaped: re.Pattern[str] = _ESCAPED) -> str:
    """A string in quotes; a surrogate, which stands for a byte that is not UTF-8, becomes \\ufffd.

    Args:
        text: decoded with `surrogateescape`.
        escaped: the characters to escape.
    """
    return f'"{escaped.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if "\ud800" <= char <= "\udfff":
        return "\\ufffd"
    return _SHORT.get(char) or f"\\u{ord(char):04x}"


def go_float(value: float, bits: int = 64) -> str:
    """A number as Go's encoding/json writes a float64 or a float32; null for NaN and infinities."""
    if value - value != 0:  # NaN, infinity
        return "null"
    text = repr(value) if bits == 64 else _shortest32(value)
    size, below = abs(value), 1e-6 if bits == 64 else _FLOAT32_EXPONENT_BELOW
    if size and (size < below or size >= 1e21):
        return _exponent_form(text)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.rstrip("0").removesuffix(".") if "." in text else text


def _shortest32(value: float) -> str:
    """The shortest digits that give this float32 again (9 always do)."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        if struct.pack("f", float(text)) == struct.pack("f", value):
            break
    return text


def _exponent_form(text: str) -> str:
    """`text` with an exponent: at least two digits after e+, no leading zero after e-."""
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    mantissa = "".join(map(str, digits))
    power = int(exponent) + len(digits) - 1
    point = f"{mantissa[0]}.{mantissa[1:]}" if len(mantissa) > 1 else mantissa
    return f"{'-' if sign else ''}{point}e{f'+{power:02}' if power >= 0 else power}"


class JsonEncoder:
    """Encodes the events of one source, a line each.

    Args:
        schema: of the source: says which fields are floats and how wide, and which are left out (annotation
            `json.skip`).
        pretty: indent by two, as `-o jsonpretty`.
    """

    def __init__(self, schema: SourceSchema, *, pretty: bool = False) -> None:
        self._options = _OPTIONS | (orjson.OPT_INDENT_2 if pretty else 0)
        self._floats = [
            (item.path, 32 if item.kind == "Float32" else 64)
            for item in schema.fields
            if item.kind in ("Float32", "Float64")
        ]
        self._skipped = [item.path for item in schema.fields if item.annotations.get("json.skip") == "true"]
        self._rewrites = bool(self._floats or self._skipped)

    def encode(self, events: Iterable[Any]) -> bytes:
        """Some events, each a row (dict) or an array of rows (list). May change the rows it is given."""
        if self._rewrites:
            events = list(events)
            for event in events:
                for row in event if isinstance(event, list) else (event,):
                    self._rewrite(row)
        options = self._options
        try:
            text = b"".join([orjson.dumps(event, _hex, options) for event in events])
        except TypeError:  # not UTF-8
            text = b"".join([orjson.dumps(_escaped(event), _hex, options) for event in events])
        if any(mark in text for mark in _MARKS):
            text = _DIFFERENT.sub(_as_go, text)
        return text

    def _rewrite(self, row: dict[str, Any]) -> None:
        for path, bits in self._floats:
            holder = _holder(row, path)
            if holder is not None and isinstance(value := holder.get(path[-1]), (int, float)):
                holder[path[-1]] = orjson.Fragment(go_float(float(value), bits))
        for path in self._skipped:
            if (holder := _holder(row, path)) is not None:
                holder.pop(path[-1], None)


def _holder(row: Any, path: tuple[str, ...]) -> dict[str, Any] | None:
    """The object that has the last key of `path`."""
    for key in path[:-1]:
        row = row.get(key) if isinstance(row, dict) else None
    return row if isinstance(row, dict) else None


def _hex(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value.hex()
    raise TypeError(f"{type(value).__name__} in an event")


def readable(text: str) -> str:
    """The text with U+FFFD for every byte that is not UTF-8: a guest may give a field any name."""
    return text if text.isascii() else _NOT_UTF8.sub("\ufffd", text)


def _escaped(value: Any) -> Any:
    """A copy whose strings that are not UTF-8 are written already."""
    if isinstance(value, dict):
        return {readable(key): _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, str) and not value.isascii():
        return orjson.Fragment(go_string(value))
    return value


def _as_go(match: re.Match[bytes]) -> bytes:
    return _GO_ESCAPES.get(match.group(), match.group())
