"""Rows as a table: headings in capitals, a line per row, as they come.

Widths follow the annotations and what the first rows hold; on a terminal the table fits its width and long
values are cut, elsewhere nothing is cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final

from gadget_host.schema import FieldSchema, SourceSchema
from gadget_host.streams.widths import Layout, cut, fit, layout_of, text_width

__all__ = ["ColumnsTable"]

_GAP: Final = " "
_BOLD, _PLAIN = "\x1b[1m", "\x1b[0m"
_FEW: Final = 20
"""Rows that say little about those to come: strings get at least 16 cells then, numbers 7."""

_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

Row = dict[str, Any]


class ColumnsTable:
    """The table of one source.

    Args:
        schema: of the source; hidden fields and fields without value have no column.
        width: of the terminal, in cells; None: not a terminal.
        colour: whether headings are bold.
    """

    def __init__(self, schema: SourceSchema, *, width: int | None = None, colour: bool = False) -> None:
        fields = [field for field in schema.fields if field.has_value and not field.hidden]
        self._headings = [field.name.upper() for field in fields]
        self._layouts = [layout_of(field) for field in fields]
        self._texts = [
            _texter(field, layout, schema) for field, layout in zip(fields, self._layouts, strict=True)
        ]
        self._width = width
        self._colour = colour
        self._widths: list[int] = []

    def header(self, rows: Sequence[Row], *, keep: bool = False) -> str:
        """The headings' line. The rows that follow decide the widths; `keep`: unless that was done before."""
        if not (keep and self._widths):
            self._widths = self._measure(rows)
        line = self._line(self._headings)
        return f"{_BOLD}{line}{_PLAIN}\n" if self._colour else f"{line}\n"

    def lines(self, rows: Iterable[Row]) -> str:
        """A line per row."""
        texts = self._texts
        return "".join([f"{self._line([text(row) for text in texts])}\n" for row in rows])

    def _measure(self, rows: Sequence[Row]) -> list[int]:
        cells = [[text(row) for row in rows] for text in self._texts]
        content = []
        for heading, layout, values in zip(self._headings, self._layouts, cells, strict=True):
            least = (7 if layout.right else 16) if len(rows) < _FEW and not layout.width else 0
            content.append(max([text_width(heading), least, *map(text_width, values)]))
        available = None if self._width is None else self._width - len(_GAP) * (len(content) - 1)
        return fit(self._layouts, content, available)

    def _line(self, texts: list[str]) -> str:
        cells = map(self._cell, texts, self._widths, self._layouts)
        return _GAP.join(cells).rstrip()

    def _cell(self, text: str, width: int, layout: Layout) -> str:
        taken = text_width(text)
        if taken > width and self._width is not None:
            text = cut(text, width, layout.ellipsis)
            taken = text_width(text)
        padding = " " * (width - taken)
        return padding + text if layout.right else text + padding


def _texter(field: FieldSchema, layout: Layout, schema: SourceSchema) -> Callable[[Row], str]:
    """What turns a row into the text of one cell."""
    shown = schema.get(field.annotations.get("columns.replace", "")) or field
    value_of = _getter(shown.path)

    def text(row: Row) -> str:
        try:
            value = value_of(row)
        except (KeyError, TypeError):  # added after the row was made
            return ""
        return _text(value, layout)

    return text


def _getter(path: tuple[str, ...]) -> Callable[[Row], Any]:
    if len(path) == 1:
        return itemgetter(path[0])

    def get(row: Any) -> Any:
        for key in path:
            row = row[key]
        return row

    return get


def _text(value: object, layout: Layout) -> str:
    if isinstance(value, str):
        return _UNPRINTABLE.sub(_visible, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return hex(value) if layout.hex else str(value)
    if isinstance(value, float):
        return f"{value:.{layout.precision}f}"
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else ""


def _visible(match: re.Match[str]) -> str:
    """A character that would move the cursor or is none at all, as something that can be printed."""
    code = ord(match.group())
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
