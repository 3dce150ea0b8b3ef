"""The report of gadget check for programs. data/commands.schema.json describes it."""

from __future__ import annotations

from typing import Any

from gadget_abi.check import Problem
from gadget_abi.releases import runs
from gadget_abi.report import Report
from gadget_abi.wasm import External, Kind

__all__ = ["as_json"]

Json = dict[str, Any]


def as_json(name: str, report: Report, releases: tuple[str, ...] = ()) -> Json:
    """The report as one object; `releases` are those that were asked for."""
    module = report.module
    return {
        "file": name,
        "abi": report.abi.name,
        "verdict": report.verdict,
        "kind": report.kind,
        "runs": bool(report.releases),
        "releases": list(report.releases),
        "spans": _spans(report, report.releases),
        "signature_sets": list(report.signature_sets),
        "families": [family.name for family in report.families],
        "chosen": vars(report.choice) if report.choice else None,
        "requested": [_requested(report, release) for release in releases],
        "problems": list(map(_problem, report.problems)),
        "features": [_feature(report, feature) for feature in (module.features if module else ())],
        "imports": _imports(report),
        "exports": [_export(report, item) for item in (module.exports if module else ())],
        "memory": _memory(report),
        "start": [{"name": s.name, "releases": list(s.releases)} for s in report.starts],
        "warnings": [vars(warning) for warning in report.warnings],
        "changes": [{"about": owner.name, **vars(change)} for owner, change in report.changes],
        "quirks": [{"id": q.id, "about": list(q.about), "text": q.strict} for q in report.quirks],
        "absences": [
            {"from": a.first, "to": a.last, "problems": list(map(_problem, a.problems))}
            for a in (report.absences if report.releases else ())
        ],
        "notes": list(report.notes),
    }


def _spans(report: Report, releases: tuple[str, ...]) -> list[Json]:
    return [{"from": first, "to": last} for first, last in runs(report.abi, releases)]


def _problem(problem: Problem) -> Json:
    return {"subject": problem.subject, "reason": problem.reason, "hint": problem.hint}


def _requested(report: Report, release: str) -> Json:
    problems = list(map(_problem, report.problems_on(release)))
    return {"release": release, "runs": release in report.releases, "problems": problems}


def _feature(report: Report, name: str) -> Json:
    assert report.module is not None
    use = report.module.features[name]
    known = report.module.function_names.get(use.function) if use.function is not None else None
    return {"feature": name, "offset": use.at, "function": use.function, "function_name": known}


def _external(item: External) -> Json:
    return {"name": item.name, "kind": Kind(item.kind).name.lower(), "type": str(item.type)}


def _imports(report: Report) -> list[Json]:
    uses = {id(use.item): use for use in report.imports}
    found = []
    for item in report.module.imports if report.module else ():
        use = uses.get(id(item))
        group = use.function.group if use and use.function else None
        spans = _spans(report, use.releases) if use else None
        found.append({"module": item.module, **_external(item), "group": group, "spans": spans})
    return found


def _export(report: Report, item: External) -> Json:
    known = report.abi.exports.get(item.name)
    return {
        **_external(item),
        "doc": known.doc if known else None,
        "since": known.since if known else None,
        "until": known.until if known else None,
    }


def _memory(report: Report) -> Json | None:
    if report.module is None or not report.module.memories:
        return None
    memory, cap = report.module.memories[0], report.abi.limits["memory_pages"].value
    return {"initial_pages": memory.min, "maximum_pages": memory.max, "allowed_pages": cap}
