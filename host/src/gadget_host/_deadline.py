"""How long a guest call has been running, and the thread that ends one that runs too long.

wasmtime's epoch deadline is armed before each entry; this thread moves the epoch, which interrupts the guest,
only when one and the same guest call has used up its time. Time spent in host functions is not the guest's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter

__all__ = ["Clock", "Watchdog"]


class Clock:
    """Seconds of guest time. It runs while wasm does; one thread at a time may run it, any may read it."""

    def __init__(self) -> None:
        # Seconds so far and running since when; replaced as a whole, for readers on other threads.
        self._now: tuple[float, float | None] = (0.0, None)

    def run(self) -> None:
        """The guest runs from now on."""
        self._now = (self._now[0], perf_counter())

    def stop(self) -> None:
        """The host runs from now on."""
        self._now = (self.seconds, None)

    @property
    def seconds(self) -> float:
        """Guest time so far."""
        total, since = self._now
        return total if since is None else total + perf_counter() - since


class Watchdog:
    """Interrupts a guest call that outlasts its deadline.

    Its thread starts with the first call, sleeps without waking while nothing runs, and ends with close().

    Args:
        interrupt: what to do to the guest; called on the watchdog's thread.
        clock: the guest's time.
    """

    def __init__(self, interrupt: Callable[[], None], clock: Clock) -> None:
        self._interrupt, self._clock = interrupt, clock
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._deadline: float | None = None  # of the running call, None when none runs
        self._count: Callable[[], int] | None = None
        self._seen, self._since = 0, 0.0
        self._asleep = self._closed = False
        self._tick = 0.1  # seconds between looks

    def begin(self, deadline: float, count: Callable[[], int] | None = None) -> None:
        """A guest call begins.

        Args:
            deadline: seconds of guest time it has.
            count: when given, what begins is many guest calls in a row: its value changes with each of them,
                and each has the deadline to itself.
        """
        with self._change:
            self._deadline, self._count = deadline, count
            self._seen, self._since = count() if count else 0, self._clock.seconds
            if self._asleep or deadline / 4 < self._tick:
                self._change.notify()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._watch, name="gadget-watchdog", daemon=True)
                self._thread.start()

    def end(self) -> None:
        """It has ended: the next interrupt is not for it."""
        with self._change:
            self._deadline = self._count = None

    def close(self) -> None:
        """End the thread."""
        with self._change:
            self._closed = True
            self._deadline = None
            self._change.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _watch(self) -> None:
        idle = False
        with self._change:
            while not self._closed:
                if self._deadline is None:
                    self._asleep = idle  # only after a whole tick without a call: batches come in bursts
                    self._change.wait(None if idle else self._tick)
                    self._asleep, idle = False, self._deadline is None
                    continue
                idle, self._tick = False, max(self._deadline / 4, 0.001)
                if self._is_over():
                    self._interrupt()
                self._change.wait(self._tick)

    def _is_over(self) -> bool:
        assert self._deadline is not None
        if self._count and (current := self._count()) != self._seen:
            self._seen, self._since = current, self._clock.seconds
        return self._clock.seconds - self._since >= self._deadline
