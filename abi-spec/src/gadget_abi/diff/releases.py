"""The differences between two releases."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from gadget_abi.diff.model import KINDS, Diff, Difference, Step
from gadget_abi.table import Abi, Change, Export, Form, Function, Quirk, Since, version_key

__all__ = ["diff_releases", "restrict"]


def diff_releases(abi: Abi, a: str, b: str) -> Diff:
    """Everything that is different in release `b`, seen from `a`; either may be the older one."""
    found = [_with_rule(difference) for difference in _differences(abi, a, b)]
    found.sort(key=lambda d: (list(KINDS).index(d.kind) > 0, version_key(d.steps[0].release)))
    return Diff(a, b, tuple(found))


def restrict(diff: Diff, names: Collection[str], abi: Abi) -> Diff:
    """Only what concerns someone who uses these functions and exports."""
    about = {quirk.id: set(quirk.about) for quirk in abi.quirks.values()}
    kept = (
        d
        for d in diff.differences
        if (about[d.id] & set(names) if d.id in about else d.subject in names or d.kind == "module")
    )
    return replace(diff, differences=tuple(kept))


def _with_rule(difference: Difference) -> Difference:
    """The difference, with those it breaks by the rule of its kind."""
    return replace(difference, broken=difference.broken or KINDS[difference.kind].whom)


def _differences(abi: Abi, a: str, b: str) -> Iterator[Difference]:
    yield from _module(abi, a, b)
    for function in abi.functions.values():
        yield from _function(abi, function, a, b)
        yield from _changes(abi, function, a, b)
    for export in abi.exports.values():
        yield from _export(abi, export, a, b)
        yield from _changes(abi, export, a, b)
    for quirk in abi.quirks.values():
        yield from _quirk(abi, quirk, a, b)


def _module(abi: Abi, a: str, b: str) -> Iterator[Difference]:
    before, after = abi.family_of(a), abi.family_of(b)
    if before.module != after.module:
        newer = max(before, after, key=lambda family: version_key(family.since))
        text = f"functions are imported from {after.module!r} instead of {before.module!r}"
        yield Difference("module", "", text, (Step(newer.since, newer.commit),))


# ------------------------------------------------------------------------------------------- functions


def _function(abi: Abi, function: Function, a: str, b: str) -> Iterator[Difference]:
    before, after = function.form_in(a), function.form_in(b)
    steps = tuple(Step(form.since, form.commit) for form in function.forms if _begins_between(form, a, b))
    if before is None and after is not None:
        text = after.signature.removeprefix(function.name)
        yield Difference("function-added", function.name, text, steps or _end(abi, function))
    elif before is not None and after is None:
        text = f"{'not there yet' if steps else 'gone'}; {_instead(abi, function, b)}".removesuffix("; ")
        yield Difference("function-removed", function.name, text, steps[:1] or _end(abi, function))
    elif before is not None and after is not None and before != after:
        yield from _forms(function.name, before, after, steps)


def _end(abi: Abi, function: Function) -> tuple[Step, ...]:
    """The first release without the function, and the commit that removed it."""
    last = function.newest
    assert last.until is not None
    return (Step(_next(abi, last.until), last.until_commit),)


def _next(abi: Abi, release: str) -> str:
    return next(r.name for r in abi.releases if version_key(r.name) > version_key(release))


def _begins_between(what: Since, a: str, b: str) -> bool:
    """Whether it begins after the older of two releases, and not after the newer."""
    older, newer = sorted((version_key(a), version_key(b)))
    return older < version_key(what.since) <= newer


def _instead(abi: Abi, function: Function, release: str) -> str:
    """What a guest can use in a release that lacks a function."""
    there = abi.forms_in(release)
    newer = [f.name for f in abi.functions.values() if function.name in f.replaces and f.name in there]
    older = [name for name in function.replaces if name in there]
    if newer or older:
        return "instead: " + ", ".join(there[name].signature for name in newer or older)
    return function.without


def _forms(name: str, before: Form, after: Form, steps: tuple[Step, ...]) -> Iterator[Difference]:
    if before.core_type != after.core_type:
        yield Difference("signature", name, _new_type(before, after), steps)
        return
    if before.error != after.error:
        yield Difference(
            "error-value", name, f"an error gives {after.error} instead of {before.error}", steps
        )
    if [p.type for p in before.params] != [p.type for p in after.params] or before.result != after.result:
        yield Difference("meaning", name, f"{_meaning(after)} instead of {_meaning(before)}", steps)
    if (before.consumes, before.released_by) != (after.consumes, after.released_by):
        yield Difference("ownership", name, f"{_ownership(after)}; before, {_ownership(before)}", steps)


def _new_type(before: Form, after: Form) -> str:
    text = f"{_meaning(after)} instead of {_meaning(before)}"
    if before.error != after.error:
        text += f"; an error gives {after.error} instead of {before.error}"
    return text


def _meaning(form: Form) -> str:
    """Parameters and result with what they mean."""
    return f"({', '.join(map(str, form.params))}) -> ({form.result or ''})"


def _ownership(form: Form) -> str:
    consumed = f"takes {', '.join(form.consumes)}" if form.consumes else "takes no handle"
    return f"{consumed}, is released by {form.released_by}" if form.released_by else consumed


# ------------------------------------------------------------------------------- behaviour, exports, quirks


def _changes(abi: Abi, owner: Function | Export, a: str, b: str) -> Iterator[Difference]:
    older = min(a, b, key=version_key)
    came = owner.forms[0] if isinstance(owner, Function) else owner
    superseded = {c.supersedes for c in owner.changes if c.covers(a) != c.covers(b)}
    for change in owner.changes:
        # What is different about something that the older release lacks altogether is no difference, unless it is
        # the same commit that brought it: then the change tells of what was there before.
        known = _exists(owner, older) or came.commit == change.commit
        if known and change.covers(a) != change.covers(b) and change.id not in superseded:
            yield _change(abi, owner, change, a, b)


def _change(abi: Abi, owner: Function | Export, change: Change, a: str, b: str) -> Difference:
    undone = change.covers(a)
    kind, broken = ("behaviour-undone", change.relied_on_by) if undone else ("behaviour", change.breaks)
    text = f"not so: {change.text}" if undone else change.text
    begins = _begins_between(change, a, b)
    step = Step(change.since, change.commit) if begins else Step(_next(abi, change.until or a), "")
    return Difference(kind, owner.name, text, (step,), change.id, broken)


def _exists(owner: Function | Export, release: str) -> bool:
    return owner.form_in(release) is not None if isinstance(owner, Function) else owner.covers(release)


def _export(abi: Abi, export: Export, a: str, b: str) -> Iterator[Difference]:
    step = _export_step(abi, export, a, b)
    there = export.covers(a), export.covers(b)
    if there[0] == there[1] or _is_told(abi, step, a, b):
        return
    if export.required_until is not None:
        kind = "export-optional" if there[0] else "export-required"
    else:
        kind = "export-removed" if there[0] else "export-added"
    gone = "neither required nor looked for" if export.required_until else "not looked for"
    yield Difference(kind, export.name, export.doc if there[1] else gone, (step,))


def _export_step(abi: Abi, export: Export, a: str, b: str) -> Step:
    """When the host began to look for it, or ceased to."""
    if _begins_between(export, a, b) or export.until is None:
        return Step(export.since, export.commit)
    return Step(_next(abi, export.until), export.until_commit)


def _is_told(abi: Abi, step: Step, a: str, b: str) -> bool:
    """Whether a change of behaviour by the same commit tells it already."""
    return any(c.commit == step.commit and _begins_between(c, a, b) for c in abi.changes.values())


def _quirk(abi: Abi, quirk: Quirk, a: str, b: str) -> Iterator[Difference]:
    if quirk.covers(a) == quirk.covers(b) or not any(_is_same(abi, name, a, b) for name in quirk.about):
        return
    step = Step(quirk.since if _begins_between(quirk, a, b) else _next(abi, quirk.until or a), "")
    kind = "quirk" if quirk.covers(b) else "quirk-gone"
    text = quirk.strict if kind == "quirk" else f"not so: {quirk.strict}"
    yield Difference(kind, ", ".join(quirk.about), text, (step,), quirk.id)


def _is_same(abi: Abi, name: str, a: str, b: str) -> bool:
    """Whether a function is there in both releases with one type, an export in both: else other rules tell."""
    if name in abi.exports:
        return _exists(abi.exports[name], a) and _exists(abi.exports[name], b)
    before, after = abi.functions[name].form_in(a), abi.functions[name].form_in(b)
    return before is not None and after is not None and before.core_type == after.core_type
