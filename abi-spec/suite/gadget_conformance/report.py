"""What a run of the suite looks like: on a terminal, as JSON, as JUnit's XML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from gadget_abi import Abi, EmbedderError

from .adapter import Hello
from .matrix import Cell, matrix_json
from .runner import Outcome, Status

__all__ = ["failure_text", "result_table", "summary", "write_json", "write_junit"]

_SHOWN = 100  # lines of a transcript
_MEANING: dict[Status, str] = {
    "pass": "passed",
    "fail": "failed",
    "adapter": "ended the adapter",
    "xpass": "passed although expected to fail",
    "differs": "differ where they may",
    "xfail": "failed as expected",
    "skip": "skipped",
    "unsupported": "not supported by the adapter",
}


def failure_text(outcome: Outcome) -> str:
    """What went wrong in a run, with what happened in the guest."""
    run, data = outcome.run, outcome.run.case.data
    lines = [f"{outcome.status.upper()} {run}", f"  {data['title']}", f"  rule {data['rule']}"]
    lines += [f"  {finding}" for finding in _some(outcome.findings)]
    if outcome.expectation is not None:
        lines.append(f"  expected to fail: {outcome.expectation.reason} {outcome.expectation.link}".rstrip())
    lines += [f"    {line}" for line in _some(outcome.transcript.splitlines())]
    return "\n".join(lines)


def _some(lines: Sequence[str]) -> Sequence[str]:
    """Lines, or as many of them as a person wants to see."""
    return lines if len(lines) <= _SHOWN else [*lines[:_SHOWN], f"... and {len(lines) - _SHOWN} more"]


def result_table(outcomes: Iterable[Outcome]) -> str:
    """A line for each set and mode: how many runs went how."""
    rows: dict[tuple[str, str], Counter[Status]] = {}
    for outcome in outcomes:
        rows.setdefault((outcome.run.signature_set, outcome.run.mode), Counter())[outcome.status] += 1
    columns = [status for status in _MEANING if any(row[status] for row in rows.values())]
    heads = [("set", "mode", *columns)]
    lines = [(*key, *(str(row[status] or "-") for status in columns)) for key, row in sorted(rows.items())]
    widths = [max(len(line[n]) for line in (*heads, *lines)) for n in range(2 + len(columns))]
    return "\n".join(_line(line, widths) for line in (*heads, *lines))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    named = (cell.ljust(width) for cell, width in zip(cells[:2], widths, strict=False))
    counted = (cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True))
    return "  ".join((*named, *counted))


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """One line: how many cases, runs, and how they went."""
    counts = Counter(outcome.status for outcome in outcomes)
    cases = len({outcome.run.case.id for outcome in outcomes})
    went = ", ".join(f"{counts[status]} {text}" for status, text in _MEANING.items() if counts[status])
    return f"{cases} cases in {len(outcomes)} runs: {went or 'nothing to run'}; {seconds:.1f} s"


def write_json(
    path: Path, hello: Hello, outcomes: Sequence[Outcome], cells: Sequence[Cell], abi: Abi
) -> None:
    """Write everything a program may want to know."""
    data = {
        "suite": {"abi": abi.name, "newest_release": abi.newest},
        "implementation": {"name": hello.name, "version": hello.version},
        "counts": dict(Counter(outcome.status for outcome in outcomes)),
        "results": [_result(outcome) for outcome in outcomes],
        "matrix": matrix_json(cells),
    }
    _write(path, json.dumps(data, indent=1) + "\n")


def _result(outcome: Outcome) -> dict[str, Any]:
    run, expectation = outcome.run, outcome.expectation
    return {
        "id": run.case.id,
        "rule": run.case.data["rule"],
        "level": run.case.level,
        "signature_set": run.signature_set,
        "release": run.profile.release,
        "mode": run.mode,
        "status": outcome.status,
        "findings": list(outcome.findings),
        "seconds": round(outcome.seconds, 4),
        **({"reason": expectation.reason, "link": expectation.link} if expectation else {}),
        **({"transcript": outcome.transcript.splitlines()} if outcome.failed else {}),
    }


def write_junit(path: Path, hello: Hello, outcomes: Sequence[Outcome]) -> None:
    """Write JUnit's XML: a test suite for each signature set and mode."""
    root = ElementTree.Element("testsuites", name=f"gadget conformance: {hello.name} {hello.version}")
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(f"{outcome.run.signature_set}.{outcome.run.mode}", []).append(outcome)
    for name, members in groups.items():
        root.append(_suite(name, members))
    ElementTree.indent(root)
    _write(path, ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n")


def _suite(name: str, outcomes: Sequence[Outcome]) -> ElementTree.Element:
    suite = ElementTree.Element(
        "testsuite",
        name=name,
        tests=str(len(outcomes)),
        failures=str(sum(outcome.status in ("fail", "xpass") for outcome in outcomes)),
        errors=str(sum(outcome.status == "adapter" for outcome in outcomes)),
        skipped=str(sum(_skipped(outcome) for outcome in outcomes)),
        time=f"{sum(outcome.seconds for outcome in outcomes):.3f}",
    )
    suite.extend(_case(outcome) for outcome in outcomes)
    return suite


def _skipped(outcome: Outcome) -> bool:
    return outcome.status != "pass" and not outcome.failed


def _case(outcome: Outcome) -> ElementTree.Element:
    run = outcome.run
    case = ElementTree.Element(
        "testcase",
        classname=run.signature_set,
        name=f"{run.case.id} [{run.profile.release}]",
        time=f"{outcome.seconds:.3f}",
    )
    message = "; ".join(outcome.findings)
    if outcome.failed:
        kind = "error" if outcome.status == "adapter" else "failure"
        ElementTree.SubElement(case, kind, message=_printable(message)).text = _printable(
            failure_text(outcome)
        )
    elif _skipped(outcome):
        ElementTree.SubElement(case, "skipped", message=_printable(f"{outcome.status}: {message}"))
    return case


def _printable(text: str) -> str:
    """XML cannot hold most control characters."""
    return "".join(c if c >= " " or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EmbedderError(f"{path}: {error.strerror or error}") from error
