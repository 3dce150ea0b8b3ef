"""The report of gadget check for people."""

from __future__ import annotations

from collections.abc import Iterator

from gadget_abi.check import WASI, Problem
from gadget_abi.commands.text import colour, columns, listing, paragraph, printable, section
from gadget_abi.releases import since, span, spans
from gadget_abi.report import ImportUse, Report
from gadget_abi.table import version_key
from gadget_abi.wasm import Kind, Module

__all__ = ["as_text"]

_SHOWN = 12  # entries of a list that a broken module can make long
_PAGE = 65536


def as_text(name: str, report: Report, releases: tuple[str, ...] = ()) -> str:
    """The report; `releases` are those that were asked for, whose answer comes first."""
    return "\n".join(_lines(name, report, releases))


def _lines(name: str, report: Report, releases: tuple[str, ...]) -> Iterator[str]:
    verdict = colour(report.verdict, "green" if report.releases else "red")
    yield f"{printable(name)}: {verdict}"  # one line, however long: people search for it
    if report.releases:
        missing = [release for release in releases if release not in report.releases]
        yield from section("asked for", columns(list(_asked(report, releases, missing))))
    yield from section("problems", _some(map(_problem, report.problems)))
    if report.module is not None:
        yield ""
        yield from columns(list(_summary(report, report.module)))
        yield from _imports(report, report.module)
        yield from section("exports", columns(list(_exports(report, report.module))))
        yield from _advice(report)


def _asked(report: Report, releases: tuple[str, ...], missing: list[str]) -> Iterator[tuple[str, str]]:
    runs = [release for release in releases if release in report.releases]
    if runs:
        yield "runs", spans(report.abi, runs)
    for release in missing[:_SHOWN]:
        yield (
            f"not on {release}",
            "; ".join(printable(str(p), 1000) for p in report.problems_on(release)[:_SHOWN]),
        )


def _some(lines: Iterator[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number == _SHOWN:
            yield f"  and {1 + sum(1 for _ in lines)} more"
            return
        yield line


def _problem(problem: Problem) -> str:
    return paragraph(printable(str(problem), 1000), first="  ", rest="    ")


def _summary(report: Report, module: Module) -> Iterator[tuple[str, str]]:
    every = len(report.signature_sets) == len(report.abi.signature_sets)
    yield "signature set", "any" if every else ", ".join(report.signature_sets) or "none"
    for family in report.families:
        yield "link family", f"{family.name}: {family.doc.removesuffix('.')}"
    if report.choice:
        yield "gadget run", str(report.choice)
    yield "kind", "core module" + ("" if module.features else ", wasm 2.0")
    for use in module.features.values():
        where = "" if use.function is None else f", function {_function(module, use.function)}"
        yield "beyond 2.0", f"{use.feature} (first at byte {use.at:#x}{where})"
    yield "memory", _memory(report, module)
    for start in report.starts:
        when = (
            "every release above" if start.releases == report.releases else spans(report.abi, start.releases)
        )
        yield "start", f"{start.name}: run by {when if start.releases else 'none of them'}"


def _function(module: Module, index: int) -> str:
    name = module.function_names.get(index)
    return f"{index} ({printable(name)})" if name else str(index)


def _memory(report: Report, module: Module) -> str:
    cap = report.abi.limits["memory_pages"].value
    if not module.memories:
        return "none"
    memory = module.memories[0]
    most = "no maximum of its own" if memory.max is None else f"at most {_pages(memory.max)}"
    return f"{_pages(memory.min)} at start, {most}; ig allows {_pages(cap)}"


def _pages(count: int) -> str:
    return f"{count} page{'s' * (count != 1)} ({count * _PAGE / 2**20:.1f} MiB)"


def _imports(report: Report, module: Module) -> Iterator[str]:
    shown = report.imports[:200]
    more = [f"  and {len(report.imports) - len(shown)} more"] if len(report.imports) > len(shown) else []
    for name in dict.fromkeys(use.item.module for use in shown):
        mine = [
            (printable(use.item.name), _type(use), since(report.abi, use.releases))
            for use in shown
            if use.item.module == name
        ]
        yield from section(f"imports of {name}", [*columns(mine), *more])
    known = {WASI, *(use.item.module for use in report.imports)}
    foreign = [f"{item.module}.{item.name}" for item in module.imports if item.module not in known]
    yield from section(
        "imports of other modules", [listing(map(printable, foreign[:_SHOWN]))] if foreign else []
    )
    wasi = [item.name for item in module.imports if item.module == WASI]
    yield from section(f"imports of {WASI}", [listing(map(printable, wasi[:200]))] if wasi else [])


def _type(use: ImportUse) -> str:
    return str(use.item.type) if use.item.kind == Kind.FUNC else use.item.kind.name.lower()


def _exports(report: Report, module: Module) -> Iterator[tuple[str, str, str]]:
    for item in module.exports[: _SHOWN * 3]:
        known = report.abi.exports.get(item.name)
        kind = str(item.type) if item.kind == Kind.FUNC else item.kind.name.lower()
        what = (
            known.doc if known else "the guest's memory" if item.name == "memory" else "not looked for by ig"
        )
        yield printable(item.name), kind, _first_sentence(what)
    if (more := len(module.exports) - _SHOWN * 3) > 0:
        yield f"and {more} more", "", ""


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".")


def _advice(report: Report) -> Iterator[str]:
    warned = [(warning.subject, warning.text) for warning in report.warnings]
    yield from section("warnings", columns(warned))
    yield from section(
        "behaves differently among these releases",
        columns([(change.since, owner.name, change.text) for owner, change in report.changes]),
    )
    quirks = [quirk.id for quirk in report.quirks] if report.releases else []
    yield from section(
        "quirks of ig that concern it (gadget abi show NAME)", [listing(quirks)] if quirks else []
    )
    if report.releases:
        yield from section("what keeps it from other releases", _absences(report))
    yield from section("note", (paragraph(note, first="  ") for note in report.notes))


def _absences(report: Report) -> Iterator[str]:
    """Going back from the oldest release it runs on, then forward; each step says only what it adds."""
    first = version_key(report.releases[0])
    older = [a for a in report.absences if version_key(a.last) < first]
    for steps in (reversed(older), report.absences[len(older) :]):
        said: set[Problem] = set()
        for absence in steps:
            more = ", besides" if said else ""
            yield f"  {span(report.abi, absence.first, absence.last)}{more}"
            yield from _grouped([p for p in absence.problems if p not in said])
            said.update(absence.problems)


def _grouped(problems: list[Problem]) -> Iterator[str]:
    """One paragraph for all that have the same reason."""
    subjects: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        name = problem.subject.rpartition(".")[2]
        subjects.setdefault((problem.reason, problem.hint), []).append(printable(name))
    texts = (
        f"{', '.join(names[:_SHOWN])}{'...' if len(names) > _SHOWN else ''}: {reason}"
        + (f"; {hint}" if hint else "")
        for (reason, hint), names in subjects.items()
    )
    yield from _some(paragraph(printable(text, 2000), first="    ", rest="      ") for text in texts)
