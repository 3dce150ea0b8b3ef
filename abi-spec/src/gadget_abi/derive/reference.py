"""The reference page people read."""

from __future__ import annotations

from itertools import groupby

from gadget_abi.table import Abi, Change, Export, Form, Function

__all__ = ["reference_page"]


def reference_page(abi: Abi) -> str:
    """The Markdown text of docs/REFERENCE.md."""
    return "\n".join(
        [
            f"# {abi.title}: reference",
            "",
            "Derived from the ABI table; do not edit: `python -m gadget_abi.derive`.",
            f"Covers releases {abi.releases[0].name} to {abi.newest} of {abi.repository}.",
            "",
            *_families(abi),
            *_sets(abi),
            *_encodings(abi),
            *_exports(abi),
            *_functions(abi),
            *_quirks(abi),
            *_enums(abi),
            *_layouts(abi),
            *_limits(abi),
        ]
    )


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> list[str]:
    lines = [head, tuple("---" for _ in head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines] + [""]


def _span(since: str, until: str | None) -> str:
    if since == until:
        return f"{since} only"
    return f"{since} to {until}" if until else f"since {since}"


def _families(abi: Abi) -> list[str]:
    rows = [(f.name, f"`{f.module}`", _span(f.since, f.until), f.doc) for f in abi.families]
    return ["## Link families", "", *_table(("family", "import module", "releases", ""), list(rows))]


def _sets(abi: Abi) -> list[str]:
    rows = [
        (s.name, f"{s.releases[0]} to {s.releases[-1]}", len(s.forms), s.family.name)
        for s in abi.signature_sets
    ]
    return ["## Signature sets", "", *_table(("set", "releases", "functions", "family"), list(rows))]


def _encodings(abi: Abi) -> list[str]:
    lines = ["## Encodings", ""]
    for encoding in abi.encodings.values():
        lines += [f"### {encoding.name} ({encoding.core})", "", encoding.doc, ""]
        rows = [(b.name, f"{b.shift} to {b.shift + b.bits - 1}", b.doc) for b in encoding.fields]
        lines += _table(("field", "bits", ""), list(rows))
    return lines


def _exports(abi: Abi) -> list[str]:
    rows = [
        (f"`{_export_type(e)}`", _span(e.since, e.until), _required(e), e.doc) for e in abi.exports.values()
    ]
    changes = [line for e in abi.exports.values() for line in _changes(e.changes, f"{e.name}, ")]
    table = _table(("export", "releases", "required", ""), list(rows))
    return ["## Guest exports", "", *table, *changes, ""]


def _changes(changes: tuple[Change, ...], prefix: str = "") -> list[str]:
    return [f"* {prefix}{c.since} (`{c.commit}`), `{c.id}`: {c.text}.{_breaks(c)}" for c in changes]


def _breaks(change: Change) -> str:
    text = f" Breaks {change.breaks}." if change.breaks else ""
    return text + (f" Relied on by {change.relied_on_by}." if change.relied_on_by else "")


def _export_type(export: Export) -> str:
    params = ", ".join(map(str, export.params))
    return f"{export.name}({params})" + (f" -> {export.result}" if export.result else "")


def _required(export: Export) -> str:
    if export.required_until:
        return f"until {export.required_until}"
    return "yes" if export.required else "no"


def _functions(abi: Abi) -> list[str]:
    lines = ["## Host functions", ""]
    for group, functions in groupby(abi.functions.values(), key=lambda f: f.group):
        lines += [f"### {group}", ""]
        for function in functions:
            lines += _function(function)
    return lines


def _function(function: Function) -> list[str]:
    lines = [f"#### {function.name}", "", function.doc, ""]
    lines += [line for form in function.forms for line in _form(form)]
    lines += _changes(function.changes)
    if function.replaces:
        lines.append(f"* Replaces {', '.join(f'`{name}`' for name in function.replaces)}")
    if function.without:
        lines.append(f"* Where it is missing: {function.without}")
    return [*lines, f"* Host: `{function.source}`", ""]


def _form(form: Form) -> list[str]:
    params = ", ".join(map(str, form.params))
    head = f"{form.function}({params})" + (f" -> {form.result}" if form.result else "")
    lines = [f"* {_span(form.since, form.until)} (`{form.commit}`): `{head}`, core `{form.signature}`"]
    if form.error is not None:
        lines.append(f"  * fails with {form.error}")
    if form.consumes:
        lines.append(f"  * takes the handle away: {', '.join(form.consumes)}")
    if form.released_by:
        lines.append(f"  * the result is given back by {form.released_by}")
    return lines


def _quirks(abi: Abi) -> list[str]:
    lines = ["## Quirks", "", "What upstream does and a careful host does not; `--strict` asks for it.", ""]
    for quirk in abi.quirks.values():
        lines += [
            f"### {quirk.id}",
            "",
            f"{_span(quirk.since, quirk.until)}; about {', '.join(f'`{name}`' for name in quirk.about)}",
            "",
            f"* careful: {quirk.careful}",
            f"* strict: {quirk.strict}",
            f"* Host: `{quirk.source}` ({quirk.evidence})",
            "",
        ]
    return lines


def _enums(abi: Abi) -> list[str]:
    lines = ["## Enums", ""]
    for enum in abi.enums.values():
        rows = [(v, n, enum.widths.get(n, "")) for n, v in enum.members.items()]
        head: tuple[str, ...] = ("number", "name", "bytes")
        if not enum.widths:
            head, rows = head[:2], [row[:2] for row in rows]  # type: ignore[misc]
        lines += [f"### {enum.name}", "", enum.doc, "", *_table(head, list(rows))]
    return lines


def _layouts(abi: Abi) -> list[str]:
    lines = ["## Memory layouts", ""]
    for layout in abi.layouts.values():
        rows = [(m.offset, m.size, m.count, m.name, m.doc) for m in layout.members]
        lines += [f"### {layout.name} ({layout.size} bytes, little-endian)", ""]
        lines += _table(("offset", "size", "count", "member", ""), list(rows))
    return lines


def _limits(abi: Abi) -> list[str]:
    rows = [(limit.name, limit.value, limit.unit, limit.doc) for limit in abi.limits.values()]
    return ["## Limits", "", *_table(("limit", "value", "unit", ""), list(rows))]
