"""A report as a table of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from statistics import median

from tests.upstream.bench.rows import Report, Row

__all__ = ["SECTIONS", "body", "head", "tail"]

SECTIONS = {
    "speed": "an event through the same gadget",
    "across": "a Python gadget here, the Go gadget there",
    "dicts": "events that are dicts of Python's here",
    "start": "from the module to the started gadget",
    "memory": "memory of a gadget",
}
"""What is compared, in this order."""

_WIDTH = 48


def head(machine: Mapping[str, str]) -> str:
    """What it was measured on."""
    return "\n".join(f"{name + ':':<18}{value}" for name, value in machine.items())


def body(rows: Iterable[Row]) -> Iterator[str]:
    """A line for each row as it comes, with a head for each section."""
    for section, found in groupby(rows, lambda row: row.section):
        yield f"\n{SECTIONS[section]:<{_WIDTH}} {'here':>10} {'upstream':>10} {'ratio':>12}"
        yield from map(_line, found)


def _line(row: Row) -> str:
    figures = f"{median(row.ours):>10.3f} {median(row.theirs):>10.3f} {row.unit:<3} {row.ratio:>8.2f}x"
    target = f"  at least {row.target:g}x{', missed' * row.missed}" if row.target else ""
    return f"{row.guest:<13}{row.what:<{_WIDTH - 13}} {figures}{target}"


def tail(report: Report) -> Iterator[str]:
    """What came of the targets, and what is not there."""
    asked = [row for row in report.rows if row.target]
    if asked:
        yield f"\n{sum(not row.missed for row in asked)} of {len(asked)} targets met"
    yield from (f"not measured: {reason}" for reason in report.left_out)
