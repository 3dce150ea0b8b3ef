"""Load a gadget: everything that can be wrong with a module is said before any of its code runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import wasmtime

from gadget_abi import Abi, EmbedderError, GuestError, Profile, WasmError
from gadget_abi.check import NO_MEMORY, Problem, problems_in, wasi_problems
from gadget_abi.choose import Choice, choose
from gadget_abi.wasm import FuncType, Kind, Module, is_component, read_declarations, read_module

from ._cache import Compiled, compile_guest, find_guest
from ._split import moved, start_name

__all__ = ["CALLBACK", "GuestModule", "bytes_of", "load_module", "read_file"]

CALLBACK = "dataSourceCallback"

_NUMBERS = {"i32", "i64", "f32", "f64"}
_SHOWN = 5  # problems listed in one message


@dataclass(frozen=True)
class GuestModule:
    """A module that is fit to be instantiated.

    Args:
        name: what messages call it.
        info: its imports, exports and memories.
        compiled: its code.
        choice: the release whose behaviour it gets, and why.
        profile: what that release is like.
        start: the name of the export that is the function of its (start) section, None when it has none.
        moved: bytes by which its code is further behind than in the file.
    """

    name: str
    info: Module
    compiled: Compiled
    choice: Choice
    profile: Profile
    start: str | None
    moved: int

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
    except ValueError as error:  # a NUL in the name
        raise EmbedderError(f"{str(path)!r}: no name of a file: {error}") from error


def bytes_of(module: object) -> bytes:
    """The bytes of a module that was not given as a path.

    Raises:
        EmbedderError: it gives none.
    """
    try:
        return bytes(memoryview(module))  # type: ignore[arg-type]  # there is no type for it before Python 3.12
    except TypeError:
        given = type(module).__name__
        raise EmbedderError(f"a gadget is given as a path or as bytes, not as {given}") from None


def load_module(
    engine: wasmtime.Engine,
    wasm: bytes,
    *,
    name: str,
    abi: Abi,
    family: str | None = None,
    release: str | None = None,
    strict: bool = False,
    memory_pages: int | None = None,
    provided: str = "",
) -> GuestModule:
    """Check and compile a module.

    Args:
        engine: compiles it.
        wasm: its bytes.
        name: what messages call it.
        abi: what it is checked against.
        family: the link family it has; seen from its imports unless given.
        release: the release it is to run as; the newest it fits unless given.
        strict: let pass what that release refuses only when it meets it.
        memory_pages: most pages it may start with; the ABI's limit unless given.
        provided: an import module that is not checked here, since the embedder provides it.

    Raises:
        EmbedderError: no such family or release.
        GuestError: it cannot be run here; the text says why and what to do.
    """
    known = find_guest(engine, wasm)
    info = _read(wasm, name) if known is None else read_declarations(wasm)
    checked = replace(info, imports=[item for item in info.imports if item.module != provided])
    allowed = abi.limits["memory_pages"].value if memory_pages is None else memory_pages
    choice = choose(checked, abi, family=family, release=release)
    profile = Profile(abi, choice.release, strict)
    _refuse(name, list(_problems(checked, profile, allowed)), choice.hint)
    try:
        compiled = known or compile_guest(engine, wasm, info)
    except wasmtime.WasmtimeError as error:
        raise GuestError(_invalid(error), module=name, hint=_BUILD_FOR_2) from None
    return GuestModule(name, info, compiled, choice, profile, start_name(info), moved(wasm, info))


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


def _problems(info: Module, profile: Profile, memory_pages: int) -> Iterator[Problem]:
    """Why it cannot be run as a release; what is said here of the memory is not said again."""
    yield from _memory_problems(info, profile, memory_pages)
    for problem in problems_in(info, profile.abi, profile.release):
        if problem.subject != "memory" and not _is_passed(problem, info, profile):
            yield problem
    yield from wasi_problems(info)


def _is_passed(problem: Problem, info: Module, profile: Profile) -> bool:
    """Whether a strict host runs the module all the same, or finds what is wrong only when it meets it."""
    if not profile.strict:
        return False
    if problem.tolerated:
        return True
    export, found = profile.exports.get(problem.subject), info.export(problem.subject)
    if export is None or found is None or not (export.hook or export.name == CALLBACK):
        return False
    if isinstance(found.type, FuncType) and not {*found.type.params, *found.type.results} <= _NUMBERS:
        return False
    return profile.quirk("hook-type" if export.hook else "callback-type")


def _memory_problems(info: Module, profile: Profile, memory_pages: int) -> Iterator[Problem]:
    if not info.memories and not profile.quirk("no-memory"):
        yield Problem("memory", *NO_MEMORY)
    if info.memories and info.memories[0].min > memory_pages:
        yield Problem(
            "memory", f"starts with {info.memories[0].min} pages of 64 KiB, {memory_pages} are allowed"
        )


def _refuse(name: str, problems: list[Problem], hint: str) -> None:
    """Raise for what is wrong, if anything is."""
    if not problems:
        return
    first, *others = problems
    if not others:
        hints = "; ".join(filter(None, (first.hint, hint)))
        raise GuestError(first.reason, module=name, function=first.subject, hint=hints)
    lines = [f"  {problem}" for problem in problems[:_SHOWN]]
    more = [f"  and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    advice = [hint] if hint else []
    text = "\n".join([f"{len(problems)} things keep it from running:", *lines, *more, *advice])
    raise GuestError(text, module=name)


def _invalid(error: wasmtime.WasmtimeError) -> str:
    """The last cause in wasmtime's message, which is the one about the module."""
    return f"not valid: {str(error).strip().splitlines()[-1].strip()}"
