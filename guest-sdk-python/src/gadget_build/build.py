"""From a Python program to a core wasm module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import gadget_abi
from gadget_abi import Family
from gadget_abi.wasm import read_declarations
from gadget_build.cache import DiskStore, cache_dir, write_whole
from gadget_build.componentize import componentize
from gadget_build.errors import BuildError
from gadget_build.link.linker import link
from gadget_build.program import find_program
from gadget_build.release import choose_release
from gadget_build.usage import unused_hooks

__all__ = ["BuildResult", "build", "default_output"]


@dataclass(frozen=True)
class BuildResult:
    """What was built: the file, its size in bytes, its memory at start in pages of 64 KiB, the oldest release of ig
    it is made for, and the link family of that."""

    output: Path
    size: int
    pages: int
    release: str
    family: Family


def _silent(step: str) -> None:
    """Say nothing."""


def build(
    source: Path,
    *,
    output: Path | None = None,
    family: str | None = None,
    release: str | None = None,
    progress: Callable[[str], None] = _silent,
) -> BuildResult:
    """Build a gadget.

    Args:
        source: a gadget directory (with a program.py) or a Python file.
        output: the file to write; beside the program unless given.
        family: the link family: "env-malloc" (ig v0.30.0 to v0.37.0), "env-dst" (v0.38), "ig" (v0.39.0 and later);
            unless given, that of the release, else "ig".
        release: the oldest release of ig the gadget has to run on; unless given, the oldest of the family that has
            all that the program uses. Functions that came later are answered inside the module.
        progress: told each step as it begins.

    Raises:
        BuildError: the program cannot be built; with file and line where it is the program's fault.
    """
    abi = gadget_abi.load()
    program = find_program(Path(source))
    target = choose_release(program, abi, family=family, release=release)
    progress("componentizing")
    component = componentize(program, _world())
    progress("linking")
    wasm = link(component, abi, target, DiskStore(cache_dir()), without=unused_hooks(program))
    pages, limit = read_declarations(wasm).memories[0].min, abi.limits["memory_pages"].value
    if pages > limit:
        raise BuildError(
            f"needs {pages} pages of memory at start, a gadget may have {limit}",
            file=program.main,
            hint="import less, or build large tables when the gadget starts",
        )
    path = output or default_output(Path(source))
    try:
        write_whole(path, wasm)
    except OSError as error:
        raise BuildError(f"cannot be written: {error.strerror or error}", file=path) from error
    return BuildResult(path, len(wasm), pages, target, abi.family_of(target))


def _world() -> str:
    return (files("gadget_abi") / "data" / "gadget.wit").read_text(encoding="utf-8")


def default_output(source: Path) -> Path:
    """Where a build goes unless told otherwise: DIR/NAME.wasm, or FILE.wasm."""
    return source / f"{source.resolve().name}.wasm" if source.is_dir() else source.with_suffix(".wasm")
