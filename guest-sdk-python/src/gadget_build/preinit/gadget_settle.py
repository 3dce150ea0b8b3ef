"""The last thing that runs before the snapshot of a gadget is taken. Runs inside wasm, on CPython 3.14."""

import gc
import random
import sys
from contextlib import suppress

__all__ = ["settle"]

# What the standard library imports only when it is needed: later there are no files to import from.
COMPANIONS = {
    "asyncio": ("asyncio.base_events", "asyncio.events", "concurrent.futures.thread"),
    "datetime": ("_strptime",),
    "logging": ("traceback",),
    "socket": ("encodings.idna",),
    "warnings": ("linecache", "tracemalloc"),
}
ENCODINGS = (
    "ascii",
    "latin_1",
    "utf_8_sig",
    "utf_16",
    "utf_16_le",
    "utf_16_be",
    "utf_32",
    "unicode_escape",
    "hex_codec",
)


def settle() -> None:
    """Bring the interpreter to a state that does not depend on when and where it was built."""
    for module, companions in COMPANIONS.items():
        if module in sys.modules:
            for companion in companions:
                _try_import(companion)
    for encoding in ENCODINGS:
        _try_import(f"encodings.{encoding}")
    if "logging" in sys.modules:
        sys.modules["logging"]._startTime = 0  # type: ignore[attr-defined]
    random.seed(0)  # componentize-py's runtime seeds again when the gadget starts
    sys.path_importer_cache.clear()  # directory listings and modification times of the machine that builds
    try:
        import gadget_preinit  # type: ignore[import-not-found]  # noqa: F401  # a wasm library
    except Exception as done:
        if type(done).__name__ != "Done":
            raise
    sys.path_importer_cache.clear()
    gc.collect()  # also empties the lists of free floats and integers
    gc.freeze()  # what is alive now stays: no later collection needs to look at it


def _try_import(name: str) -> None:
    with suppress(ImportError):
        __import__(name)
