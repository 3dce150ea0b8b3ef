"""Follow a tree of processes and turn their opens and execs into events."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from . import events, ptrace

_WALL = 0x40000000  # wait for threads as well
_STOP_SIGNALS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}

Sink = Callable[[str, events.Event], None]


class Tracer:
    """Reports every finished call of the traced processes to `sink(source, event)`."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._calls: dict[int, tuple[str, ptrace.Entry]] = {}  # by thread id, between entry and exit
        self._execs: dict[int, events.Event] = {}  # likewise: what an exec looked like at its entry

    def run(self) -> None:
        """Serve the stops of all tracees until the last one is gone."""
        while True:
            try:
                tid, status = os.waitpid(-1, _WALL)
            except ChildProcessError:
                return
            if os.WIFSTOPPED(status):
                self._stopped(tid, status)
            else:
                self._forget(tid)

    def _stopped(self, tid: int, status: int) -> None:
        event, stop = status >> 16, os.WSTOPSIG(status)
        try:
            if event == ptrace.EVENT_SECCOMP:
                return self._entered(tid)
            if event == ptrace.EVENT_EXEC:
                self._executed(tid)
            elif event == ptrace.EVENT_STOP and stop in _STOP_SIGNALS:
                return ptrace.resume(tid, ptrace.LISTEN)
            elif stop == signal.SIGTRAP | 0x80:
                self._returned(tid)
            elif not event:
                return ptrace.resume(tid, ptrace.CONT, stop)
        except (ProcessLookupError, FileNotFoundError):
            self._forget(tid)  # killed while we looked at it
        return ptrace.resume(tid, ptrace.CONT)

    def _entered(self, tid: int) -> None:
        call = ptrace.entry(tid)
        name = ptrace.SYSCALLS[call.number]
        self._calls[tid] = name, call
        if name.startswith("exec"):
            self._execs[tid] = events.exec_start(tid, name, call)
        ptrace.resume(tid, ptrace.SYSCALL)

    def _returned(self, tid: int) -> None:
        name, call = self._calls.pop(tid)
        result = ptrace.result(tid)
        if name.startswith("exec"):
            self._sink("exec", events.exec_event(tid, self._execs.pop(tid), result))
        else:
            self._sink("open", events.open_event(tid, name, call, result))

    def _executed(self, tid: int) -> None:
        """Report a successful exec, which any thread may have made and the leader has to finish."""
        thread = ptrace.event_message(tid)
        if self._calls.pop(thread, None):  # absent: from before the filter, while the stage was made
            self._sink("exec", events.exec_event(tid, self._execs.pop(thread), 0))

    def _forget(self, tid: int) -> None:
        self._calls.pop(tid, None)
        self._execs.pop(tid, None)
