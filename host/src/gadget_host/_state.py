"""What the layers of the host share: the state a cold call sees, and the seam to the data plane.

Import order: ``_state`` <- ``calls``, ``plane``, ``_lift`` <- ``gadget``. Nothing here runs wasmtime.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

if TYPE_CHECKING:
    from ctypes import c_uint32

    import wasmtime

    from gadget_abi import Profile

    from ._rawcall import Forward
    from .backends import Config, KernelSymbols, MapRegistry, MountNsFilter, SyscallTable
    from .sources import SourceRegistry

__all__ = ["CallError", "HostState", "NotThereError", "OutBuffer", "PlaneHooks", "TrapError"]


class CallError(Exception):
    """A host call that fails in the way its ABI says: a warning in the log and an error value for the guest.

    Args:
        reason: what was wrong, for the log (the lift adds the function's name).
        code: the raw result; None means the error value of the function's row in the table.
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class NotThereError(CallError):
    """What the guest asked for is not there: an error value, but an ordinary answer, logged at level debug."""


class TrapError(Exception):
    """A host call that traps, as one of upstream's quirks does: the guest's call ends, the gadget goes on.

    Args:
        reason: what happened, for the message that the trap becomes.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutBuffer(Protocol):
    """A destination in the guest's memory, already known to lie inside it."""

    @property
    def size(self) -> int:
        """Its capacity in bytes."""

    def write(self, data: bytes) -> None:
        """Copy ``data`` to its start. Raises CallError, having written nothing, when it does not fit."""


class HostState(Protocol):
    """What a cold call may see and do; one per gadget."""

    arguments: tuple[int, ...]
    """The raw core arguments of the host call that runs, signed as wasmtime-py passes them."""

    @property
    def profile(self) -> Profile:
        """The release that is run as: what has changed by then, and which quirks are shown."""

    @property
    def params(self) -> Mapping[str, str]:
        """The parameters of the run, by key."""

    @property
    def config(self) -> Config:
        """Dotted, case-insensitive keys to values."""

    @property
    def maps(self) -> MapRegistry:
        """The maps by name, and what creates new ones."""

    @property
    def syscalls(self) -> SyscallTable:
        """Numbers, names and declarations of one architecture."""

    @property
    def kallsyms(self) -> KernelSymbols:
        """The kernel's symbols."""

    @property
    def mntns(self) -> MountNsFilter:
        """Which mount namespaces to drop."""

    @property
    def sources(self) -> SourceRegistry:
        """The data sources by name."""

    @property
    def starting(self) -> bool:
        """True while the start function runs."""

    @property
    def started(self) -> bool:
        """True from gadgetStart on."""

    @property
    def stopped(self) -> bool:
        """True after gadgetStop: every handle is gone, and none can be made."""

    @property
    def has_callback(self) -> bool:
        """Whether the guest exports dataSourceCallback; without it dataSourceSubscribe answers 1."""

    def log(self, level: int, message: str) -> None:
        """Record a message of the gadget. Levels 0 error, 1 warn, 2 info, 3 debug, 4 trace."""

    def warn(self, message: str) -> None:
        """Record a warning of the host about the gadget."""

    def debug(self, message: str) -> None:
        """Record what only somebody who looks for it wants to know."""

    def new_handle(self, kind: str, obj: Any) -> int:
        """A new handle of ``kind`` (a handle kind of the table) for ``obj``; 0 when the table is full."""

    def object(self, handle: int, kind: str) -> Any:
        """What a handle stands for; None when there is none of that number and kind."""

    def release(self, handle: int) -> None:
        """Drop a handle of any kind. Raises CallError when there is none of that number."""

    def handles_for(self, obj: Any) -> Sequence[int]:
        """The live handles under which the guest knows ``obj``."""


class PlaneHooks(Protocol):
    """What the data plane asks of the sandbox around it."""

    @property
    def lock(self) -> RLock:
        """Guards the store: held by every public method that touches it or a memory in it."""

    def warn(self, function: str, message: str) -> None:
        """Record a warning about a call of ``function``; the sandbox bounds the flood."""

    def guest_trap(self, function: str, error: BaseException) -> None:
        """Take note of what came out of a call in which the guest ran.

        Returns when delivery goes on with the next subscriber. Raises when it must not: the exception itself
        if it was Python's (KeyboardInterrupt), GuestError when the instance is dead (deadline, proc_exit).
        """

    def end(self, function: str, reason: str) -> NoReturn:
        """End the gadget, as one of upstream's quirks does: raises a GuestError, and so does every later call.

        To be raised through wasm, so from a function made with host(), or outside wasm.
        """

    def forward_malloc(self, room: c_uint32) -> Forward | None:
        """What calls malloc for the plane; None when that can be done by ``malloc`` only.

        Args:
            room: a number in the plane's memory: how many calls may still begin inside those that run, whoever
                begins them. It stays 0, so that the plane calls ``malloc``, until that finds it may do otherwise.
        """

    def malloc(self, size: int, address: int = -1) -> int:
        """Have the guest's malloc allocate ``size`` bytes; the address of memory that is there.

        Args:
            size: how many.
            address: what malloc has given, if not negative: it is checked. Else, if it was called by what
                ``forward_malloc`` gave, and failed, it is said why.

        Callable while the guest is in a host call; what it does wrong ends the allocation only. The guest's
        memory may be larger afterwards, and malloc may have called the host.

        Raises:
            CallError: there is none: malloc trapped, ran too long, or returned 0 (careful) or no address in
                memory. The reason names malloc.
            GuestError: the gadget is dead: malloc used up the deadline of the call that the guest is in, or
                called proc_exit.
        """

    def before_run(self) -> None:
        """Enter wasm: lock, guest's clock, deadline. Raises GuestError on a dead gadget."""

    def after_run(self) -> None:
        """Leave wasm; pairs with before_run."""

    def host(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function`` made fit to be called from wasm: the clock stops, exceptions are carried through."""

    def grow(self, memory: wasmtime.Memory, pages: int) -> bool:
        """Grow a memory of the plane past the guest's limit; False when the plane's own limit is reached."""

    def unlimited(self) -> AbstractContextManager[None]:
        """In its body the store has the plane's limits, not the guest's."""
