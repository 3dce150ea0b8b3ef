"""A report as a picture: for each kind of event two points on a logarithmic scale, ours and theirs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from statistics import median
from typing import Final

from tests.upstream.bench.rows import Report, Row

__all__ = ["draw"]

_WIDTH, _LEFT, _RIGHT, _TOP = 860, 290, 740, 92  # the picture, and where its scale begins and ends
_LINE, _GAP, _BOTTOM = 20, 14, 46
_TITLE: Final = "What an event costs: this host and Inspektor Gadget running the same gadgets"

_LIGHT: Final = {
    "ground": "#ffffff",
    "text": "#1f2328",
    "faint": "#59636e",
    "line": "#d1d9e0",
    "ours": "#0969da",
    "theirs": "#bc4c00",
}
_DARK: Final = {
    "ground": "#0d1117",
    "text": "#f0f6fc",
    "faint": "#9198a1",
    "line": "#3d444d",
    "ours": "#4493f8",
    "theirs": "#f0883e",
}


def _colours(of: dict[str, str]) -> str:
    return f"""
    .ground {{ fill: {of["ground"]}; stroke: {of["line"]}; }}
    text {{ fill: {of["text"]}; }}
    .faint {{ fill: {of["faint"]}; }}
    line {{ stroke: {of["line"]}; }}
    .between {{ stroke: {of["faint"]}; }}
    .ours {{ fill: {of["ours"]}; }}
    .theirs {{ fill: {of["ground"]}; stroke: {of["theirs"]}; }}
"""


# The picture brings its own ground, so it can be read on a light page and on a dark one.
_STYLE: Final = f"""
    text {{ font: 13px system-ui, sans-serif; }}
    .title {{ font-size: 16px; font-weight: 600; }}
    .group {{ font-weight: 600; }}
    .faint {{ font-size: 11px; }}
    .end {{ text-anchor: end; }}
    .middle {{ text-anchor: middle; }}
    .between {{ stroke-width: 2; }}
    .theirs {{ stroke-width: 2.5; }}
{_colours(_LIGHT)}
    @media (prefers-color-scheme: dark) {{{_colours(_DARK)}}}
"""


def draw(report: Report) -> str:
    """The rows of the report that are about events, as SVG.

    Raises:
        ValueError: there are none.
    """
    rows = [row for row in report.rows if row.section in ("speed", "across")]
    if not rows:
        raise ValueError("the report has no events to draw (sections speed and across)")
    groups = [(guest, list(found)) for guest, found in groupby(rows, lambda row: row.guest)]
    scale = _Scale(rows)
    bottom = _TOP + len(rows) * _LINE + len(groups) * (_LINE + _GAP)
    parts = [*_head(report), *_axis(scale, bottom), *_groups(groups, scale)]
    height = bottom + _BOTTOM
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
            f' aria-label="{escape(_TITLE)}">',
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *parts,
            *_foot(report, bottom),
            "</svg>\n",
        ]
    )


class _Scale:
    """Where microseconds lie: whole powers of ten around what was measured."""

    def __init__(self, rows: Sequence[Row]) -> None:
        medians = [median(samples) for row in rows for samples in (row.ours, row.theirs)]
        self.first, self.last = math.floor(math.log10(min(medians))), math.ceil(math.log10(max(medians)))

    def x(self, microseconds: float) -> float:
        """The place of a number of microseconds."""
        part = (math.log10(microseconds) - self.first) / (self.last - self.first)
        return round(_LEFT + part * (_RIGHT - _LEFT), 1)

    @property
    def ticks(self) -> list[float]:
        """Powers of ten."""
        return [10.0**power for power in range(self.first, self.last + 1)]


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}"' + (f' class="{kind}"' if kind else "") + f">{escape(text)}</text>"


def _head(report: Report) -> Iterator[str]:
    yield _text(20, 30, _TITLE, "title")
    yield _circle(27, 52, "ours")
    yield _text(38, 56, "this host")
    yield _circle(127, 52, "theirs")
    yield _text(138, 56, f"Inspektor Gadget {report.machine['Inspektor Gadget']}")
    yield _text(_LEFT, _TOP - 12, "microseconds for an event, less is better", "faint")
    yield _text(_WIDTH - 20, _TOP - 12, "times as fast", "faint end")


def _axis(scale: _Scale, bottom: float) -> Iterator[str]:
    for tick in scale.ticks:
        x = scale.x(tick)
        yield f'<line x1="{x:g}" y1="{_TOP}" x2="{x:g}" y2="{bottom:g}"/>'
        yield _text(x, bottom + 14, f"{tick:g}", "faint middle")


def _groups(groups: Sequence[tuple[str, Sequence[Row]]], scale: _Scale) -> Iterator[str]:
    y = float(_TOP)
    for guest, rows in groups:
        ours, _, theirs = guest.partition(" / ")
        y += _LINE
        yield _text(20, y, f"{ours} here, {theirs} there" if theirs else ours, "group")
        for row in rows:
            y += _LINE
            yield from _row(row, scale, y)
        y += _GAP


def _row(row: Row, scale: _Scale, y: float) -> Iterator[str]:
    ours, theirs = median(row.ours), median(row.theirs)
    yield _text(_LEFT - 16, y, row.what, "end")
    yield f'<line class="between" x1="{scale.x(ours):g}" y1="{y - 4:g}" x2="{scale.x(theirs):g}" y2="{y - 4:g}"/>'
    for kind, value in (("theirs", theirs), ("ours", ours)):
        yield f"<g><title>{value:.3g} us</title>{_circle(scale.x(value), y - 4, kind)}</g>"
    yield _text(_WIDTH - 20, y, f"{row.ratio:.0f}" if row.ratio >= 9.95 else f"{row.ratio:.1f}", "end")


def _circle(x: float, y: float, kind: str) -> str:
    return f'<circle class="{kind}" cx="{x:g}" cy="{y:g}" r="5"/>'


def _foot(report: Report, bottom: float) -> Iterator[str]:
    rounds = len(report.rows[0].ours)
    versions = (f"{name} {report.machine[name]}" for name in ("gadget-host", "Go", "Python"))
    text = f"medians of {rounds} samples; {report.machine['machine']}; {', '.join(versions)}"
    yield _text(20, bottom + 34, text, "faint")
