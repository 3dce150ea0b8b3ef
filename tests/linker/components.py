"""One component, linked for several releases: what takes longest in a build is the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import gadget_abi
from gadget_build.cache import DiskStore, cache_dir
from gadget_build.componentize import componentize
from gadget_build.link.linker import link
from gadget_build.program import find_program
from gadget_build.usage import unused_hooks

__all__ = ["linker_of"]


def linker_of(source: Path) -> Callable[[str], bytes]:
    """Componentize a program; the answer links it for a release, also for one that lacks something it uses."""
    world = (files("gadget_abi") / "data" / "gadget.wit").read_text(encoding="utf-8")
    program, abi = find_program(source), gadget_abi.load()
    component = componentize(program, world)

    @cache
    def linked(release: str) -> bytes:
        return link(component, abi, release, DiskStore(cache_dir()), without=unused_hooks(program))

    return linked
