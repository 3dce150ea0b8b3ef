"""What there is to say about a module: where it runs, what it uses, what keeps it from elsewhere, what will bite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, islice

from gadget_abi.check import WASI, Problem, problems_in, wasi_problems
from gadget_abi.choose import Choice, choose
from gadget_abi.errors import WasmError
from gadget_abi.releases import late_releases, runs, spans
from gadget_abi.table import Abi, Change, Export, Family, Function, Quirk
from gadget_abi.wasm import External, Kind, Module, constant_result, is_component, read_module

__all__ = ["Absence", "Caution", "ImportUse", "Report", "Start", "check_bytes", "check_module"]

_LOAD_QUIRKS = {"hook-type", "callback-type", "no-memory"}  # of modules that are not as they should be
_MOST = 1000  # problems of one module on one release: a broken file can have any number


@dataclass(frozen=True)
class ImportUse:
    """An import of the ABI; `releases` have the function in this module and of this type."""

    item: External
    function: Function | None
    releases: tuple[str, ...]


@dataclass(frozen=True)
class Absence:
    """A run of releases the module does not run on, and all that keeps it from them."""

    first: str
    last: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Start:
    """A function that runs, or would run, before any hook; `releases` of those the module runs on that run it."""

    name: str
    releases: tuple[str, ...]


@dataclass(frozen=True)
class Caution:
    """Something that does not keep the module from running, and that its author wants to know."""

    id: str
    subject: str
    text: str


@dataclass(frozen=True)
class Report:
    """What `gadget check` found.

    `kind` is "core", "component" or "unreadable". `releases` are the releases the module runs on, oldest first;
    `problems` what keeps it from the release it comes closest to, empty when `releases` is not;
    `signature_sets` the sets its imports fit.
    """

    abi: Abi
    kind: str
    module: Module | None
    signature_sets: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    by_release: dict[str, tuple[Problem, ...]] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """One sentence: where it runs."""
        return f"runs on ig {spans(self.abi, self.releases)}" if self.releases else "runs on no release of ig"

    @property
    def families(self) -> tuple[Family, ...]:
        """The link families of the releases it runs on."""
        return tuple(f for f in self.abi.families if any(map(f.covers, self.releases)))

    @cached_property
    def choice(self) -> Choice | None:
        """The release whose host `gadget run` gives it."""
        return choose(self.module, self.abi) if self.module and self.releases else None

    @cached_property
    def imports(self) -> tuple[ImportUse, ...]:
        """The functions it imports from the ABI."""
        modules = {family.module for family in self.abi.families}
        found = (item for item in self.module.imports if item.module in modules) if self.module else ()
        return tuple(map(self._import_use, found))

    def _import_use(self, item: External) -> ImportUse:
        function = self.abi.functions.get(item.name)
        signature = f"{item.module}.{item.name}{item.type}"
        having = (s.releases for s in self.abi.signature_sets if signature in s.signatures)
        return ImportUse(item, function, tuple(name for releases in having for name in releases))

    @cached_property
    def used(self) -> tuple[Function | Export, ...]:
        """The functions of the ABI it imports and the exports of the ABI it has."""
        functions = tuple(use.function for use in self.imports if use.function)
        exports = (e for e in self.abi.exports.values() if self.module and self.module.export(e.name))
        return (*dict.fromkeys(functions), *exports)

    @property
    def absences(self) -> tuple[Absence, ...]:
        """The releases it does not run on, oldest first, in runs that lack the same."""
        found: list[Absence] = []
        for name, all_of_them in self.by_release.items():
            if name in self.releases:
                continue
            problems = tuple(problem for problem in all_of_them if not problem.tolerated)
            if found and found[-1].problems == problems and self._follows(found[-1].last, name):
                found[-1] = Absence(found[-1].first, name, problems)
            else:
                found.append(Absence(name, name, problems))
        return tuple(found)

    def _follows(self, before: str, after: str) -> bool:
        return runs(self.abi, (before, after)) == [(before, after)]

    @cached_property
    def starts(self) -> tuple[Start, ...]:
        """What runs before any hook."""
        if self.module is None:
            return ()
        start = self.module.start
        found = [] if start is None else [Start(f"function {start} (start section)", self.releases)]
        for name in ("_start", "_initialize"):
            if self.module.export(name) is not None:
                found.append(Start(name, self._where(self.abi.exports[name])))
        return tuple(found)

    def _where(self, what: Export | Change | Quirk) -> tuple[str, ...]:
        return tuple(name for name in self.releases if what.covers(name))

    @property
    def changes(self) -> tuple[tuple[Function | Export, Change], ...]:
        """Behaviour of what it uses that is not the same in all the releases it runs on."""
        return tuple(
            (owner, change)
            for owner in self.used
            for change in owner.changes
            if 0 < len(self._where(change)) < len(self.releases)
        )

    @property
    def quirks(self) -> tuple[Quirk, ...]:
        """Upstream's quirks that concern what it uses, where it runs; those of loading only if it was warned of."""
        names, warned = {owner.name for owner in self.used}, {warning.id for warning in self.warnings}
        silent = _LOAD_QUIRKS - warned
        found = (q for q in self.abi.quirks.values() if names & set(q.about) and self._where(q))
        return tuple(quirk for quirk in found if quirk.id not in silent)

    @cached_property
    def warnings(self) -> tuple[Caution, ...]:
        """What does not keep it from running but will bite."""
        return tuple(self._warnings()) if self.module and self.releases else ()

    def _warnings(self) -> Iterator[Caution]:
        assert self.module is not None
        for problem in dict.fromkeys(p for name in self.releases for p in self.by_release[name]):
            text = f"{problem.reason}: ig runs it all the same, other hosts may not"
            yield Caution(self._tolerated_id(problem), problem.subject, text)
        yield from self._start_warnings()
        imported = {use.item.name for use in self.imports}
        if "dataSourceSubscribe" in imported and self.module.export("dataSourceCallback") is None:
            text = "not exported, though dataSourceSubscribe is imported: subscribing fails with 1"
            yield Caution("no-callback", "dataSourceCallback", text)
        if self.module.memories and (most := self.module.memories[0].max) is not None:
            cap = self.abi.limits["memory_pages"].value
            if most > cap:
                text = f"may grow to {most} pages, ig stops it at {cap}: growing further gives -1"
                yield Caution("memory-clamped", "memory", text)

    def _tolerated_id(self, problem: Problem) -> str:
        export = self.abi.exports.get(problem.subject)
        if export is None:
            return "memory-not-exported"
        if export.hook:
            return "hook-type"
        return "callback-type" if export.params else "start-type"

    def _start_warnings(self) -> Iterator[Caution]:
        idle = {start.name: set(self.releases) - set(start.releases) for start in self.starts}
        started = {name for start in self.starts for name in start.releases}
        for name, releases in idle.items():
            if silent := [release for release in self.releases if release in releases - started]:
                text = f"not run on {spans(self.abi, silent)}: what it sets up is missing there"
                yield Caution("start-not-run", name, text)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the order of versions and that of dates make of the verdict."""
        return tuple(
            f"it does not run on {late.name} ({late.date}), which came out after {newer.name} ({newer.date}) but is "
            "of an older line"
            for late, newer in late_releases(self.abi, self.releases)
        )

    def problems_on(self, release: str) -> tuple[Problem, ...]:
        """What keeps it from a release."""
        return () if release in self.releases else self.by_release.get(release, self.problems)


def check_bytes(data: bytes, abi: Abi) -> Report:
    """Check the bytes of a file; whatever they are, the answer is a report."""
    if is_component(data):
        hint = "build it with gadget build, which links components"
        problem = Problem("", "this is a wasm component; Inspektor Gadget runs core modules", hint)
        return Report(abi, "component", None, problems=(problem,))
    try:
        module = read_module(data, code=True)
        versions = list(_version_problems(data, module, abi))
    except WasmError as error:
        problem = Problem("", f"not a readable wasm module: {error}")
        return Report(abi, "unreadable", None, problems=(problem,))
    return check_module(module, abi, versions)


def _version_problems(data: bytes, module: Module, abi: Abi) -> Iterator[Problem]:
    """A version function that returns another constant; one that computes it is believed."""
    for export in abi.exports.values():
        found = module.export(export.name) if export.constant else None
        if found is None or found.kind != Kind.FUNC or found.index < module.imported_functions:
            continue
        value = constant_result(data, module.bodies[found.index - module.imported_functions])
        if value is not None and value != abi.api_version:
            yield Problem(export.name, f"returns {value}, ig insists on {abi.api_version}")


def check_module(module: Module, abi: Abi, also: list[Problem] | None = None) -> Report:
    """Check a module against every release of the ABI; `also` are problems it has on all of them."""
    everywhere = [*(also or ()), *islice(wasi_problems(module), _MOST)]
    found: dict[str, tuple[Problem, ...]] = {}
    for sigset in abi.signature_sets:
        # Within a set no release refuses what another takes: what is required has changed with the sets only.
        problems = tuple(islice(chain(everywhere, problems_in(module, abi, sigset.releases[-1])), _MOST))
        found.update(dict.fromkeys(sigset.releases, problems))
    releases = tuple(name for name, problems in found.items() if all(p.tolerated for p in problems))
    # Without a release that fits, the one with the fewest complaints is what the author aimed at.
    closest = min(reversed(found), key=lambda name: sum(not p.tolerated for p in found[name]))
    needed = {f"{item.module}.{item.name}{item.type}" for item in module.imports if item.module != WASI}
    fitting = tuple(s.name for s in abi.signature_sets if needed <= s.signatures)
    return Report(abi, "core", module, fitting, releases, () if releases else found[closest], found)
