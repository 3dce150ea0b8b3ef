"""The wasmtime engine and store of one gadget: features, stack, limits.

Each gadget has an engine of its own, since the epoch that ends its endless loops belongs to the engine.
"""

from __future__ import annotations

import atexit
import resource
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import wasmtime

__all__ = ["PAGE", "LimitedStore", "Limits", "new_engine", "validate"]

PAGE = 65536
"""Bytes of a page of linear memory."""

_STACK = 2 << 20  # the wasm part of the native stack; the most that wasmtime takes without its async stacks

# What the real host refuses in a guest: it runs with the Wasm 2.0 core features and nothing beyond.
_BEYOND_WASM_2 = (
    "wasm_tail_call",
    "wasm_multi_memory",
    "wasm_memory64",
    "wasm_threads",
    "wasm_exceptions",
    "wasm_function_references",
    "wasm_gc",
    "wasm_relaxed_simd",
)


@dataclass(frozen=True)
class Limits:
    """What a gadget may take.

    Args:
        memory_pages: most pages of 64 KiB of the guest's memory; the real host has 256 (16 MiB).
        plane_pages: most pages the data plane takes for rows and packets, the guest's included.
        table_elements: most elements of one function table.
    """

    memory_pages: int = 256
    plane_pages: int = 4096
    table_elements: int = 1 << 20


_alive: weakref.WeakSet[wasmtime.Store | wasmtime.Engine] = weakref.WeakSet()


@atexit.register
def _close_what_is_left() -> None:
    """Close stores, then engines: later, at the interpreter's end, wasmtime-py cannot, and complains."""
    for kind in (wasmtime.Store, wasmtime.Engine):
        for left in [item for item in _alive if isinstance(item, kind)]:
            left.close()


def _stack_size() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_STACK)
    return _STACK if soft == resource.RLIM_INFINITY else min(_STACK, soft // 4)


def new_engine() -> wasmtime.Engine:
    """An engine whose guests can be interrupted and whose memories never move."""
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.memory_may_move = False  # so that addresses into a memory hold for the life of the store
    config.max_wasm_stack = _stack_size()
    config.wasm_multi_memory = True  # the data plane sees its own memory and the guest's
    engine = wasmtime.Engine(config)
    _alive.add(engine)
    return engine


def validate(wasm: bytes) -> None:
    """Check a guest against the features of the real host.

    Raises:
        wasmtime.WasmtimeError: invalid, or it needs a feature beyond Wasm 2.0; the text says which and where.
    """
    config = wasmtime.Config()
    for feature in _BEYOND_WASM_2:
        setattr(config, feature, False)
    wasmtime.Module.validate(wasmtime.Engine(config), wasm)


class LimitedStore(wasmtime.Store):
    """A store that holds the guest to its limits; the data plane's come in force for a moment only.

    wasmtime's limits apply to every memory of a store alike, while the plane may grow larger than the guest.
    """

    def __init__(self, engine: wasmtime.Engine, limits: Limits) -> None:
        super().__init__(engine)
        _alive.add(self)
        self.set_epoch_deadline(1)  # for what instantiation runs; guest calls set their own
        self.limits = limits
        self._limit(limits.memory_pages)

    def _limit(self, pages: int) -> None:
        self.set_limits(
            memory_size=pages * PAGE,
            table_elements=self.limits.table_elements,
            instances=16,
            tables=16,
            memories=8,
        )

    @contextmanager
    def unlimited(self) -> Iterator[None]:
        """In the body, memories may grow to the plane's limit."""
        self._limit(self.limits.plane_pages)
        try:
            yield
        finally:
            self._limit(self.limits.memory_pages)

    def grow(self, memory: wasmtime.Memory, pages: int) -> bool:
        """Grow one of the plane's memories; False when that would exceed the plane's limit."""
        with self.unlimited():
            try:
                memory.grow(self, pages)
            except wasmtime.WasmtimeError:
                return False
        return True
