"""A row as a YAML document, in the manner of `ig run -o yaml`: `---`, keys sorted, block style.

Strings are plain where every reader takes them for strings, else in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from gadget_host.schema import SourceSchema
from gadget_host.streams.gojson import go_float, go_string

__all__ = ["yaml_document"]

_PLAIN: Final = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.,+@%=()~-]*(?: [A-Za-z0-9/_.,+@%=()~-]+)*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# What YAML does not allow in a double-quoted string, besides what JSON does not.
_ESCAPED: Final = re.compile('[\x00-\x1f"\\\\\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]')


def yaml_document(row: dict[str, Any], schema: SourceSchema) -> str:
    """One row of a source, with its `---`. Bytes are hexadecimal, NaN and infinities null."""
    narrow = {item.path for item in schema.fields if item.kind == "Float32"}
    skipped = {item.path for item in schema.fields if item.annotations.get("json.skip") == "true"}
    lines = _lines(row, (), narrow, skipped)
    return "\n".join(("---", *(lines if row else ("{}",)), ""))


def _lines(
    row: dict[str, Any], path: tuple[str, ...], narrow: set[tuple[str, ...]], skipped: set[tuple[str, ...]]
) -> Iterator[str]:
    indent = "  " * len(path)
    for key in sorted(row):
        here = (*path, key)
        value = row[key]
        if here in skipped:
            continue
        if isinstance(value, dict) and value:
            yield f"{indent}{_text(key)}:"
            yield from _lines(value, here, narrow, skipped)
        else:
            yield f"{indent}{_text(key)}: {_scalar(value, 32 if here in narrow else 64)}"


def _scalar(value: object, bits: int) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = go_float(value, bits)
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    if isinstance(value, bytes):
        return _text(value.hex())
    return "{}" if isinstance(value, dict) else "null" if value is None else str(value)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return go_string(text, _ESCAPED)
