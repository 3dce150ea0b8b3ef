"""The two hosts, each a process that answers the same requests, and the caches they find."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from gadget_conformance.adapter import Adapter

__all__ = ["Sides", "tidy"]

_PATIENCE: Final = 180  # seconds; compiling a Python gadget takes long
_OURS: Final = Path(__file__).with_name("ours.py")
THEIR_CACHE: Final = Path("/var/run/ig/wasm-cache")


@dataclass(frozen=True)
class Sides:
    """How the hosts are started.

    Args:
        adapter: the program around the real Inspektor Gadget.
        directory: for our caches.
    """

    adapter: Path
    directory: Path

    def ours(self, cache: str = "cache") -> Adapter:
        """This host, with a cache of its own."""
        environment = ["env", f"GADGET_CACHE_DIR={self.directory / cache}"]
        return Adapter([*environment, sys.executable, str(_OURS)], timeout=_PATIENCE)

    def theirs(self) -> Adapter:
        """The real operator. Its cache has the place that upstream gave it."""
        return Adapter([str(self.adapter), f"-patience={_PATIENCE}s"], timeout=_PATIENCE + 10)

    @property
    def they_keep_modules(self) -> bool:
        """Whether the real operator can cache what it compiled: in a directory that is root's."""
        return os.geteuid() == 0

    def empty_cache(self) -> str:
        """The name of a cache of ours with nothing in it."""
        return next(name for number in count() if not (self.directory / (name := f"cold-{number}")).exists())


@contextmanager
def tidy() -> Iterator[None]:
    """Afterwards take out of upstream's cache what has come into it: compiled modules of many megabytes.

    (If another process has put something there meanwhile, it will be compiled once more.)
    """
    before = set(THEIR_CACHE.rglob("*"))
    try:
        yield
    finally:
        for path in set(THEIR_CACHE.rglob("*")) - before:
            with contextlib.suppress(OSError):
                path.unlink()
