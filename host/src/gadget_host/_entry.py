"""Every way into and out of wasm: one lock, the guest's clock and deadline, and whose fault a failure is."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import wasmtime

from gadget_abi import GuestError

from ._deadline import Clock, Watchdog
from ._engine import LimitedStore
from ._state import TrapError
from ._traps import describe

__all__ = ["Entry", "GuestExit"]


class GuestExit(Exception):  # noqa: N818 - an exit is no error
    """The guest called proc_exit.

    Args:
        code: what it passed.
    """

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Unwind(Exception):  # noqa: N818 - stands for whatever it stands for
    """Travels through wasm in place of the exception it stands for, which waits in the Entry it belongs to.

    wasmtime-py keeps an exception that crosses wasm in one variable for all threads; when two gadgets fail at
    the same moment on two threads they may get each other's. With a stand-in that does no harm.
    """


class Entry:
    """The one door to a gadget's wasm code.

    Args:
        store: the gadget's store.
        module: the gadget's name in messages.
        deadline: seconds of guest time for one guest call; infinity for no end.
    """

    def __init__(self, store: LimitedStore, module: str, deadline: float) -> None:
        self.store, self.module, self.deadline = store, module, deadline
        self.lock = threading.RLock()
        self.clock = Clock()
        self.dead: GuestError | None = None
        self.count: Callable[[], int] | None = None
        self._depth = 0
        self._pending: BaseException | None = None
        self._given, self._outermost = deadline, ""  # seconds the running call has, and its name
        self.moved = 0
        """Bytes by which the guest's code is further behind than in its file."""
        self._watchdog = Watchdog(store.engine.increment_epoch, self.clock)

    # -- in

    def call(self, func: wasmtime.Func, *args: int, function: str, deadline: float | None = None) -> Any:
        """Call an export of the guest.

        Args:
            func: the export.
            args: its arguments.
            function: its name, for messages.
            deadline: seconds, when it has another than usual.

        Raises:
            GuestError: it trapped, ran too long, or called proc_exit.
        """
        self.enter(deadline or self.deadline, function=function)
        try:
            return func(self.store, *args)
        except BaseException as error:
            failure = self.failure(function, error)
            raise failure from (None if isinstance(failure, GuestError) else failure.__cause__)
        finally:
            self.leave()

    def before_run(self) -> None:
        """Enter wasm to deliver a batch: each callback in it has the deadline to itself."""
        self.enter(self.deadline, self.count, function="dataSourceCallback")

    def enter(self, deadline: float, count: Callable[[], int] | None = None, *, function: str) -> None:
        """Enter wasm; pairs with leave(). Inside another guest call, that one's deadline goes on."""
        self.lock.acquire()
        if self.dead is not None:
            self.lock.release()
            raise self._unusable(self.dead)
        self._depth += 1
        if self._depth == 1:
            self._given, self._outermost = deadline, function
            self.store.set_epoch_deadline(1)
            if deadline != math.inf:
                self._watchdog.begin(deadline, count)
        self.clock.run()

    def leave(self) -> None:
        """Leave wasm."""
        self.clock.stop()
        self._depth -= 1
        if self._depth == 0:
            self._watchdog.end()
        self.lock.release()

    after_run = leave

    @property
    def inside(self) -> bool:
        """Whether wasm is running, or a host function that it called."""
        return self._depth > 0

    # -- out

    def host(self, function: Callable[..., Any], *, charged: bool = False) -> Callable[..., Any]:
        """``function`` made fit to be called from wasm.

        The guest's clock stands still in it, unless ``charged``. What it raises comes out of the outermost
        call.
        """

        @functools.wraps(function)
        def from_wasm(*args: Any) -> Any:
            if not charged:
                self.clock.stop()
            try:
                return function(*args)
            except _Unwind:
                raise
            except BaseException as error:
                self._pending = error
                raise _Unwind from None
            finally:
                if not charged:
                    self.clock.run()

        return from_wasm

    def failure(self, function: str, error: BaseException) -> BaseException:
        """What to raise for an exception that came out of wasm.

        Args:
            function: the export that was called.
            error: what came out.

        Returns:
            A GuestError for what the guest did; the very exception that a host function raised, else.
        """
        pending, self._pending = self._pending, None
        if isinstance(pending, GuestExit):
            return self._die(self._error(function, f"the gadget called proc_exit({pending.code})"))
        if isinstance(pending, TrapError):
            return self._error(function, f"trapped: {pending.reason}")
        if pending is not None:
            return pending
        if isinstance(error, _Unwind):
            return self._error(function, "trapped")
        if not isinstance(error, wasmtime.Trap):
            return error
        if error.trap_code == wasmtime.TrapCode.INTERRUPT:
            reason = f"ran longer than its deadline of {self._given:g} s and was interrupted"
            if function == "malloc":
                reason += " in malloc"
            return self._die(self._error(self._outermost, reason))
        return self._error(function, describe(error, self.moved))

    def guest_trap(self, function: str, error: BaseException) -> None:
        """Take note of a failed callback; raises what must not be passed over."""
        failure = self.failure(function, error)
        if not isinstance(failure, GuestError) or self.dead is not None:
            raise failure
        self.on_trap(failure)

    def end(self, function: str, reason: str) -> NoReturn:
        """End the gadget: raises a GuestError, through wasm when called from a function made with host()."""
        raise self._die(self._error(function, reason))

    def on_trap(self, error: GuestError) -> None:
        """A callback failed and delivery goes on; for a subclass to take note."""

    def close(self) -> None:
        """End the watchdog's thread."""
        self._watchdog.close()

    def unlimited(self) -> AbstractContextManager[None]:
        """In its body the store has the plane's limits, not the guest's."""
        return self.store.unlimited()

    def grow(self, memory: wasmtime.Memory, pages: int) -> bool:
        """Grow a memory of the plane; False when the plane's own limit is reached."""
        return self.store.grow(memory, pages)

    def _error(self, function: str, reason: str) -> GuestError:
        return GuestError(reason, module=self.module, function=function)

    def _die(self, error: GuestError) -> GuestError:
        self.dead = error
        return error

    def _unusable(self, cause: GuestError) -> GuestError:
        return self._error(cause.function, f"the gadget cannot be called any more: {cause.reason}")
