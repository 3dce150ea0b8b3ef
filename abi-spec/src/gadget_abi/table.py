"""The ABI table as typed objects: releases, families, enums, guest exports and host functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gadget_abi.semantic import SemanticType

__all__ = [
    "Abi",
    "Change",
    "Encoding",
    "Enum",
    "Export",
    "Family",
    "Form",
    "Function",
    "Layout",
    "Limit",
    "Param",
    "Quirk",
    "Release",
    "SignatureSet",
    "version_key",
]


@cache
def version_key(release: str) -> tuple[int, ...]:
    """Sort key of a release name: "v0.38.1" -> (0, 38, 1)."""
    return tuple(int(part) for part in release.removeprefix("v").split("."))


def _words(name: str) -> list[str]:
    """The words of a name: getSyscallID -> get, syscall, id."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


@dataclass(frozen=True)
class Release:
    """A release of the upstream project: tag, commit hash, date (ISO 8601)."""

    name: str
    commit: str
    date: str

    def is_newer(self, other: Release) -> bool:
        """Tell whether its version is higher, whatever the dates."""
        return version_key(self.name) > version_key(other.name)


@dataclass(frozen=True)
class Since:
    """Anything that exists from one release on, and perhaps until another (both inclusive)."""

    since: str
    until: str | None

    def is_older(self, other: Since) -> bool:
        """Tell whether it begins before another thing does."""
        return version_key(self.since) < version_key(other.since)

    def is_after(self, release: str) -> bool:
        """Tell whether it begins later than a release."""
        return version_key(self.since) > version_key(release)

    def covers(self, release: str) -> bool:
        """Tell whether it exists in a release."""
        key = version_key(release)
        return version_key(self.since) <= key and (self.until is None or key <= version_key(self.until))


@dataclass(frozen=True)
class Family(Since):
    """A way of passing buffers: link family name, the import module its functions live in, the first commit."""

    name: str
    module: str
    commit: str
    doc: str


@dataclass(frozen=True)
class Limit:
    """A number the host enforces, with its unit."""

    name: str
    value: int
    unit: str
    doc: str
    source: str


@dataclass(frozen=True)
class Bits:
    """A bit field of an encoding."""

    name: str
    shift: int
    bits: int
    doc: str

    @property
    def mask(self) -> int:
        """The field's bits, in place."""
        return ((1 << self.bits) - 1) << self.shift


@dataclass(frozen=True)
class Encoding:
    """How a number is put together from bit fields."""

    name: str
    core: str
    fields: tuple[Bits, ...]
    doc: str
    since: str

    def bits(self, name: str) -> Bits:
        """The bit field of that name."""
        return next(bits for bits in self.fields if bits.name == name)


@dataclass(frozen=True)
class Member:
    """A member of a memory layout: offset and size in bytes; `count` elements of that size."""

    name: str
    offset: int
    size: int
    count: int
    doc: str


@dataclass(frozen=True)
class Layout:
    """A structure the host writes to guest memory, little-endian; `size` in bytes."""

    name: str
    size: int
    members: tuple[Member, ...]
    source: str


@dataclass(frozen=True)
class Enum:
    """Named numbers. `type` is the semantic type they belong to; `widths` the bytes of scalar kinds."""

    name: str
    type: str
    doc: str
    source: str
    members: Mapping[str, int]
    widths: Mapping[str, int]


@dataclass(frozen=True)
class Param:
    """A parameter: name and semantic type."""

    name: str
    type: SemanticType

    def __str__(self) -> str:
        return f"{self.name}: {self.type}"


@dataclass(frozen=True)
class Change(Since):
    """A change of behaviour under an unchanged signature, in effect from `since` on; `id` names it for good.

    `breaks` are the guests of earlier releases that it breaks, `relied_on_by` those of later releases that do
    without it on an earlier one; empty when there are none. `supersedes` is the id of an earlier change that this
    one takes back.
    """

    id: str
    commit: str
    text: str
    breaks: str = ""
    relied_on_by: str = ""
    supersedes: str = ""


@dataclass(frozen=True)
class Quirk(Since):
    """What upstream does, from `since` to `until`, and a careful host does not.

    `about` are the functions and exports concerned; `careful` and `strict` say what a host does in each mode;
    `evidence` is "run" when upstream was observed, "read" when its code was read.
    """

    id: str
    about: tuple[str, ...]
    careful: str
    strict: str
    source: str
    evidence: str


