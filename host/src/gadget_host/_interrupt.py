"""Ctrl-C and SIGTERM as a request that the run loop looks at between batches."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

__all__ = ["StopSignals"]


class StopSignals:
    """While it is entered, the first SIGINT or SIGTERM sets `requested`; the next one is a KeyboardInterrupt.

    Outside the main thread, or where a signal is ignored (a job put in the background), nothing changes.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        """The signal that came."""
        self._pipe: tuple[int, int] | None = None
        self._before: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether to stop."""
        return self.signal is not None

    @property
    def exit_code(self) -> int:
        """130 after SIGINT, 143 after SIGTERM, 0 when there was no signal, as shells count."""
        return 128 + self.signal if self.signal else 0

    def fileno(self) -> int:
        """A descriptor that becomes readable with the request; -1 while signals are not taken."""
        return self._pipe[0] if self._pipe else -1

    def __enter__(self) -> StopSignals:
        if threading.current_thread() is threading.main_thread():
            self._pipe = os.pipe()
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        for end in self._pipe or ():
            os.close(end)
        self._pipe = None

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        if self._pipe:
            os.write(self._pipe[1], b"!")
