"""The entries of the table as gadget abi show prints them for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gadget_abi.commands.text import columns, listing, paragraph, section
from gadget_abi.releases import since, span
from gadget_abi.table import (
    Abi,
    Change,
    Encoding,
    Enum,
    Export,
    Family,
    Form,
    Function,
    Layout,
    Limit,
    Quirk,
    Release,
    SignatureSet,
)

__all__ = ["TEXTS"]

Lines = Iterator[str]

# ------------------------------------------------------------------------------------------- functions


def _function(abi: Abi, function: Function) -> Lines:
    yield paragraph(function.doc, first="  ")
    yield ""
    rows = [("group", function.group), ("source", function.source)]
    if function.replaces:
        rows.append(("replaces", ", ".join(function.replaces)))
    if replaced := [other.name for other in abi.functions.values() if function.name in other.replaces]:
        rows.append(("replaced by", ", ".join(replaced)))
    if function.without:
        rows.append(("where missing", function.without))
    yield from columns(rows)
    for form in function.forms:
        title = f"{span(abi, form.since, form.until)}  {form.signature}"
        yield from section(title, columns(list(_form(abi, form))))
    yield from _behaviour(abi, function)


def _form(abi: Abi, form: Form) -> Iterator[tuple[str, str]]:
    modules = dict.fromkeys(f.module for f in abi.families if f.covers(form.since) or form.covers(f.since))
    yield "import module", ", ".join(modules)
    for param in form.params:
        yield param.name, str(param.type)
    if form.result is not None:
        yield "result", f"{form.result}; {form.error} when the call fails"
    if form.consumes:
        yield "consumes", ", ".join(form.consumes)
    if form.released_by:
        yield "released by", form.released_by
    yield "commit", form.commit + (f", removed by {form.until_commit}" if form.until_commit else "")


def _behaviour(abi: Abi, owner: Function | Export) -> Lines:
    rows = [(change.since, change.id, change.text) for change in owner.changes]
    yield from section("changes of behaviour", columns(rows))
    quirks = [(q.id, q.strict) for q in abi.quirks.values() if owner.name in q.about]
    yield from section("quirks of upstream", columns(quirks))


def _export(abi: Abi, export: Export) -> Lines:
    yield paragraph(export.doc, first="  ")
    yield ""
    params = ", ".join(map(str, export.params))
    rows = [
        ("type", f"({params}) -> ({export.result or ''})"),
        ("looked for", since(abi, (r.name for r in abi.releases if export.covers(r.name)))),
        ("required", since(abi, (r.name for r in abi.releases if export.is_required_in(r.name))))
        if export.required or export.required_until
        else ("required", "no"),
        ("commit", export.commit + (f", ended by {export.until_commit}" if export.until_commit else "")),
    ]
    yield from columns(rows)
    yield from _behaviour(abi, export)


# ------------------------------------------------------------------------------------------- releases


def _release(abi: Abi, release: Release) -> Lines:
    names = [r.name for r in abi.releases]
    index = names.index(release.name)
    sigset = next(s for s in abi.signature_sets if release.name in s.releases)
    news = [(c.id, f"{owner}: {c.text}") for owner, c in abi.owned_changes() if c.since == release.name]
    before = abi.forms_in(names[index - 1]) if index else {}
    forms = abi.forms_in(release.name)
    yield from columns(
        [
            ("date", release.date),
            ("commit", release.commit),
            ("signature set", sigset.name),
            ("link family", f"{sigset.family.name} (import module {sigset.family.module!r})"),
            ("functions", str(len(forms))),
        ]
    )
    added = [form.signature for name, form in forms.items() if before.get(name) != form]
    if before:
        yield from section("new functions and types", (f"  {signature}" for signature in added))
        yield from section("removed functions", (f"  {name}" for name in before if name not in forms))
    yield from section("changes of behaviour", columns(news))


def _sigset(abi: Abi, sigset: SignatureSet) -> Lines:
    yield from columns(
        [
            ("releases", span(abi, sigset.releases[0], sigset.releases[-1])),
            ("link family", f"{sigset.family.name} (import module {sigset.family.module!r})"),
        ]
    )
    groups: dict[str, list[str]] = {}
    for name, form in sigset.forms.items():
        groups.setdefault(abi.functions[name].group, []).append(form.signature)
    for group, signatures in groups.items():
        yield from section(group, (f"  {signature}" for signature in signatures))


def _family(abi: Abi, family: Family) -> Lines:
    yield paragraph(family.doc, first="  ")
    yield ""
    yield from columns(
        [
            ("import module", family.module),
            ("releases", span(abi, family.since, family.until)),
            ("signature sets", ", ".join(s.name for s in abi.signature_sets if s.family == family)),
            ("commit", family.commit),
        ]
    )


# ------------------------------------------------------------------------------------------- the rest


def _change(abi: Abi, change: Change) -> Lines:
    owner = next(owner for owner, other in abi.owned_changes() if other is change)
    rows = [("about", owner), ("since", change.since), ("commit", change.commit), ("behaviour", change.text)]
    if change.breaks:
        rows.append(("breaks", change.breaks))
    if change.relied_on_by:
        rows.append(("relied on by", change.relied_on_by))
    yield from columns(rows)


def _quirk(abi: Abi, quirk: Quirk) -> Lines:
    seen = {"run": "observed", "read": "read in the source"}[quirk.evidence]
    yield from columns(
        [
            ("about", ", ".join(quirk.about)),
            ("releases", span(abi, quirk.since, quirk.until)),
            ("strict host", quirk.strict),
            ("upstream", f"{seen}: {quirk.source}"),
            ("careful host", quirk.careful),
        ]
    )


def _enum(abi: Abi, enum: Enum) -> Lines:
    yield paragraph(enum.doc, first="  ")
    yield ""
    width = {name: f"{size} byte{'s' * (size > 1)}" for name, size in enum.widths.items()}
    yield from columns([(str(value), name, width.get(name, "")) for name, value in enum.members.items()])
    users = [
        name
        for name, function in abi.functions.items()
        if enum.type and any(param.type.name == enum.type for form in function.forms for param in form.params)
    ]
    yield from section("used by", [listing(users)] if users else [])


def _limit(_: Abi, limit: Limit) -> Lines:
    yield paragraph(f"{limit.value} {limit.unit}. {limit.doc} ({limit.source})", first="  ")


def _layout(_: Abi, layout: Layout) -> Lines:
    yield f"  {layout.size} bytes ({layout.source})"
    yield ""
    rows = [
        (str(m.offset), f"{m.size}" + (f" x {m.count}" if m.count > 1 else ""), m.name, m.doc)
        for m in layout.members
    ]
    yield from columns([("offset", "bytes", "member", ""), *rows])


def _encoding(_: Abi, encoding: Encoding) -> Lines:
    yield paragraph(f"An {encoding.core} since {encoding.since}. {encoding.doc}", first="  ")
    yield ""
    yield from columns(
        [(f"bits {b.shift} to {b.shift + b.bits - 1}", b.name, b.doc) for b in encoding.fields]
    )


def _group(abi: Abi, group: str) -> Lines:
    members = [f for f in abi.functions.values() if f.group == group]
    yield from columns([(f.name, since(abi, _having(abi, f)), f.doc) for f in members])


def _having(abi: Abi, function: Function) -> list[str]:
    return [r.name for r in abi.releases if function.form_in(r.name)]


TEXTS: dict[str, Callable[[Abi, Any], Lines]] = {
    "host function": _function,
    "guest export": _export,
    "release": _release,
    "signature set": _sigset,
    "link family": _family,
    "change of behaviour": _change,
    "quirk": _quirk,
    "enum": _enum,
    "limit": _limit,
    "layout": _layout,
    "encoding": _encoding,
    "group": _group,
}
"""The lines of an entry, by what it is."""
