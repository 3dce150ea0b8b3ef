"""How the commands of this package lay out text: for a terminal of any width, and the same without colour in a pipe."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["colour", "columns", "listing", "paragraph", "printable", "section", "width"]

_NARROW, _WIDE = 60, 120
# A function type is not broken into two lines.
_CORE_TYPE = re.compile(r"\w*\([if3264, ]*\) -> \([if3264, ]*\)")
_GLUE = "\0"
_CODES = {"red": 31, "green": 32, "yellow": 33, "bold": 1, "dim": 2}


def width() -> int:
    """Columns to fill: those of the terminal or of COLUMNS, 100 in a pipe, never below 60 nor above 120."""
    return max(_NARROW, min(_WIDE, shutil.get_terminal_size((100, 24)).columns))


def colour(text: str, name: str) -> str:
    """Colour a text on a terminal, unless NO_COLOR is set."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m"


def paragraph(text: str, *, first: str = "", rest: str | None = None) -> str:
    """Wrap a text; `first` stands before the first line, `rest` (or as many blanks) before the others."""
    indent = " " * len(first) if rest is None else rest
    whole = _CORE_TYPE.sub(lambda match: match[0].replace(" ", _GLUE), text)
    filled = textwrap.fill(
        whole,
        width(),
        initial_indent=first,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return filled.replace(_GLUE, " ")


def printable(text: str, most: int = 200) -> str:
    """A name from a file as it may be shown: no control characters, not endless."""
    text = text if len(text) <= most else f"{text[:most]}..."
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def columns(rows: Sequence[Sequence[str]], *, indent: int = 2, most: int = 48) -> Iterator[str]:
    """Align rows; the last column is wrapped under itself. No other column gets wider than `most`."""
    if not rows:
        return
    *widths, _ = (min(most, max(len(cell) for cell in column)) for column in zip(*rows, strict=True))
    for *cells, last in rows:
        lead = " " * indent + "".join(f"{cell:{size}}  " for cell, size in zip(cells, widths, strict=True))
        room = " " * (indent + sum(widths) + 2 * len(widths))
        yield paragraph(last, first=lead, rest=room) if last else lead.rstrip()


def listing(names: Iterable[str], *, indent: int = 2) -> str:
    """Names separated by commas, wrapped."""
    return paragraph(", ".join(names), first=" " * indent)


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A blank line, a title and lines; nothing when there are none."""
    body = list(lines)
    if body:
        yield ""
        yield colour(title, "bold")
        yield from body
