"""The coverage matrix: for each signature set, how many cases ask what of which function.

An empty cell has a reason in reasons.json, or is a gap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from textwrap import fill
from typing import Any

from gadget_abi import Abi

from .case import COLUMNS, Case, runs_of

__all__ = ["Cell", "excused_rules", "gaps", "matrix", "matrix_json", "matrix_text", "needless_reasons"]


@dataclass(frozen=True)
class Cell:
    """A function of a set and a column: the ids of the cases, or why there are none."""

    signature_set: str
    function: str
    column: str
    cases: tuple[str, ...]
    reason: str

    @property
    def is_gap(self) -> bool:
        """Whether it is empty without a reason."""
        return not (self.cases or self.reason)


@cache
def _data() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((files(__package__) / "reasons.json").read_text("utf-8"))
    return found


@cache
def _reasons() -> Mapping[tuple[str, str], str]:
    """Reason by function and column."""
    return {
        (function, item["column"]): item["reason"]
        for item in _data()["cells"]
        for function in item["functions"]
    }


def excused_rules() -> Mapping[str, str]:
    """Quirks and changes ("quirk:id") that no case can show from outside, with the reason."""
    return {rule: item["reason"] for item in _data()["rules"] for rule in item["rules"]}


def matrix(abi: Abi, cases: Iterable[Case]) -> list[Cell]:
    """Every cell, by set, function and column."""
    found: dict[tuple[str, ...], list[str]] = {}
    releases = [release.name for release in abi.releases]
    for case in cases:
        sets = {run.signature_set for run in runs_of(case, abi, ("careful", "strict"), releases=releases)}
        for function, column in case.covers:
            for name in sets:
                found.setdefault((name, function, column), []).append(case.id)
    return [
        Cell(
            item.name,
            function,
            column,
            tuple(found.get((item.name, function, column), ())),
            _reason(function, column),
        )
        for item in abi.signature_sets
        for function in item.forms
        for column in COLUMNS
    ]


def _reason(function: str, column: str) -> str:
    return _reasons().get((function, column), "")


def gaps(cells: Iterable[Cell]) -> list[Cell]:
    """Cells that are empty without a reason."""
    return [cell for cell in cells if cell.is_gap]


def needless_reasons(cells: Iterable[Cell]) -> list[str]:
    """Reasons for cells that are not empty in any set, or that are of no function."""
    empty = {(cell.function, cell.column) for cell in cells if not cell.cases}
    return [f"{function}:{column}" for function, column in _reasons() if (function, column) not in empty]


def matrix_text(cells: Iterable[Cell]) -> str:
    """A table for each set, and the reasons: numbers of cases, `-` where there is a reason for none, `!` for a gap."""
    by_set: dict[str, dict[str, list[Cell]]] = {}
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        by_set.setdefault(cell.signature_set, {}).setdefault(cell.function, []).append(cell)
        if cell.reason and not cell.cases:
            reasons.setdefault(f"{cell.column}: {cell.reason}", []).append(cell.function)
    tables = [_table(name, rows) for name, rows in by_set.items()]
    return "\n\n".join([*tables, *(_reason_text(*item) for item in reasons.items())])


def _reason_text(reason: str, functions: Iterable[str]) -> str:
    return fill(f"- {reason}: {', '.join(dict.fromkeys(functions))}", 110, subsequent_indent="  ")


def _table(name: str, rows: Mapping[str, list[Cell]]) -> str:
    width = max(map(len, (*rows, name)))
    lines = ["  ".join([name.ljust(width), *COLUMNS])]
    for function, cells in rows.items():
        marks = (_mark(cell).rjust(len(cell.column)) for cell in cells)
        lines.append("  ".join([function.ljust(width), *marks]))
    return "\n".join(lines)


def _mark(cell: Cell) -> str:
    return str(len(cell.cases)) if cell.cases else "-" if cell.reason else "!"


def matrix_json(cells: Iterable[Cell]) -> dict[str, dict[str, dict[str, object]]]:
    """Set -> function -> column -> ids of cases, or the reason as a string."""
    found: dict[str, dict[str, dict[str, object]]] = {}
    for cell in cells:
        row = found.setdefault(cell.signature_set, {}).setdefault(cell.function, {})
        row[cell.column] = list(cell.cases) if cell.cases else cell.reason
    return found