@dataclass(frozen=True)
class Export(Since):
    """A function the guest exports: `hook` a lifecycle one, `constant` one that returns api_version.

    `commit` made the host look for it, `until_commit` ended that.
    """

    name: str
    params: tuple[Param, ...]
    result: SemanticType | None
    required: bool
    required_until: str | None
    hook: bool
    constant: bool
    doc: str
    commit: str
    until_commit: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def core_type(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Core parameter and result types."""
        return tuple(p.type.core for p in self.params), (self.result.core,) if self.result else ()

    @property
    def kebab(self) -> str:
        """The name in kebab-case, as the WIT world calls it."""
        return "-".join(_words(self.name))

    def is_required_in(self, release: str) -> bool:
        """Tell whether a module without it is refused by a release."""
        if self.required_until is not None:
            return version_key(release) <= version_key(self.required_until)
        return self.required


@dataclass(frozen=True)
class Form(Since):
    """A function as it stands in a range of releases.

    `error` is the result of a failed call, None when the function has no result. `consumes` names the
    parameters whose handle is gone after the call; `released_by` says how what is returned is given back.
    `commit` made it, `until_commit` removed the function after it.
    """

    function: str
    params: tuple[Param, ...]
    result: SemanticType | None
    error: int | None
    commit: str
    consumes: tuple[str, ...]
    released_by: str
    until_commit: str = ""

    @property
    def core_type(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Core parameter and result types."""
        return tuple(p.type.core for p in self.params), (self.result.core,) if self.result else ()

    @property
    def signature(self) -> str:
        """The function and its core type: "fieldSet(i32, i32, i32, i64) -> (i32)"."""
        params, results = self.core_type
        return f"{self.function}({', '.join(params)}) -> ({', '.join(results)})"


@dataclass(frozen=True)
class Function:
    """A host function, with its forms from oldest to newest.

    `replaces` are older functions it stands in for; `without` says what a guest does where it is missing.
    """

    name: str
    group: str
    doc: str
    source: str
    forms: tuple[Form, ...]
    changes: tuple[Change, ...]
    replaces: tuple[str, ...] = ()
    without: str = ""

    @property
    def newest(self) -> Form:
        """The latest form."""
        return self.forms[-1]

    def form_in(self, release: str) -> Form | None:
        """The form a release has, None when it lacks the function."""
        return next((form for form in self.forms if form.covers(release)), None)

    @property
    def snake(self) -> str:
        """The name in snake_case, as Python functions are called."""
        return "_".join(_words(self.name))

    @property
    def kebab(self) -> str:
        """The name in kebab-case, as WIT functions are called."""
        return "-".join(_words(self.name))


@dataclass(frozen=True)
class SignatureSet:
    """The functions that a run of releases has in common, by name."""

    name: str
    family: Family
    releases: tuple[str, ...]
    forms: Mapping[str, Form]

    @cached_property
    def signatures(self) -> frozenset[str]:
        """Every function with module and core type: "ig.getMap(i64) -> (i32)"."""
        return frozenset(f"{self.family.module}.{form.signature}" for form in self.forms.values())


@dataclass(frozen=True)
class Abi:
    """The whole table of one ABI; mappings are in table order, releases and signature sets from oldest to newest."""

    name: str
    title: str
    repository: str
    api_version: int
    wit_package: str
    wit_world: str
    releases: tuple[Release, ...]
    families: tuple[Family, ...]
    limits: Mapping[str, Limit]
    encodings: Mapping[str, Encoding]
    layouts: Mapping[str, Layout]
    enums: Mapping[str, Enum]
    exports: Mapping[str, Export]
    functions: Mapping[str, Function]
    quirks: Mapping[str, Quirk] = field(default_factory=dict)
    signature_sets: tuple[SignatureSet, ...] = ()
    source_text: str = field(default="", repr=False, compare=False)

    @property
    def newest(self) -> str:
        """The newest release's name."""
        return self.releases[-1].name

    @property
    def current(self) -> dict[str, Form]:
        """Forms of the newest release, by function name."""
        return self.forms_in(self.newest)

    def forms_in(self, release: str) -> dict[str, Form]:
        """The forms a release has, by function name."""
        found = {name: function.form_in(release) for name, function in self.functions.items()}
        return {name: form for name, form in found.items() if form is not None}

    def family_of(self, release: str) -> Family:
        """The link family of a release."""
        return next(family for family in self.families if family.covers(release))

    @property
    def changes(self) -> dict[str, Change]:
        """Every change of behaviour, of functions and exports, by id."""
        return {change.id: change for _, change in self.owned_changes()}

    def owned_changes(self) -> list[tuple[str, Change]]:
        """Every change of behaviour with the function or export it is about."""
        owners: tuple[Function | Export, ...] = (*self.functions.values(), *self.exports.values())
        return [(owner.name, change) for owner in owners for change in owner.changes]

    def enum_for(self, type_name: str) -> Enum:
        """The enum of a semantic type ("kind", "map-type", ...)."""
        return next(enum for enum in self.enums.values() if enum.type == type_name)
