"""Load a gadget: everything that can be wrong with a module is said before any of its code runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import wasmtime

from gadget_abi import Abi, EmbedderError, GuestError, WasmError
from gadget_abi.check import Problem, check_module, problems_in
from gadget_abi.wasm import External, FuncType, Kind, Module, is_component, read_module

from . import wasi
from ._cache import compile_guest

__all__ = ["GuestModule", "load_module", "read_file"]

_SHOWN = 5  # problems listed in one message


@dataclass(frozen=True)
class GuestModule:
    """A module that is fit to be instantiated.

    Args:
        name: what messages call it.
        info: its imports, exports and memories.
        compiled: its code.
        signature_set: the oldest set of signatures its imports fit ("sig-6").
        family: the link family ("ig").
        release: the release whose behaviour it gets.
    """

    name: str
    info: Module
    compiled: wasmtime.Module
    signature_set: str
    family: str
    release: str

    def has_function(self, name: str) -> bool:
        """Whether it exports a function of that name."""
        found = self.info.export(name)
        return found is not None and found.kind == Kind.FUNC


def read_file(path: Path) -> bytes:
    """The bytes of a module.

    Raises:
        EmbedderError: there is no such file, or it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise EmbedderError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise EmbedderError(f"{path}: a directory; give the .wasm file built from it") from None
    except OSError as error:
        raise EmbedderError(f"{path}: cannot be read: {error.strerror}") from error


def load_module(
    engine: wasmtime.Engine,
    wasm: bytes,
    *,
    name: str,
    abi: Abi,
    memory_pages: int | None = None,
    provided: str = "",
) -> GuestModule:
    """Check and compile a module.

    Args:
        engine: compiles it.
        wasm: its bytes.
        name: what messages call it.
        abi: what it is checked against, in the newest release.
        memory_pages: most pages it may start with; the ABI's limit unless given.
        provided: an import module that is not checked here, since the embedder provides it.

    Raises:
        GuestError: it cannot be run here; the text says why and what to do.
    """
    info = _read(wasm, name)
    checked = replace(info, imports=[item for item in info.imports if item.module != provided])
    allowed = abi.limits["memory_pages"].value if memory_pages is None else memory_pages
    _refuse(name, list(_problems(checked, abi, allowed)))
    try:
        compiled = compile_guest(engine, wasm)
    except wasmtime.WasmtimeError as error:
        raise GuestError(_invalid(error), module=name, hint=_BUILD_FOR_2) from None
    family = abi.family_of(abi.newest)
    return GuestModule(name, info, compiled, _oldest_set(checked, abi), family.name, abi.newest)


_BUILD_FOR_2 = "build it for the Wasm 2.0 core features, which are all that Inspektor Gadget runs"


def _read(wasm: bytes, name: str) -> Module:
    if not wasm:
        raise GuestError("the file is empty", module=name)
    if is_component(wasm):
        raise GuestError(
            "this is a wasm component, and gadgets are core modules",
            module=name,
            hint="link it with gadget build",
        )
    try:
        return read_module(wasm)
    except WasmError as error:
        raise GuestError(f"not a readable wasm module: {error}", module=name) from None


def _problems(info: Module, abi: Abi, memory_pages: int) -> Iterator[Problem]:
    if older := _older_family(info, abi):
        yield older
        return
    yield from _memory_problems(info, memory_pages)
    yield from (p for p in problems_in(info, abi, abi.newest) if "pages" not in p.reason)  # said above
    for item in info.imports:
        if item.module == wasi.MODULE:
            yield from _wasi_problems(item)


def _older_family(info: Module, abi: Abi) -> Problem | None:
    """A module for a release before the imports moved to another module name."""
    current = abi.family_of(abi.newest)
    older = {family.module for family in abi.families} - {current.module}
    found = [item for item in info.imports if item.module in older and item.name in abi.functions]
    if not found:
        return None
    fitting = check_module(info, abi).signature_sets
    sets = [s for s in abi.signature_sets if s.name in fitting] or [
        s for s in abi.signature_sets if s.family.module in older
    ]
    fits = sets[0].releases[0], sets[-1].releases[-1]
    return Problem(
        f"{found[0].module}.{found[0].name}",
        f"built for ig {fits[0]} to {fits[-1]}, whose functions are imported from {found[0].module!r}; "
        "this host does not run those yet",
        f"rebuild it with an SDK of {current.since} or later",
    )


def _memory_problems(info: Module, memory_pages: int) -> Iterator[Problem]:
    if len(info.memories) > 1:
        yield Problem("memory", f"the module has {len(info.memories)} memories, a gadget has one")
    if info.memories and info.memories[0].min > memory_pages:
        yield Problem(
            "memory", f"starts with {info.memories[0].min} pages of 64 KiB, {memory_pages} are allowed"
        )


def _wasi_problems(item: External) -> Iterator[Problem]:
    subject = f"{item.module}.{item.name}"
    signature = wasi.SIGNATURES.get(item.name)
    if signature is None:
        near = get_close_matches(item.name, wasi.SIGNATURES, n=1)
        yield Problem(subject, "no function of WASI preview 1", f"did you mean {near[0]}?" if near else "")
    elif item.kind != Kind.FUNC:
        yield Problem(subject, f"imported as a {item.kind.name.lower()}, it is a function")
    elif item.type != (expected := FuncType(*signature)):
        yield Problem(subject, f"imported as {item.type}, it is {expected}")


def _refuse(name: str, problems: list[Problem]) -> None:
    """Raise for what is wrong, if anything is."""
    if not problems:
        return
    first, *others = problems
    if not others:
        raise GuestError(first.reason, module=name, function=first.subject, hint=first.hint)
    lines = [f"  {problem}" for problem in problems[:_SHOWN]]
    more = [f"  and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    raise GuestError("\n".join([f"{len(problems)} things keep it from running:", *lines, *more]), module=name)


def _invalid(error: wasmtime.WasmtimeError) -> str:
    """The last cause in wasmtime's message, which is the one about the module."""
    return f"not valid: {str(error).strip().splitlines()[-1].strip()}"


def _oldest_set(info: Module, abi: Abi) -> str:
    """The oldest set of signatures of today's link family that has every host function the module imports."""
    needed = {f"{item.module}.{item.name}{item.type}" for item in info.imports if item.module != wasi.MODULE}
    family = abi.family_of(abi.newest)
    return next(s.name for s in abi.signature_sets if s.family == family and needed <= s.signatures)
