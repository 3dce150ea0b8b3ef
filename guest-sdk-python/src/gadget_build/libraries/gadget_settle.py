"""The last thing that runs before the snapshot of a gadget is taken. Runs inside wasm, on CPython 3.14."""

import gc
import random  # componentize-py imports it in any case, but later: after the snapshot is settled
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress

__all__ = ["settle", "waking"]

# What the standard library imports only when it is needed: later there are no files to import from.
COMPANIONS = {
    "collections": ("copy", "heapq"),
    "datetime": ("_strptime",),
    "ipaddress": ("re",),
    "socket": ("encodings.idna",),
}
ENCODINGS = ("ascii", "latin_1", "utf_8_sig", "utf_16", "utf_16_le", "utf_16_be")


random.seed(0)  # for what the program draws while it is imported


def settle(lazy: Iterable[str]) -> None:
    """Bring the interpreter to a state that does not depend on when and where it was built.

    Args:
        lazy: modules that functions of the program import; those that are not there fail where they are imported.
    """
    for name in lazy:
        _try_import(name)
    for module, companions in COMPANIONS.items():
        if module in sys.modules:
            for companion in companions:
                _try_import(companion)
    for encoding in ENCODINGS:
        _try_import(f"encodings.{encoding}")
    if "logging" in sys.modules:
        sys.modules["logging"]._startTime = 0  # type: ignore[attr-defined]
    random.seed(0)
    sys.path_importer_cache.clear()  # directory listings and modification times of the machine that builds
    try:
        import gadget_preinit  # type: ignore[import-not-found]  # noqa: F401  # a wasm library
    except Exception as done:
        if type(done).__name__ != "Done":
            raise
    sys.path_importer_cache.clear()
    gc.collect()  # also empties the lists of free floats and integers
    gc.freeze()  # what is alive now stays: no later collection needs to look at it


def waking(gadget_init: Callable[[], int]) -> Callable[[], int]:
    """gadgetInit with what has to be done first in every run: every gadget would draw the same random numbers."""

    def awake() -> int:
        random.seed()
        return gadget_init()

    return awake


def _try_import(name: str) -> None:
    with suppress(ImportError):
        __import__(name)
