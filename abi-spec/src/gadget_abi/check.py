"""Decide which releases a module runs on, and say what keeps it from the others."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gadget_abi.errors import WasmError
from gadget_abi.table import Abi, Export, Form
from gadget_abi.wasm import External, FuncType, Kind, Module, is_component, read_module

__all__ = ["Problem", "Report", "check_bytes", "check_module", "problems_in"]

WASI = "wasi_snapshot_preview1"


@dataclass(frozen=True)
class Problem:
    """Why a module does not run: the import or export concerned (may be empty), the reason, what to do."""

    subject: str
    reason: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.subject}: {self.reason}" if self.subject else self.reason
        return f"{text}; {self.hint}" if self.hint else text


@dataclass(frozen=True)
class Report:
    """What `gadget check` found.

    `releases` are the releases the module runs on, oldest first; `problems` what keeps it from the newest
    release it comes closest to, empty when `releases` is not; `signature_sets` the sets its imports fit.
    """

    abi: Abi
    module: Module | None
    signature_sets: tuple[str, ...]
    releases: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def family(self) -> str | None:
        """The link family of the releases it runs on."""
        return self.abi.family_of(self.releases[-1]).name if self.releases else None

    @property
    def verdict(self) -> str:
        """One sentence: where it runs."""
        if not self.releases:
            return "runs on no release of ig"
        first, last = self.releases[0], self.releases[-1]
        if last == self.abi.newest:
            return f"runs on ig {first} and later (newest known: {last})"
        return f"runs on ig {first} only" if first == last else f"runs on ig {first} to {last}"


def check_bytes(data: bytes, abi: Abi) -> Report:
    """Check the bytes of a file; whatever they are, the answer is a report."""
    if is_component(data):
        reason = "this is a wasm component; Inspektor Gadget runs core modules"
        return _hopeless(abi, Problem("", reason, "build it with gadget build, which links components"))
    try:
        return check_module(read_module(data, code=True), abi)
    except WasmError as error:
        return _hopeless(abi, Problem("", f"not a readable wasm module: {error}"))


def _hopeless(abi: Abi, problem: Problem) -> Report:
    return Report(abi, None, (), (), (problem,))


def check_module(module: Module, abi: Abi) -> Report:
    """Check a module against every release of the ABI."""
    found = {r.name: tuple(problems_in(module, abi, r.name)) for r in abi.releases}
    releases = tuple(name for name, problems in found.items() if not problems)
    # Without a release that fits, the one with the fewest complaints is what the author aimed at.
    closest = min(reversed(found), key=lambda name: len(found[name]))
    fitting = (s.name for s in abi.signature_sets if not list(_import_problems(module, abi, s.releases[-1])))
    return Report(abi, module, tuple(fitting), releases, () if releases else found[closest])


def problems_in(module: Module, abi: Abi, release: str) -> Iterator[Problem]:
    """What keeps a module from running on a release; nothing when it runs."""
    for use in module.features.values():
        yield Problem(use.feature, f"not in wasm 2.0 (first used at byte {use.at:#x})")
    yield from _memory_problems(module, abi)
    yield from _import_problems(module, abi, release)
    for export in abi.exports.values():
        if export.covers(release):
            yield from _export_problems(module, export, release)


def _memory_problems(module: Module, abi: Abi) -> Iterator[Problem]:
    cap = abi.limits["memory_pages"].value
    exported = module.export("memory")
    if exported is None or exported.kind != Kind.MEMORY:
        yield Problem("memory", "not exported", "export the module's memory as 'memory'")
    for memory in module.memories:
        if memory.min > cap:
            yield Problem("memory", f"starts with {memory.min} pages of 64 KiB, {cap} are allowed")


def _import_problems(module: Module, abi: Abi, release: str) -> Iterator[Problem]:
    forms, family = abi.forms_in(release), abi.family_of(release)
    for item in module.imports:
        if item.module == WASI:
            continue  # the host answers every preview1 function; unknown names are its to refuse
        subject = f"{item.module}.{item.name}"
        if item.module != family.module:
            yield _foreign_module(item, abi, release, subject)
        elif item.kind != Kind.FUNC:
            yield Problem(subject, f"imported as a {item.kind.name.lower()}, it is a function")
        elif (form := forms.get(item.name)) is None:
            yield _unknown_function(item, abi, forms, release, subject)
        elif isinstance(item.type, FuncType) and (item.type.params, item.type.results) != form.core_type:
            expected = FuncType(*form.core_type)
            yield Problem(subject, f"imported as {item.type}, in {release} it is {expected}")


def _foreign_module(item: External, abi: Abi, release: str, subject: str) -> Problem:
    owners = [family for family in abi.families if family.module == item.module]
    if not owners:
        return Problem(
            subject, f"unknown import module {item.module!r}", "gadgets import ig and WASI preview1"
        )
    span = f"{owners[0].since} to {owners[-1].until or 'today'}"
    wanted = abi.family_of(release).module
    return Problem(
        subject,
        f"import module {item.module!r} is that of ig {span}; {release} has {wanted!r}",
        "rebuild the gadget with an SDK of that release",
    )


def _unknown_function(
    item: External, abi: Abi, forms: Mapping[str, Form], release: str, subject: str
) -> Problem:
    if function := abi.functions.get(item.name):
        last = function.newest
        span = f"since {last.since}" if last.until is None else f"until {last.until}"
        return Problem(subject, f"not in {release}; ig has it {span}")
    near = difflib.get_close_matches(item.name, forms, n=1)
    return Problem(subject, "no such host function", f"did you mean {near[0]}?" if near else "")


def _export_problems(module: Module, export: Export, release: str) -> Iterator[Problem]:
    found = module.export(export.name)
    if found is None:
        if export.is_required_in(release):
            yield Problem(export.name, "not exported", f"{release} requires it")
        return
    if found.kind != Kind.FUNC or not isinstance(found.type, FuncType):
        yield Problem(export.name, f"exported as a {found.kind.name.lower()}, it must be a function")
    elif not _acceptable(export, found.type):
        expected = FuncType(*export.core_type)
        yield Problem(export.name, f"exported as {found.type}, it must be {expected}")


def _acceptable(export: Export, found: FuncType) -> bool:
    if (found.params, found.results) == export.core_type:
        return True
    # The version is compared as a raw stack slot: a 32-bit integer does as well (ig-abi.json, run).
    return export.constant and (found.params, found.results) == ((), ("i32",))
