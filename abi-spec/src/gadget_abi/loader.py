"""Read and validate an ABI table. Every error names the row and the key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, TypeVar

from gadget_abi.errors import TableError
from gadget_abi.semantic import SemanticType, parse_type
from gadget_abi.signatures import derive_sets
from gadget_abi.table import (
    Abi,
    Bits,
    Change,
    Encoding,
    Enum,
    Export,
    Family,
    Form,
    Function,
    Layout,
    Limit,
    Member,
    Param,
    Quirk,
    Release,
    version_key,
)

__all__ = ["load", "parse_table"]

T = TypeVar("T")

_VERSION = re.compile(r"v\d+\.\d+\.\d+")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@cache
def load(abi: str = "inspektor-gadget") -> Abi:
    """Load a table that ships with this package.

    Raises:
        TableError: there is none of that name, or it is malformed.
    """
    resource = files("gadget_abi") / "data" / f"{abi}.toml"
    if not resource.is_file():
        raise TableError(f"no ABI table named {abi!r}")
    return parse_table(resource.read_text(encoding="utf-8"), name=abi)


class _Row:
    """A table row that remembers where it stands and which keys were read."""

    def __init__(self, where: str, data: object) -> None:
        if not isinstance(data, dict):
            raise TableError(f"{where}: expected a table, found {type(data).__name__}")
        self.where, self.data, self.read = where, data, set[str]()

    def fail(self, key: str, reason: str) -> TableError:
        return TableError(f"{self.where}: key {key!r}: {reason}")

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        self.read.add(key)
        value = self.data.get(key, default)
        if value is None:
            raise self.fail(key, "missing")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
            raise self.fail(key, f"expected {kind.__name__}, found {value!r}")
        return value

    def maybe(self, key: str, kind: type[T]) -> T | None:
        return self.get(key, kind) if key in self.data else None

    def rows(self, key: str, *, label: str = "name") -> list[_Row]:
        self.read.add(key)
        found = self.data.get(key, [])
        if not isinstance(found, list):
            raise self.fail(key, "expected an array of tables")
        return [_Row(_where(self.where, key, item, n, label), item) for n, item in enumerate(found)]

    def done(self) -> None:
        unknown = sorted(set(self.data) - self.read)
        if unknown:
            raise self.fail(unknown[0], f"unknown; known here are {', '.join(sorted(self.read))}")

    def version(self, key: str) -> str:
        value = self.get(key, str)
        if not _VERSION.fullmatch(value):
            raise self.fail(key, f"expected a release like v0.38.0, found {value!r}")
        return value

    def maybe_version(self, key: str) -> str | None:
        return self.version(key) if key in self.data else None

    def strings(self, key: str) -> tuple[str, ...]:
        values = self.get(key, list, [])
        if not all(isinstance(value, str) for value in values):
            raise self.fail(key, f"expected strings, found {values!r}")
        return tuple(values)


def _where(parent: str, key: str, item: object, index: int, label: str) -> str:
    name = item.get(label) if isinstance(item, dict) else None
    return f"{parent} > {key} {name or index + 1}" if parent else f"{key} {name or index + 1}"


def parse_table(text: str, *, name: str = "table") -> Abi:
    """Parse and validate the TOML text of a table.

    Raises:
        TableError: naming row and key.
    """
    try:
        top = _Row(name, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"{name}: not TOML: {error}") from error
    except RecursionError:
        raise TableError(f"{name}: not TOML that can be read: nested too deep") from None
    releases = tuple(sorted(map(_release, top.rows("release")), key=lambda r: version_key(r.name)))
    abi = Abi(
        name=top.get("abi", str),
        title=top.get("title", str),
        repository=top.get("repository", str),
        api_version=top.get("api_version", int),
        wit_package=top.get("wit_package", str),
        wit_world=top.get("wit_world", str),
        releases=releases,
        families=tuple(map(_family, top.rows("family"))),
        limits=_limits(_Row(f"{name} > limits", top.get("limits", dict))),
        encodings=_by_name(top.rows("encoding"), _encoding),
        layouts=_by_name(top.rows("layout"), _layout),
        enums=_by_name(top.rows("enum"), _enum),
        exports=_by_name(top.rows("export"), _export),
        functions=_by_name(top.rows("function"), _function),
        quirks=_by_name(top.rows("quirk", label="id"), _quirk, key="id"),
        source_text=text,
    )
    top.done()
    _validate(abi)
    return replace(abi, signature_sets=derive_sets(abi))


def _by_name(rows: Iterable[_Row], parse: Callable[[_Row], T], *, key: str = "name") -> Mapping[str, T]:
    found: dict[str, T] = {}
    for row in rows:
        name = row.get(key, str)
        if name in found:
            raise row.fail(key, f"{name!r} stands twice")
        found[name] = parse(row)
        row.done()
    return found


def _release(row: _Row) -> Release:
    date = row.get("date", object)
    release = Release(row.version("name"), row.get("commit", str), str(date))
    row.done()
    return release


def _family(row: _Row) -> Family:
    family = Family(
        row.version("since"),
        row.maybe_version("until"),
        row.get("name", str),
        row.get("module", str),
        row.get("commit", str),
        row.get("doc", str),
    )
    row.done()
    return family


def _limits(row: _Row) -> Mapping[str, Limit]:
    found: dict[str, Limit] = {}
    for name, data in row.data.items():
        item = _Row(f"{row.where} > {name}", data)
        texts = (item.get(key, str) for key in ("unit", "doc", "source"))
        found[name] = Limit(name, item.get("value", int), *texts)
        item.done()
    return found


def _encoding(row: _Row) -> Encoding:
    bits = tuple(
        Bits(r.get("name", str), r.get("shift", int), r.get("bits", int), r.get("doc", str))
        for r in row.rows("fields")
    )
    return Encoding(
        row.get("name", str),
        row.get("core", str),
        bits,
        row.get("doc", str),
        row.get("since", str, "v0.30.0"),
    )


def _layout(row: _Row) -> Layout:
    members = tuple(
        Member(
            r.get("name", str),
            r.get("offset", int),
            r.get("size", int),
            r.get("count", int, 1),
            r.get("doc", str),
        )
        for r in row.rows("members")
    )
    layout = Layout(row.get("name", str), row.get("size", int), members, row.get("source", str))
    end = max((m.offset + m.size * m.count for m in members), default=0)
    if end > layout.size:
        raise row.fail("members", f"they end at byte {end}, beyond the size of {layout.size}")
    return layout


def _enum(row: _Row) -> Enum:
    members, widths = row.get("members", dict), row.get("widths", dict, {})
    for key, value in members.items():
        if not _IDENTIFIER.fullmatch(key) or not isinstance(value, int) or isinstance(value, bool):
            raise row.fail("members", f"expected identifier = number, found {key} = {value!r}")
    if len(set(members.values())) != len(members):
        raise row.fail("members", "two members have the same number")
    if stray := sorted(set(widths) - set(members)):
        raise row.fail("widths", f"{stray[0]!r} is no member")
    return Enum(
        row.get("name", str),
        row.get("type", str, ""),
        row.get("doc", str),
        row.get("source", str, ""),
        members,
        widths,
    )


def _params(row: _Row) -> tuple[Param, ...]:
    found: list[Param] = []
    for text in row.strings("params"):
        name, colon, type_text = text.partition(": ")
        if not colon or not _IDENTIFIER.fullmatch(name):
            raise row.fail("params", f"expected 'name: type', found {text!r}")
        if name in {param.name for param in found}:
            raise row.fail("params", f"{name!r} stands twice")
        try:
            found.append(Param(name, parse_type(type_text)))
        except ValueError as error:
            raise row.fail("params", f"{name}: {error}") from None
    return tuple(found)


def _result(row: _Row) -> SemanticType | None:
    text = row.maybe("result", str)
    try:
        return None if text is None else parse_type(text, result=True)
    except ValueError as error:
        raise row.fail("result", str(error)) from None


def _export(row: _Row) -> Export:
    return Export(
        since=row.version("since"),
        until=row.maybe_version("until"),
        name=row.get("name", str),
        params=_params(row),
        result=_result(row),
        required=row.get("required", bool, False),
        required_until=row.maybe_version("required_until"),
        hook=row.get("hook", bool, False),
        constant=row.get("constant", bool, False),
        doc=row.get("doc", str),
        commit=row.get("commit", str),
        until_commit=row.get("until_commit", str, ""),
        changes=_changes(row),
    )


def _form(row: _Row, function: str) -> Form:
    params, result = _params(row), _result(row)
    error = row.maybe("error", int)
    if (result is None) != (error is None):
        raise row.fail("error", "stands with a result, and only with one")
    consumes = row.strings("consumes")
    if stray := sorted(set(consumes) - {param.name for param in params}):
        raise row.fail("consumes", f"{stray[0]!r} is no parameter")
    form = Form(
        since=row.version("since"),
        until=row.maybe_version("until"),
        function=function,
        params=params,
        result=result,
        error=error,
        commit=row.get("commit", str),
        consumes=consumes,
        released_by=row.get("released_by", str, ""),
        until_commit=row.get("until_commit", str, ""),
    )
    row.done()
    return form


def _changes(row: _Row) -> tuple[Change, ...]:
    return tuple(_change(item) for item in row.rows("change", label="id"))


def _change(row: _Row) -> Change:
    texts = (row.get(key, str) for key in ("id", "commit", "text"))
    who = (row.get(key, str, "") for key in ("breaks", "relied_on_by", "supersedes"))
    change = Change(row.version("since"), row.maybe_version("until"), *texts, *who)
    row.done()
    return change


def _quirk(row: _Row) -> Quirk:
    about = row.strings("about")
    careful, strict, source, evidence = (row.get(k, str) for k in ("careful", "strict", "source", "evidence"))
    if evidence not in ("run", "read"):
        raise row.fail("evidence", f"expected 'run' or 'read', found {evidence!r}")
    since, until = row.version("since"), row.maybe_version("until")
    return Quirk(since, until, row.get("id", str), about, careful, strict, source, evidence)


def _function(row: _Row) -> Function:
    name = row.get("name", str)
    forms = tuple(_form(r, name) for r in row.rows("form", label="since"))
    if not forms:
        raise row.fail("form", "a function needs at least one")
    for before, after in pairwise(forms):
        if before.until is None or version_key(before.until) >= version_key(after.since):
            raise row.fail("form", f"the form since {before.since} must end before {after.since}")
    texts: dict[str, Any] = {key: row.get(key, str) for key in ("group", "doc", "source")}
    texts["without"] = row.get("without", str, "")
    return Function(name, forms=forms, changes=_changes(row), replaces=row.strings("replaces"), **texts)


def _validate(abi: Abi) -> None:
    """Check what no single row can: releases exist, families do not overlap, enum types are used."""
    known = {release.name for release in abi.releases}
    for function in abi.functions.values():
        for form in function.forms:
            for release in filter(None, (form.since, form.until)):
                if release not in known:
                    raise TableError(f"{abi.name} > function {function.name}: no release {release}")
        if stray := sorted(set(function.replaces) - set(abi.functions)):
            raise TableError(
                f"{abi.name} > function {function.name}: it replaces {stray[0]!r}, which is not there"
            )
    _validate_ids(abi)
    for release in sorted(known, key=version_key):
        families = [family.name for family in abi.families if family.covers(release)]
        if len(families) != 1:
            raise TableError(f"{abi.name} > release {release}: in families {families}, expected exactly one")


def _validate_ids(abi: Abi) -> None:
    """Check that no id of a change or quirk stands twice, and that quirks are about what there is."""
    owners: tuple[Function | Export, ...] = (*abi.functions.values(), *abi.exports.values())
    seen = set(abi.quirks)
    for owner in owners:
        for change in owner.changes:
            if change.id in seen:
                raise TableError(f"{abi.name} > {owner.name}: the id {change.id!r} stands twice")
            if change.supersedes and change.supersedes not in {other.id for other in owner.changes}:
                raise TableError(
                    f"{abi.name} > {owner.name}: there is no change {change.supersedes!r} to supersede"
                )
            seen.add(change.id)
    names = {owner.name for owner in owners}
    for quirk in abi.quirks.values():
        if stray := sorted(set(quirk.about) - names):
            raise TableError(f"{abi.name} > quirk {quirk.id}: {stray[0]!r} is no function and no export")
