"""Runs Inspektor Gadget's wasm gadgets in this process.

with Gadget.load("redact.wasm") as gadget:
    opens = gadget.add_source(SourceSchema("open", "single", (FieldSchema("filename", "String"),)))
    gadget.start()
    out = gadget.collect("open")
    opens.emit({"filename": "/home/ann/notes.txt"})
    print(out.drain())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gadget_abi import EmbedderError, GadgetError, GuestError

    from ._logs import LogRecord
    from ._settings import Settings
    from .backends import Config, KernelSymbols, MapRegistry, MountNsFilter, PerfEvents, SyscallTable
    from .gadget import Gadget, Phase, Stats
    from .schema import EventError, FieldSchema, SourceSchema
    from .sources import DISCARD, ArrayView, Collector, EventView, Field, Source, SourceRegistry

__all__ = [
    "DISCARD",
    "ArrayView",
    "Collector",
    "Config",
    "EmbedderError",
    "EventError",
    "EventView",
    "Field",
    "FieldSchema",
    "Gadget",
    "GadgetError",
    "GuestError",
    "KernelSymbols",
    "LogRecord",
    "MapRegistry",
    "MountNsFilter",
    "PerfEvents",
    "Phase",
    "Settings",
    "Source",
    "SourceRegistry",
    "SourceSchema",
    "Stats",
    "SyscallTable",
]

# Every `gadget` command imports this package for its sub-commands; only some of them need wasmtime.
_HOMES = {
    "gadget_abi": ("EmbedderError", "GadgetError", "GuestError"),
    "._logs": ("LogRecord",),
    "._settings": ("Settings",),
    ".backends": ("Config", "KernelSymbols", "MapRegistry", "MountNsFilter", "PerfEvents", "SyscallTable"),
    ".gadget": ("Gadget", "Phase", "Stats"),
    ".schema": ("EventError", "FieldSchema", "SourceSchema"),
    ".sources": ("DISCARD", "ArrayView", "Collector", "EventView", "Field", "Source", "SourceRegistry"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
