"""How wide the columns of a table are, given what is in them and how wide the terminal is."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gadget_host.schema import USUAL_ANNOTATIONS, FieldSchema

__all__ = ["Layout", "cut", "fit", "layout_of", "text_width"]

WIDEST: Final = 48
"""How wide a column gets by its content alone, in terminal cells."""

# A column that asks for just this follows its content.
_DEFAULTS: Final = {key.removeprefix("columns."): value for key, value in USUAL_ANNOTATIONS.items()}

# What upstream's `template` annotation stands for (pkg/datasource/columns.go), as far as the layout goes.
_TEMPLATES: Final[dict[str, dict[str, str]]] = {
    "timestamp": {"width": "35", "maxwidth": "35"},
    "node": {"width": "30", "ellipsis": "middle"},
    "pod": {"width": "30", "ellipsis": "middle"},
    "container": {"width": "30"},
    "namespace": {"width": "30"},
    "containerImageName": {"width": "30"},
    "containerImageDigest": {"width": "30"},
    "containerStartedAt": {"width": "35"},
    "comm": {"maxwidth": "16"},
    "pcomm": {"maxwidth": "16"},
    "pid": {"minwidth": "7"},
    "uid": {"minwidth": "8"},
    "gid": {"minwidth": "8"},
    "ns": {"width": "12"},
    "l4endpoint": {"minwidth": "22", "width": "40", "maxwidth": "52"},
    "syscall": {"width": "18", "maxwidth": "28"},
    "errorString": {"width": "12"},
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What a field's annotations ask for; widths in terminal cells, 0 when nothing is asked.

    Args:
        width: of the column when there is room.
        min_width: even when there is none.
        max_width: even when there is more.
        fixed: `width` is both.
        right: aligned right.
        ellipsis: where a long text is cut: "start", "middle", "end", or "" for the end without a mark.
        hex: integers as 0x1f.
        precision: decimals of a float.
    """

    width: int = 0
    min_width: int = 0
    max_width: int = 0
    fixed: bool = False
    right: bool = False
    ellipsis: str = "end"
    hex: bool = False
    precision: int = 2


def layout_of(field: FieldSchema) -> Layout:
    """Read a field's `columns.*` annotations, any case, and its `template`; nonsense counts as absent."""
    asked = dict(_TEMPLATES.get(field.annotations.get("template", ""), {}))
    given = {
        key.lower().removeprefix("columns."): value
        for key, value in field.annotations.items()
        if key.lower().startswith("columns.")
    }
    if _DEFAULTS.items() <= given.items():
        given = {key: value for key, value in given.items() if key not in _DEFAULTS}
    elif given.get("width") == _DEFAULTS["width"] and len(given) > 1:
        del given["width"]
    asked |= given
    width, fixed = _number(asked, "width"), asked.get("fixed") == "true"
    return Layout(
        width=width,
        min_width=width if fixed else _number(asked, "minwidth"),
        max_width=width if fixed else _number(asked, "maxwidth"),
        fixed=fixed,
        right=asked.get("alignment", "right" if field.kind.startswith(("Int", "Uint", "Float")) else "")
        == "right",
        ellipsis=asked.get("ellipsis", "end"),
        hex=asked.get("hex") == "true",
        precision=_number(asked, "precision", 2),
    )


def _number(asked: dict[str, str], key: str, default: int = 0) -> int:
    text = asked.get(key, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else default


def text_width(text: str) -> int:
    """Terminal cells a text takes: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def cut(text: str, width: int, ellipsis: str) -> str:
    """`text` in at most `width` cells, with a mark where something is missing."""
    if text_width(text) <= width:
        return text
    if not ellipsis:
        return _head(text, width)
    if ellipsis == "start":
        return "…" + _head(text[::-1], width - 1)[::-1]
    if ellipsis == "middle":
        return f"{_head(text, width // 2)}…{_head(text[::-1], (width - 1) // 2)[::-1]}"
    return _head(text, width - 1) + "…"


def _head(text: str, width: int) -> str:
    text = text[: max(width, 0)]
    while text_width(text) > width:
        text = text[:-1]
    return text


def fit(layouts: Sequence[Layout], content: Sequence[int], available: int | None) -> list[int]:
    """Widths of the columns of one table.

    Args:
        layouts: of the columns.
        content: cells that the widest value or the heading takes, per column.
        available: cells of a line without the gaps; None: as many as needed.
    """
    pairs = list(zip(layouts, content, strict=True))
    widths = [_natural(layout, need) for layout, need in pairs]
    if available is None:
        return widths
    floors = [max(layout.min_width, min(width, 3)) for layout, width in zip(layouts, widths, strict=True)]
    while sum(widths) > available:
        shrinkable = [n for n, width in enumerate(widths) if width > floors[n]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=widths.__getitem__)] -= 1
    for n, (layout, need) in enumerate(pairs):
        room = min(available - sum(widths), need - widths[n], (layout.max_width or need) - widths[n])
        widths[n] += max(room, 0)
    return widths


def _natural(layout: Layout, need: int) -> int:
    width = layout.width or min(need, WIDEST)
    width = min(width, layout.max_width or width)
    return max(width, layout.min_width, 1)
