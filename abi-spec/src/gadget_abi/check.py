"""What keeps a module from running on a release: its imports, exports, memory and features against the table."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gadget_abi.releases import span
from gadget_abi.table import Abi, Export, Form, Function
from gadget_abi.wasi import MODULE as WASI
from gadget_abi.wasi import SIGNATURES
from gadget_abi.wasm import FuncType, Kind, Module

__all__ = ["NO_MEMORY", "WASI", "Problem", "problems_in", "wasi_problems"]

NO_MEMORY = ("there is none, and every pointer needs one", "declare one and export it as 'memory'")
"""Reason and hint of the problem that a module without a memory has."""

_SUGGESTIONS = 20  # looking for a similar name takes its time; nobody misspells more


@dataclass(frozen=True)
class Problem:
    """Why a module does not run: the import or export concerned (may be empty), the reason, what to do.

    `tolerated`: upstream, which is not as strict, runs the module all the same (observed).
    """

    subject: str
    reason: str
    hint: str = ""
    tolerated: bool = False

    def __str__(self) -> str:
        text = f"{self.subject}: {self.reason}" if self.subject else self.reason
        return f"{text}; {self.hint}" if self.hint else text


def problems_in(module: Module, abi: Abi, release: str) -> Iterator[Problem]:
    """What keeps a module from running on a release; nothing when it runs."""
    yield from _feature_problems(module)
    yield from _memory_problems(module, abi)
    yield from _import_problems(module, abi, release)
    for export in abi.exports.values():
        if export.covers(release):
            yield from _export_problems(module, export, abi, release)


def _feature_problems(module: Module) -> Iterator[Problem]:
    for use in module.features.values():
        where = f"first used at byte {use.at:#x}"
        if use.function is not None:
            where += f" in function {use.function}, {module.function_names.get(use.function, 'nameless')}"
        hint = "build it for the wasm 2.0 core features, which are all that ig's runtime has"
        yield Problem(use.feature, f"not in wasm 2.0 ({where})", hint)


def _memory_problems(module: Module, abi: Abi) -> Iterator[Problem]:
    cap = abi.limits["memory_pages"].value
    exported = module.export("memory")
    if not module.memories:
        yield Problem("memory", *NO_MEMORY)
    elif exported is None or exported.kind != Kind.MEMORY:
        # Upstream asks for the module's memory, whatever it is called (observed on every link family).
        yield Problem("memory", "not exported", "export the module's memory as 'memory'", tolerated=True)
    for memory in module.memories:
        if memory.min > cap:
            yield Problem("memory", f"starts with {memory.min} pages of 64 KiB, {cap} are allowed")


# ------------------------------------------------------------------------------------------- imports


def _import_problems(module: Module, abi: Abi, release: str) -> Iterator[Problem]:
    own = abi.family_of(release).module
    modules = {family.module for family in abi.families}
    counts = Counter(item.module for item in module.imports)
    yield from (_foreign_module(name, counts[name], abi, own) for name in counts if name not in {own, WASI})
    forms, suggestions = abi.forms_in(release), _SUGGESTIONS
    for item in module.imports:
        if item.module not in modules:
            continue
        subject, function = f"{item.module}.{item.name}", abi.functions.get(item.name)
        if item.kind != Kind.FUNC:
            yield Problem(subject, f"imported as a {item.kind.name.lower()}, it is a function")
        elif function is None:
            names, suggestions = (forms if suggestions > 0 else ()), suggestions - 1
            yield Problem(subject, "no such host function", _did_you_mean(item.name, names))
        elif (form := forms.get(item.name)) is None:
            yield _absent(subject, function, abi, release)
        elif isinstance(item.type, FuncType) and (item.type.params, item.type.results) != form.core_type:
            yield Problem(
                subject, f"imported as {item.type}, {_when(form)} it is {FuncType(*form.core_type)}"
            )


def _foreign_module(name: str, count: int, abi: Abi, own: str) -> Problem:
    owners = [family for family in abi.families if family.module == name]
    if not owners:
        return Problem(name, f"unknown import module {name!r}", "gadgets import ig and WASI preview 1")
    has = span(abi, owners[0].since, owners[-1].until)
    what = "a function" if count == 1 else f"{count} functions"
    hint = f"import from {own!r} instead: build with an SDK of the release, or gadget build --abi"
    return Problem(name, f"{what} imported from {name!r}, which is the module of {has}", hint)


def _when(form: Form) -> str:
    if form.until is None:
        return f"since {form.since}"
    return f"in {form.since}" if form.since == form.until else f"from {form.since} to {form.until}"


def _absent(subject: str, function: Function, abi: Abi, release: str) -> Problem:
    """A function of the ABI that a release lacks: not yet there, or no longer."""
    newer = next((form for form in function.forms if form.is_after(release)), None)
    if newer is not None:
        return Problem(
            subject, f"ig has it since {newer.since}", _replaced(function, abi) or function.without
        )
    names = ", ".join(other.name for other in abi.functions.values() if function.name in other.replaces)
    return Problem(
        subject, f"ig has it until {function.newest.until}", f"instead, there is {names}" if names else ""
    )


def _replaced(function: Function, abi: Abi) -> str:
    names = (f"{name}{FuncType(*abi.functions[name].newest.core_type)}" for name in function.replaces)
    text = ", ".join(names)
    return f"before, it was {text}" if text else ""


def wasi_problems(module: Module) -> Iterator[Problem]:
    """What is wrong with the functions a module imports from WASI, which are the same in every release."""
    suggestions = _SUGGESTIONS
    for item in module.imports:
        if item.module != WASI:
            continue
        subject, signature = f"{item.module}.{item.name}", SIGNATURES.get(item.name)
        if signature is None:
            names, suggestions = (SIGNATURES if suggestions > 0 else ()), suggestions - 1
            yield Problem(subject, "no function of WASI preview 1", _did_you_mean(item.name, names))
        elif item.kind != Kind.FUNC:
            yield Problem(subject, f"imported as a {item.kind.name.lower()}, it is a function")
        elif item.type != (expected := FuncType(*signature)):
            yield Problem(subject, f"imported as {item.type}, it is {expected}")


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]}?" if near else ""


# ------------------------------------------------------------------------------------------- exports


def _export_problems(module: Module, export: Export, abi: Abi, release: str) -> Iterator[Problem]:
    found = module.export(export.name)
    if found is None:
        if export.is_required_in(release):
            yield Problem(export.name, "not exported", _required(export, abi))
        return
    if found.kind != Kind.FUNC or not isinstance(found.type, FuncType):
        reason = f"exported as a {found.kind.name.lower()}, it must be a function"
        yield Problem(
            export.name, reason, tolerated=not export.is_required_in(release)
        )  # upstream finds nothing
    elif not _acceptable(export, found.type):
        expected = FuncType(*export.core_type)
        yield Problem(
            export.name,
            f"exported as {found.type}, it must be {expected}",
            tolerated=_tolerated(export, found.type),
        )


def _required(export: Export, abi: Abi) -> str:
    if export.required_until is None:
        return "every release requires it"
    return f"{span(abi, export.since, export.required_until)} require it; later ones do not look for it"


def _acceptable(export: Export, found: FuncType) -> bool:
    if (found.params, found.results) == export.core_type:
        return True
    # The version is compared as a raw stack slot: a 32-bit integer does as well (ig-abi.json, run).
    return export.constant and (found.params, found.results) == ((), ("i32",))


def _tolerated(export: Export, found: FuncType) -> bool:
    """Whether upstream, which does not look at the types of exports, calls it with success."""
    integers = {"i32", "i64"}
    if export.hook:  # the first result counts; without one the host dies
        return not found.params and bool(found.results) and found.results[0] in integers
    if export.result is not None:
        return False
    if not export.params:  # a start function, whose results are dropped
        return not found.params
    # The callback: three raw slots.
    return len(found.params) == len(export.params) and not found.results and {*found.params} <= integers
