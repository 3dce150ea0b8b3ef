"""The data plane of one gadget: its handle table and the delivery of events, as Python drives them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import c_uint32
from threading import RLock
from typing import Any, NoReturn, Protocol, cast

import wasmtime

from gadget_abi import EmbedderError, Profile

from .._rawcall import Forward, integer_call
from .._state import CallError, PlaneHooks, TrapError
from . import instance
from .layout import (
    FUNCTIONS,
    HANDLE_BITS,
    HANDLES_BASE,
    HEAP_BASE,
    INITIAL_PAGES,
    REASONS,
    STRUCTS,
    Status,
    Stopped,
    hot,
)
from .memory import Buffer, PlaneMemory

__all__ = ["ExhaustedError", "Plane"]

_CONTROL, _HANDLE = STRUCTS["control"], STRUCTS["handle"]
_REASONS = list(REASONS.items())
_SIGNED = {"no_element", "index"}  # reasons whose number is not a handle
_KIND_WORDS = {
    "source": "a data source",
    "field": "a field",
    "single": "a packet of a single source",
    "array": "an array packet",
    "data": "data",
    "map": "a map",
    "perf-reader": "a perf reader",
}


class ExhaustedError(CallError, EmbedderError):
    """Stack or memory is used up: an error value for a guest that called, an exception for Python."""


class _Addressed(Protocol):
    @property
    def address(self) -> int: ...


class Plane:
    """The store of handles, sources' layouts, data and packets, and the functions of the ABI that use them.

    `attach` gives it the guest's memory; the guest is then instantiated against ``imports``, and `connect` tells what
    is called of it.

    Args:
        store: the gadget's store, of an engine whose memories do not move.
        hooks: the sandbox around it.
        profile: the release whose behaviour it has.
        handle_limit: most live handles, up to 4096.
        log_level: the highest level gadgetShouldLog says yes to, by the ABI's numbers; -1: none.
    """

    imports: Mapping[str, wasmtime.Func]
    """The hot functions by their ABI names."""
    records: Callable[[bytes], None]
    """Called with what collectors were handed; see records.wat."""
    subscriber: Callable[[int, int, int], int]
    """Called for a Python subscriber: its number, the addresses of object and record (0 for an array)."""

    def __init__(
        self,
        store: wasmtime.Store,
        hooks: PlaneHooks,
        *,
        profile: Profile,
        handle_limit: int = 4096,
        log_level: int = 2,
    ) -> None:
        self._store, self._hooks, self._profile = store, hooks, profile
        with hooks.lock, hooks.unlimited():
            pages = wasmtime.MemoryType(wasmtime.Limits(INITIAL_PAGES, None))
            self._memory = wasmtime.Memory(store, pages)
        self.memory = PlaneMemory(store, self._memory)
        self.memory.set_u32(_CONTROL["heap_top"], HEAP_BASE)
        self.memory.set_u32(_CONTROL["table"], HANDLES_BASE)
        self.memory.set_u32(_CONTROL["handle_limit"], handle_limit)
        self.memory.set_u32(_CONTROL["log_level"], log_level)
        self._calls: dict[str, Callable[..., Any]] = {}
        self._objects: dict[int, tuple[str, Any]] = {}
        self._inputs: dict[int, tuple[int, int]] = {}  # address and size of the rows' buffer, by depth
        self._depth = 0
        """Frames of deliveries that are under way; the plane may have more, left by an unwinding."""
        self._stopped = False
        self._over = False
        self._final: tuple[int, int] | None = None
        self.records = lambda data: None
        self.subscriber = lambda number, item, record: Status.GO

    def attach(self, memory: wasmtime.Memory | None) -> None:
        """Take the guest's memory: from then on there are `imports`, for the guest to be instantiated with.

        Args:
            memory: the guest's; None when it has none, which only strict hosts allow.
        """
        with self._hooks.lock:
            self.memory.set_u32(_CONTROL["no_memory"], memory is None)
            forward = self._forward() if "fieldGet" in hot(self._profile) else None
            self._exports = instance.instantiate(
                self._store, self._hooks, self._profile, self, self._memory, memory, forward
            )
        self.imports = {name: self._exports[name] for name in hot(self._profile)}

    def connect(self, callback: wasmtime.Func | None, malloc: wasmtime.Func | None = None) -> None:
        """Take what is called of the guest, before any of its exports is called.

        Args:
            callback: its dataSourceCallback, None when it has none.
            malloc: its malloc, (i32) -> (i32), None when it has none; only fieldGet calls it.
        """
        with self._hooks.lock:
            for place, function in enumerate((callback, malloc)):
                if function is not None:
                    self._exports["of_guest"].set(self._store, place, function)
        self._callback = integer_call(self._store, callback) if callback else None

    def _forward(self) -> Forward | None:
        """What calls the guest's malloc; how many may be inside each other, the hooks and the plane count together."""
        mallocs = c_uint32.from_address(self.memory.address(_CONTROL["mallocs"], 4))
        return self._hooks.forward_malloc(mallocs)

    def close(self) -> None:
        """Take what is still to be collected out of the plane; afterwards the store may go."""
        if self._final is None:
            self.flush()
            self._final = self.guest_calls, self.host_calls
            self._objects.clear()

    @property
    def lock(self) -> RLock:
        """Guards the store and everything in it."""
        return self._hooks.lock

    @property
    def stopped(self) -> bool:
        """Whether events from Python are ignored. (Strict hosts let them find out what happens.)"""
        return self._stopped and not self._profile.quirk("event-after-stop")

    @property
    def started(self) -> bool:
        """Whether subscriptions belong to the part of the guest's life that ends when it is stopped."""
        return bool(self.memory.u32(_CONTROL["started"]))

    @started.setter
    def started(self, value: bool) -> None:
        self.memory.set_u32(_CONTROL["started"], value)

    # ------------------------------------------------------------------------------------------- handles

    def new_handle(self, kind: str, obj: Any) -> int:
        """A new handle of a "source", "field", "map" or "perf-reader"; 0 when the table is full.

        Raises:
            TrapError: the gadget was stopped, and the real host, which is being imitated, dies of it.
        """
        if self._over and self._profile.quirk("post-stop-handles"):
            raise TrapError("the gadget was stopped: no handle can be made any more")
        address = cast(_Addressed, obj).address if kind in ("source", "field") else 1
        with self._hooks.lock:
            handle: int = self.call("handle_new", HANDLE_BITS[kind], address)
            if handle:
                self._objects[handle] = (kind, obj)
            return handle

    def object(self, handle: int, kind: str) -> Any:
        """The object of Python's behind a handle, None when it is no handle of that kind."""
        found = self._objects.get(handle)
        return found[1] if found is not None and found[0] == kind else None

    def handles_for(self, obj: Any) -> tuple[int, ...]:
        """The live handles of one of Python's objects."""
        return tuple(handle for handle, (_, item) in self._objects.items() if item is obj)

    def release(self, handle: int) -> bool:
        """Drop a handle of any kind; False when there is none of that number."""
        with self._hooks.lock:
            released = bool(self.call("handle_release", handle & 0xFFFFFFFF))
            self._objects.pop(handle, None)
            return released

    def live_handles(self) -> int:
        """How many handles are live."""
        return 0 if self._final else self.memory.u32(_CONTROL["live"])

    def clear_handles(self) -> None:
        """Drop every handle."""
        with self._hooks.lock:
            self._objects.clear()
            self.call("handle_clear")

    # ------------------------------------------------------------------------------------------ delivery

    def deliver(self, source: int, rows: Buffer, count: int, wire: int, batch: int) -> None:
        """Deliver events of a source; see batch.wat.

        Args:
            source: its address.
            rows: the events, encoded.
            count: how many.
            wire: how many slots a row has.
            batch: a number that is not 0, for the records of these events.

        Raises:
            EmbedderError: called from inside 16 deliveries, or the plane has no memory left; of a strict
                host, also that the gadget was stopped.
        """
        with self._hooks.lock:
            self._check_open()
            if self.stopped:
                return
            depth = self._depth
            try:
                at = self.input(rows)
                self._depth = depth + 1
                status = self._enter(self._exported("run"), depth, source, at, count, wire, batch)
                while status is None:
                    status = self._enter(self._exported("resume"), depth, batch)
            finally:
                self._depth = depth
                self.flush()
        if status == Status.TOO_DEEP:
            raise EmbedderError("a subscriber emits too deep inside the delivery of another event")
        if status == Status.MEMORY:
            raise EmbedderError("no memory left for events: the gadget keeps too many, or one is too large")

    def _enter(self, function: Callable[..., Any] | None, *args: int) -> int | None:
        """Call something in which the guest may run: its result, or 0; None when the guest trapped."""
        assert function is not None, "nothing subscribes a guest without a callback"
        self._check_open()
        self._hooks.before_run()
        try:
            return cast("int | None", function(*args)) or 0
        except BaseException as error:
            failure = error
        finally:
            self._hooks.after_run()
        self._hooks.guest_trap("dataSourceCallback", failure)
        return None

    def call(self, export: str, *args: int) -> Any:
        """Call something in which no guest runs."""
        self._check_open()
        self._hooks.before_run()
        try:
            return self._exported(export)(*args)
        except wasmtime.Trap as error:
            failure = error
        finally:
            self._hooks.after_run()
        self._hooks.guest_trap(export, failure)  # raises when it was the deadline
        raise ExhaustedError("the stack is used up")

    def _exported(self, name: str) -> Callable[..., Any]:
        if name not in self._calls:
            self._calls[name] = integer_call(self._store, self._exports[name])
        return self._calls[name]

    def _check_open(self) -> None:
        if self._final is not None:
            raise EmbedderError("the gadget is closed")

    def allocate(self, export: str, *args: int) -> int:
        """Call something that answers 0 when there is no memory left.

        Raises:
            ExhaustedError: there is none.
        """
        with self._hooks.lock:
            if result := self.call(export, *args):
                return int(result)
            raise ExhaustedError(REASONS["memory"])

    def input(self, data: Buffer) -> int:
        """Copy ``data`` to a buffer in the plane's memory; its address. The next call reuses the buffer."""
        at, size = self._inputs.get(self._depth, (0, 0))
        if len(data) > size:
            if size:
                del self._inputs[self._depth]
                self.call("heap_free", at, size)
            size = 1 << max(16, (len(data) - 1).bit_length())
            at = self.call("heap_new", size)
            if not at:
                raise EmbedderError(f"there is no memory for {len(data)} bytes of events")
            self._inputs[self._depth] = (at, size)
        self.memory.write(at, data)
        return at

    def flush(self) -> None:
        """Hand the records written so far to ``records``."""
        if self._final is None:
            base, top = self.memory.u32(_CONTROL["output_base"]), self.memory.u32(_CONTROL["output_top"])
            if top > base:
                data = self.memory.read(base, top - base)
                self.memory.set_u32(_CONTROL["output_top"], base)
                self.records(data)

    def stop_delivering(self) -> None:
        """From now on events from Python are ignored; what the guest emits is delivered all the same."""
        self._stopped = True
        self.started = False
        self.memory.set_u32(_CONTROL["stopped"], Stopped.STOPPING)

    def stopped_for_good(self) -> None:
        """Drop every handle; none can be made from now on.

        So functions that need one to make another have none, and `new_handle` gives 0.
        """
        self._stopped = self._over = True
        self.clear_handles()
        self.memory.set_u32(_CONTROL["handle_limit"], 0)
        self.memory.set_u32(_CONTROL["stopped"], Stopped.OVER)

    # -------------------------------------------------------------------------------------------- figures

    @property
    def guest_calls(self) -> int:
        """How often dataSourceCallback was called."""
        return self._final[0] if self._final else self.memory.u64(_CONTROL["guest_calls"])

    @property
    def host_calls(self) -> int:
        """How many hot functions the guest called."""
        return self._final[1] if self._final else self.memory.u64(_CONTROL["host_calls"])

    def call_counter_address(self) -> int:
        """Where in the host's memory a u64 changes with every event and every guest callback of a run."""
        return self.memory.address(_CONTROL["turns"], 8)

    # ----------------------------------------------------------------------------- called by the plane

    def on_warn(self, function: int, why: int, detail: int) -> None:
        """A hot function was called wrongly."""
        with self._inside():
            self._hooks.warn(FUNCTIONS[function], self._reason(why, detail))

    def on_trap(self, function: int, why: int, detail: int) -> NoReturn:
        """The real host, which is being imitated, panics: the guest's call traps."""
        raise TrapError(f"{FUNCTIONS[function]}: {self._reason(why, detail)}")

    def _reason(self, why: int, detail: int) -> str:
        name, text = _REASONS[why - 1]
        text = text.format(detail if name in _SIGNED else detail & 0xFFFFFFFF)
        return text + (self._what_is(detail) if text.startswith("handle") and name.startswith("not_") else "")

    def _what_is(self, handle: int) -> str:
        """What a handle of the wrong kind does stand for."""
        if self._profile.quirk("handle-numbers"):
            used = range(self.memory.u32(_CONTROL["used"]))
            entry = bisect_left(used, handle, key=lambda entry: self._entry(entry, "number"))
        else:
            entry = handle & 4095
        found = handle > 0 and entry < 4096 and self._entry(entry, "number") == handle
        bits = self._entry(entry, "kind") if found else 0
        return next((f" but {words}" for kind, words in _KIND_WORDS.items() if HANDLE_BITS[kind] == bits), "")

    def _entry(self, index: int, member: str) -> int:
        """What an entry of the handle table holds."""
        return self.memory.u32(self.memory.u32(_CONTROL["table"]) + _HANDLE.size * index + _HANDLE[member])

    def on_grow(self, pages: int) -> int:
        """The plane's heap is full."""
        return int(self._hooks.grow(self._memory, pages & 0xFFFFFFFF))

    def on_flush(self) -> None:
        """The output buffer is full."""
        self.flush()

    def on_end(self, function: int, why: int) -> NoReturn:
        """The real host, which is being imitated, would have hung or died."""
        name, text = _REASONS[why - 1]
        if name == "over":
            raise EmbedderError(text)
        self._hooks.end(FUNCTIONS[function], text)

    def on_call_guest(self, callback: int, source: int, data: int) -> int:
        """A guest emitted on a source that it subscribed to: a trap of the inner callback ends here."""
        with self._inside():
            trapped = self._enter(self._callback, callback, source, data) is None
        return Status.ERROR if trapped else Status.GO

    def on_malloc(self, size: int, address: int) -> int:
        """The guest is to have memory for a value, and its malloc gave an address, if not negative, that may not do.

        The address, -1 when there is none.
        """
        with self._inside():
            try:
                return self._hooks.malloc(size & 0xFFFFFFFF, address)
            except CallError as error:
                self._hooks.warn("fieldGet", error.reason)
                return -1

    def on_call_python(self, subscriber: int, item: int, record: int) -> int:
        """A Python subscriber's turn."""
        with self._inside():
            return self.subscriber(subscriber, item & 0xFFFFFFFF, record & 0xFFFFFFFF)

    @contextmanager
    def _inside(self) -> Iterator[None]:
        """In its body, deliveries that Python starts lie on top of those that the plane is in."""
        outer, self._depth = self._depth, self.memory.u32(_CONTROL["depth"])
        try:
            yield
        finally:
            self._depth = outer
