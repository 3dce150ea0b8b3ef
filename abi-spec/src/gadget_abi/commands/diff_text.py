"""Comparisons for people: a migration note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from gadget_abi.commands.text import colour, columns, listing, paragraph, printable, section
from gadget_abi.diff import Diff, Difference, ModuleDiff
from gadget_abi.releases import span, spans
from gadget_abi.report import Report
from gadget_abi.table import Abi, SignatureSet, version_key

__all__ = ["guest_text", "host_text", "modules_text", "releases_text"]

_SHOWN = 100  # entries of a list that a broken module can make long


def releases_text(abi: Abi, diff: Diff) -> str:
    """Two releases."""
    return "\n".join(_releases(abi, diff))


def _releases(abi: Abi, diff: Diff) -> Iterator[str]:
    yield colour(f"From ig {diff.a} to {diff.b}", "bold")
    yield ""
    yield from columns(list(_sides(abi, diff)))
    yield ""
    yield paragraph(_for_guests(diff))
    yield paragraph(_for_hosts(diff))
    yield from _families(abi, diff)
    yield from _breaking(diff)
    yield from _harmless(diff)
    yield from section(f"a host of {diff.a}, to run guests of {diff.b}", _todo(abi, diff))
    yield from section("note", _dates(abi, diff))


def _sides(abi: Abi, diff: Diff) -> Iterator[tuple[str, str, str]]:
    dates = {release.name: release.date for release in abi.releases}
    a, b = (_set_of(abi, name) for name in (diff.a, diff.b))
    yield "", diff.a, diff.b
    yield "date", dates[diff.a], dates[diff.b]
    yield "signature set", a.name, b.name
    yield "link family", a.family.name, b.family.name
    yield "functions", f"{len(a.forms)} in {a.family.module!r}", f"{len(b.forms)} in {b.family.module!r}"


def _set_of(abi: Abi, release: str) -> SignatureSet:
    return next(s for s in abi.signature_sets if release in s.releases)


def _for_guests(diff: Diff) -> str:
    load, run = diff.breaking("load"), diff.breaking("run")
    if not diff.differences:
        return "Nothing is different."
    if any(d.kind == "module" for d in load):
        return f"No guest built for {diff.a} that imports a function runs on {diff.b} as it is: it does not link."
    subjects = ", ".join(d.subject for d in load)
    text = f"A guest built for {diff.a} loads on {diff.b}"
    if load:
        text += f", unless it is one of {len(load)} kinds named below ({subjects})"
    return text + (
        f"; {len(run)} differences may make it act in another way." if run else " and acts the same."
    )


def _for_hosts(diff: Diff) -> str:
    asked = [d for d in diff.differences if d.hosts]
    if not asked:
        return f"A host of {diff.a} has nothing to do to run guests of {diff.b}."
    return f"A host of {diff.a} has {len(asked)} things to do to run guests of {diff.b}."


def _families(abi: Abi, diff: Diff) -> Iterator[str]:
    a, b = abi.family_of(diff.a), abi.family_of(diff.b)
    if a != b:
        passed = sorted((a, b), key=lambda family: version_key(family.since))
        between = [f for f in abi.families if passed[0].is_older(f) and f.is_older(passed[1])]
        told = [a, *(between if a == passed[0] else reversed(between)), b]
        rows = [(span(abi, f.since, f.until), f.name, f.doc) for f in told]
        yield from section("how buffers are passed", columns(rows))


def _breaking(diff: Diff) -> Iterator[str]:
    yield from section("breaks guests when they are loaded", _listed(diff.breaking("load")))
    run = diff.breaking("run")
    changes = [d for d in run if d.kind != "quirk"]
    quirks = [d for d in run if d.kind == "quirk"]
    yield from section("breaks guests when they run, those that rely on it", _listed(changes))
    yield from _quirks("quirks that appear: they break guests that meet them (gadget abi show ID)", quirks)


def _quirks(title: str, differences: Iterable[Difference]) -> Iterator[str]:
    rows = [(d.steps[-1].release, d.id, d.text) for d in differences]
    yield from section(title, columns(rows))


def _listed(differences: Iterable[Difference]) -> Iterator[str]:
    """What and whom, under release and commit; one entry for all of which the same is true."""
    subjects: dict[Difference, list[str]] = {}
    for d in differences:
        subjects.setdefault(replace(d, subject="", id=""), []).append(d.subject)
    rows: list[tuple[str, str, str]] = []
    for d, names in subjects.items():
        them = d.broken if len(names) == 1 else d.broken.replace("import it", "import one of them")
        rows.append((d.steps[-1].release, d.steps[-1].commit, _what(replace(d, subject=", ".join(names)))))
        rows.append(("", "", f"-> {them}"))
    yield from columns(rows)


def _what(difference: Difference) -> str:
    """The difference in a sentence."""
    subject, text = difference.subject, difference.text
    if difference.kind == "function-added":
        text = f"{subject}{text}"
    elif subject and not text.startswith(subject):
        text = f"{subject}: {text}"
    if len(difference.steps) > 1:
        first = difference.steps[0]
        text += f", in another form since {first.release} ({first.commit})"
    return text


def _harmless(diff: Diff) -> Iterator[str]:
    rest = [d for d in diff.differences if not d.breaks]
    added = [d for d in rest if d.kind == "function-added"]
    gone = [d for d in rest if d.kind == "quirk-gone"]
    changed = [d for d in rest if d not in added and d not in gone]
    rows = [(d.steps[-1].release, d.steps[-1].commit, _what(d)) for d in added]
    yield from section("new functions, which break nobody", columns(rows))
    rows = [(d.steps[-1].release, d.steps[-1].commit, _what(d)) for d in changed]
    yield from section("other changes that break nobody", columns(rows))
    yield from _quirks("quirks that disappear", gone)


def _todo(abi: Abi, diff: Diff) -> Iterator[str]:
    """One paragraph for each thing to do, with all it is about."""
    tasks: dict[str, list[str]] = {}
    for d in diff.differences:
        if d.hosts:
            tasks.setdefault(d.hosts, []).append(d.id or d.subject or repr(abi.family_of(diff.b).module))
    for task, subjects in tasks.items():
        yield f"  {task}:"
        yield listing(subjects, indent=4)


def _dates(abi: Abi, diff: Diff) -> Iterator[str]:
    known = {release.name: release for release in abi.releases}
    older, newer = sorted((known[diff.a], known[diff.b]), key=lambda release: version_key(release.name))
    if older.date > newer.date:
        text = (
            f"{older.name} came out after {newer.name} ({older.date}, {newer.date}), but is of an older line."
        )
        yield paragraph(text, first="  ")


# ------------------------------------------------------------------------------------------- modules


def guest_text(abi: Abi, name: str, report: Report, diff: Diff) -> str:
    """A module on a release."""
    return "\n".join(_guest(abi, name, report, diff))


def _guest(abi: Abi, name: str, report: Report, diff: Diff) -> Iterator[str]:
    runs = diff.b in report.releases
    yield colour(
        f"{printable(name)} on ig {diff.b}: {'runs' if runs else 'does not run'}", "green" if runs else "red"
    )
    yield ""
    yield paragraph(f"It {report.verdict}. What follows concerns what it uses, as seen from {diff.a}.")
    yield from _in_the_way(report, diff.b)
    if not diff.differences:
        yield ""
        yield f"Nothing that it uses is different between {diff.a} and {diff.b}."
    yield from _breaking(diff)
    yield from _harmless(diff)
    yield from section("note", _dates(abi, diff))


def _in_the_way(report: Report, release: str) -> Iterator[str]:
    lines = (
        paragraph(printable(str(p), 1000), first="  ", rest="    ")
        for p in report.problems_on(release)[:_SHOWN]
    )
    yield from section("what keeps it from running", lines)


def host_text(abi: Abi, name: str, report: Report, diff: Diff) -> str:
    """A release for a module."""
    return "\n".join(_host(abi, name, report, diff))


def _host(abi: Abi, name: str, report: Report, diff: Diff) -> Iterator[str]:
    runs = diff.a in report.releases
    verb = "runs" if runs else "does not run"
    yield colour(f"ig {diff.a} {verb} {printable(name)}", "green" if runs else "red")
    yield ""
    yield paragraph(f"It {report.verdict}. What follows concerns what it uses, as {diff.b} has it.")
    yield from _in_the_way(report, diff.a)
    yield from section(f"a host of {diff.a}, to run it as {diff.b} does", _todo(abi, diff))
    rows = [(d.steps[-1].release, d.steps[-1].commit, _what(d)) for d in diff.differences if d.hosts]
    yield from section("in detail", columns(rows))


def modules_text(a: str, b: str, first: Report, second: Report, diff: ModuleDiff) -> str:
    """Two modules."""
    return "\n".join(_modules(a, b, first, second, diff))


def _modules(a: str, b: str, first: Report, second: Report, diff: ModuleDiff) -> Iterator[str]:
    yield colour(f"From {printable(a)} to {printable(b)}", "bold")
    yield ""
    rows = [("A", first.verdict), ("B", second.verdict)]
    rows += [("gained", spans(first.abi, diff.gained))] if diff.gained else []
    rows += [("lost", spans(first.abi, diff.lost))] if diff.lost else []
    yield from columns(rows)
    if not diff.differences:
        yield ""
        yield "Imports, exports, memory, features and start functions are the same."
    for about in dict.fromkeys(d.about for d in diff.differences):
        mine = [d for d in diff.differences if d.about == about]
        lines = [
            (
                d.change,
                printable(d.subject),
                printable(d.text) + (f"; keeps it from {d.broken}" if d.broken else ""),
            )
            for d in mine[:_SHOWN]
        ]
        more = [f"  and {len(mine) - _SHOWN} more"] if len(mine) > _SHOWN else []
        yield from section(f"{about}s" if about != "memory" else about, [*columns(lines), *more])
