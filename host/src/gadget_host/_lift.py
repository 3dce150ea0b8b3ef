"""Host functions that are written in Python, made from their rows in the ABI table.

For each function that the data plane does not have, ``calls.<group>`` has one of the same name in snake case.
What it takes and gives are Python values; this module turns the guest's integers into them and back:

    guest:  mapLookup(i32, i64, i64) -> i32
    table:  map: handle<map>, key: bytes, value: out-buffer -> status, error 1
    Python: map_lookup(host, MapRef, bytes, OutBuffer) -> None, or raises CallError
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol

from gadget_abi import Form, GuestError, Param, Profile, SemanticType

from ._early import THROUGH_INSTANCE
from ._malloc import Allocation, Malloc, ToldAllocation
from ._memory import Destination, GuestMemory
from ._state import CallError, HostState, NotThereError, TrapError

__all__ = ["Handles", "Lift", "cold_call"]

_U32, _U64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF

Call = Callable[..., Any]
Lifter = Callable[[int, Sequence[int]], Any]
Lowerer = Callable[[Any], "int | None"]


class Handles(Protocol):
    """The handle table, as far as it is needed here."""

    def new_handle(self, kind: str, obj: Any) -> int:
        """A new handle; 0 when the table is full."""

    def object(self, handle: int, kind: str) -> Any:
        """What a handle stands for; None when it is no handle of that kind."""

    def live_handles(self) -> int:
        """How many there are."""


def cold_call(profile: Profile, name: str) -> tuple[Form, Call]:
    """A function of a release that is written in Python, with its form.

    Args:
        profile: the release.
        name: of a function that the data plane does not have.

    Raises:
        LookupError: it is written nowhere.
    """
    function = profile.abi.functions[name]
    call = getattr(_calls_of(function.group), function.snake, None)
    if call is None:
        raise LookupError(
            f"{name} is in the ABI table but neither in the data plane nor, as {function.snake}, in "
            f"gadget_host.calls.{function.group}"
        )
    return profile.forms[name], call


def _calls_of(group: str) -> ModuleType:
    name = f"{__package__}.calls.{group}"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return ModuleType(name)  # no such group: it has none of its functions


class Lift:
    """Makes host functions for one gadget.

    Args:
        host: what the calls work on.
        handles: the handle table.
        memory: the guest's memory.
        malloc: the guest's, for results in memory.
    """

    def __init__(self, host: HostState, handles: Handles, memory: GuestMemory, malloc: Malloc) -> None:
        self._host, self._handles, self._memory, self._malloc = host, handles, memory, malloc
        abi = host.profile.abi
        kinds = abi.enum_for("kind").members
        self._in_memory = {kinds["String"], kinds["Bytes"]}
        self._most = abi.limits["handles"].value
        self._lenient = host.profile.quirk("destination-bounds")
        self.count = 0

    def lift(self, form: Form, call: Call) -> Callable[..., int | None]:
        """The host function of a form: takes and returns core integers, and raises what ``call`` raises by
        mistake; a CallError becomes a line in the log and the form's error value.
        """
        if form.result is not None and form.result.name == "packed":
            call = self._allocating(call)
        lifters = [self._lifter(param, form) for param in form.params]
        lower = self._lowerer(form.result)
        makes_handle = form.result is not None and form.result.name == "handle"
        host = self._host

        @functools.wraps(call)
        def lifted(*raw: int) -> int | None:
            self.count += 1
            host.arguments = raw
            try:
                if makes_handle:
                    self._want_room()
                values = [lift(value, raw) for lift, value in zip(lifters, raw, strict=True)]
                return lower(call(host, *values))
            except CallError as error:
                tell = host.debug if isinstance(error, NotThereError) else host.warn
                tell(f"{form.function}: {error.reason}")
                return form.error if error.code is None else error.code
            except (TrapError, GuestError):
                raise
            except Exception as error:
                error.add_note(f"This is a bug in the host function {form.function}, not in the gadget.")
                raise

        return lifted

    def _lifter(self, param: Param, form: Form) -> Lifter:
        match param.type.name:
            case "handle":
                return self._handle(param, form)
            case "string":
                return lambda raw, _: self._memory.read_packed(raw).decode("utf-8", "surrogateescape")
            case "bytes":
                return lambda raw, _: self._memory.read_packed(raw)
            case "out-buffer":
                how = {"lenient": self._lenient, "by_instance": form.function in THROUGH_INSTANCE}
                return lambda raw, _: Destination(self._memory, raw, **how)
            case "packed-address":
                return self._told
            case "value":
                return self._value(form)
            case "bool":
                return lambda raw, _: raw != 0
            case "s32":
                return lambda raw, _: raw
            case _ if param.type.name not in _NOT_HERE:
                mask = _U32 if param.type.core == "i32" else _U64
                return lambda raw, _: raw & mask
        raise TypeError(f"{form.function}: a parameter of type {param.type} cannot be lifted")

    def _handle(self, param: Param, form: Form) -> Lifter:
        kind = param.type.handle
        if kind == "any":
            return lambda raw, _: raw & _U32
        as_upstream = self._host.profile.quirk("perf-reader-of-no-map") and form.function == "newPerfReader"
        error = 1 if as_upstream else None

        def find(raw: int, _: Sequence[int]) -> Any:
            found = self._handles.object(raw & _U32, kind)
            if found is None:
                raise CallError(f"{param.name} is {raw & _U32}, which is no handle of a {kind}", error)
            return found

        return find

    def _value(self, form: Form) -> Lifter:
        """A value is a packed pointer or the bits of a scalar, as the kind beside it says."""
        kind = next(n for n, param in enumerate(form.params) if param.type.name == "kind")

        def value(raw: int, args: Sequence[int]) -> bytes | int:
            return self._memory.read_packed(raw) if args[kind] in self._in_memory else raw & _U64

        return value

    def _allocating(self, call: Call) -> Call:
        """A call that gives its value through a destination, as one that returns where the value is."""

        @functools.wraps(call)
        def allocating(host: HostState, *values: Any) -> int:
            destination = Allocation(self._malloc, self._memory)
            call(host, *values, destination)
            return destination.packed

        return allocating

    def _told(self, raw: int, _: Sequence[int]) -> Allocation:
        """A destination in new memory, of which the guest is told at an address."""
        return ToldAllocation(self._malloc, self._memory, raw & _U32)

    def _lowerer(self, result: SemanticType | None) -> Lowerer:
        if result is None:
            return lambda _: None
        match result.name:
            case "handle":
                return functools.partial(self._register, result.handle)
            case "status":
                return lambda code: code or 0
            case "bool" | "u32" | "s32" | "u64" | "length" | "scalar" | "packed":
                return int
        raise TypeError(f"a result of type {result} cannot be lowered")

    def _register(self, kind: str, obj: Any) -> int:
        """The handle of a new object; 0 for None, which is a failure without a warning."""
        if obj is None:
            return 0
        return self._handles.new_handle(kind, obj)

    def _want_room(self) -> None:
        """Fail before anything is made for which there would be no handle."""
        if self._host.stopped and not self._host.profile.quirk("post-stop-handles"):
            raise CallError("the gadget was stopped: its handles are gone, and none can be made")
        if self._handles.live_handles() >= self._most:
            raise CallError("too many open handles; release those that are not needed any more")


_NOT_HERE = ("error-pointer",)
"""Types of functions that only the data plane has."""
