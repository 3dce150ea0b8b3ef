"""The differences between two modules: what they import, export and need, and where they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gadget_abi.releases import spans
from gadget_abi.report import Report
from gadget_abi.wasm import External, Kind

__all__ = ["ModuleDiff", "ModuleDifference", "diff_modules"]


@dataclass(frozen=True)
class ModuleDifference:
    """One difference: what it is about ("import", "export", "memory", "feature", "start"), and whom it breaks.

    `change` is "added", "removed" or "changed". It breaks those who run the first module on a release that the
    second one no longer runs on because of it: `broken` names these releases, empty for none. A host that runs the
    first module has to do something for the second exactly then.
    """

    about: str
    change: str
    subject: str
    text: str
    broken: str = ""


@dataclass(frozen=True)
class ModuleDiff:
    """All differences from one module to another, and the releases it gains and loses by them."""

    gained: tuple[str, ...]
    lost: tuple[str, ...]
    differences: tuple[ModuleDifference, ...]


def diff_modules(a: Report, b: Report) -> ModuleDiff:
    """Everything that is different in module `b`, seen from `a`; both must be core modules."""
    return ModuleDiff(
        tuple(r for r in b.releases if r not in a.releases),
        tuple(r for r in a.releases if r not in b.releases),
        tuple(_differences(a, b)),
    )


def _differences(a: Report, b: Report) -> Iterator[ModuleDifference]:
    assert a.module is not None
    assert b.module is not None
    yield from _compare("import", _named(a.module.imports), _named(b.module.imports), a, b)
    yield from _compare("export", _named(a.module.exports), _named(b.module.exports), a, b)
    before, after = _memory(a), _memory(b)
    if before != after:
        over = b.module.memories and b.module.memories[0].min > a.abi.limits["memory_pages"].value
        yield ModuleDifference(
            "memory",
            "changed",
            "memory",
            f"{after} instead of {before}",
            spans(a.abi, a.releases) if over else "",
        )
    for name in sorted({*a.module.features} ^ {*b.module.features}):
        added = name in b.module.features
        broken = spans(a.abi, a.releases) if added and a.releases else ""
        yield ModuleDifference("feature", "added" if added else "removed", name, "beyond wasm 2.0", broken)
    first, second = ({start.name.partition(" ")[0] for start in report.starts} for report in (a, b))
    for name in sorted(first ^ second):
        change = "added" if name in second else "removed"
        yield ModuleDifference("start", change, name, "runs before any hook")


def _named(items: list[External]) -> Mapping[str, External]:
    return {f"{item.module}.{item.name}" if item.module else item.name: item for item in items}


def _compare(
    about: str, before: Mapping[str, External], after: Mapping[str, External], a: Report, b: Report
) -> Iterator[ModuleDifference]:
    for name, item in before.items():
        if name not in after:
            yield ModuleDifference(about, "removed", name, _type(item), _blamed(name, a, b))
        elif _type(item) != _type(after[name]):
            text = f"{_type(after[name])} instead of {_type(item)}"
            yield ModuleDifference(about, "changed", name, text, _blamed(name, a, b))
    for name, item in after.items():
        if name not in before:
            yield ModuleDifference(about, "added", name, _type(item), _blamed(name, a, b))


def _type(item: External) -> str:
    return str(item.type) if item.kind == Kind.FUNC else item.kind.name.lower()


def _blamed(name: str, a: Report, b: Report) -> str:
    """The releases lost that have this import or export among the problems of the second module."""
    names = {name, name.partition(".")[0]}  # an import, or all those of its import module
    lost = [
        r for r in a.releases if r not in b.releases and any(p.subject in names for p in b.problems_on(r))
    ]
    return spans(a.abi, lost) if lost else ""


def _memory(report: Report) -> str:
    assert report.module is not None
    if not report.module.memories:
        return "none"
    memory = report.module.memories[0]
    return f"{memory.min} pages at start" + ("" if memory.max is None else f", {memory.max} at most")
