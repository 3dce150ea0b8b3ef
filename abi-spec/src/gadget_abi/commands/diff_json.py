"""Comparisons for programs. data/commands.schema.json describes them."""

from __future__ import annotations

from typing import Any

from gadget_abi.check import Problem
from gadget_abi.diff import Diff, Difference, ModuleDiff
from gadget_abi.report import Report
from gadget_abi.table import Abi

__all__ = ["mixed_json", "modules_json", "releases_json"]

Json = dict[str, Any]


def releases_json(abi: Abi, diff: Diff) -> Json:
    """Two releases."""
    return {
        "a": _release(abi, diff.a),
        "b": _release(abi, diff.b),
        "differences": list(map(_difference, diff.differences)),
    }


def mixed_json(abi: Abi, name: str, report: Report, diff: Diff) -> Json:
    """A module and a release; the differences are those between two releases that concern the module."""
    release = diff.a if diff.a not in report.releases and diff.b in report.releases else diff.b
    return {
        **releases_json(abi, diff),
        "module": _module(name, report),
        "problems": list(map(_problem, report.problems_on(release))),
    }


def modules_json(a: str, b: str, first: Report, second: Report, diff: ModuleDiff) -> Json:
    """Two modules."""
    return {
        "a": _module(a, first),
        "b": _module(b, second),
        "gained": list(diff.gained),
        "lost": list(diff.lost),
        "differences": [vars(difference) for difference in diff.differences],
    }


def _release(abi: Abi, name: str) -> Json:
    release = next(r for r in abi.releases if r.name == name)
    sigset = next(s for s in abi.signature_sets if name in s.releases)
    return {
        "release": name,
        "date": release.date,
        "signature_set": sigset.name,
        "family": sigset.family.name,
        "module": sigset.family.module,
        "functions": len(sigset.forms),
    }


def _module(name: str, report: Report) -> Json:
    return {"file": name, "verdict": report.verdict, "releases": list(report.releases)}


def _problem(problem: Problem) -> Json:
    return {"subject": problem.subject, "reason": problem.reason, "hint": problem.hint}


def _difference(difference: Difference) -> Json:
    return {
        "kind": difference.kind,
        "subject": difference.subject,
        "id": difference.id,
        "text": difference.text,
        "steps": [vars(step) for step in difference.steps],
        "guests": {
            "breaking": bool(difference.breaks),
            "at": difference.breaks or None,
            "who": difference.broken if difference.breaks else "",
        },
        "hosts": {"breaking": bool(difference.hosts), "todo": difference.hosts},
    }
