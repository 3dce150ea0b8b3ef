"""WASI preview 1 without a world behind it: every function is there, none reaches outside.

So it is upstream: no arguments, environment, files or sockets; what is written to stdout and stderr is thrown
away; clocks and random numbers are made up and the same in every run, unless ``clock="real"``.

https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Literal

from ._entry import GuestExit
from ._memory import GuestMemory, OutOfBoundsError

__all__ = ["Clock", "Wasi"]

Clock = Literal["fixed", "real"]


class Errno(IntEnum):
    """The error numbers given out here."""

    SUCCESS = 0
    BADF = 8
    FAULT = 21
    INVAL = 28
    NOSYS = 52
    NOTDIR = 54
    NOTSOCK = 57
    SPIPE = 70


_STDIN, _STDOUT, _STDERR = 0, 1, 2
_BLOCK_DEVICE = 1  # what wazero says its stdio is, so that no libc takes it for a terminal
_RIGHT_READ, _RIGHT_WRITE = 1 << 1, 1 << 6
_MILLISECOND = 1_000_000
_EPOCH = 1640995200 * 1_000_000_000  # 2022-01-01, wazero's fixed wall clock


class _FixedClocks:
    """wazero's default: each reading of a clock is a millisecond after the one before."""

    def __init__(self) -> None:
        self._next = [_EPOCH, 0]

    def read(self, clock: int) -> int:
        now = self._next[clock]
        self._next[clock] += _MILLISECOND
        return now

    def sleep(self, nanoseconds: int) -> None:
        """Return at once, as wazero's does."""


class _RealClocks:
    def __init__(self, longest_sleep: float) -> None:
        self._longest = longest_sleep

    def read(self, clock: int) -> int:
        return time.monotonic_ns() if clock else time.time_ns()

    def sleep(self, nanoseconds: int) -> None:
        time.sleep(min(nanoseconds / 1e9, self._longest))


class _FixedRandom:
    """The same bytes in every run."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, size: int) -> bytes:
        self._calls += 1
        return hashlib.shake_128(b"gadget %d" % self._calls).digest(size)


class Wasi:
    """The functions of preview 1 for one gadget.

    Args:
        memory: the guest's memory.
        clock: "fixed" for upstream's made-up clocks and random numbers, "real" for this machine's.
        write: receives what is written to stdout (1) and stderr (2); None throws it away.
        longest_sleep: seconds; with real clocks no sleep lasts longer.
    """

    def __init__(
        self,
        memory: GuestMemory,
        *,
        clock: Clock = "fixed",
        write: Callable[[int, bytes], None] | None = None,
        longest_sleep: float = 10.0,
    ) -> None:
        self._memory, self._write = memory, write
        self._clocks = _FixedClocks() if clock == "fixed" else _RealClocks(longest_sleep)
        self._random = _FixedRandom() if clock == "fixed" else os.urandom
        self._open = {_STDIN, _STDOUT, _STDERR}

    def function(self, name: str) -> Callable[..., int | None]:
        """The function of that name; answers an errno, whatever it is given."""
        if name == "proc_exit":
            return self._proc_exit
        known = getattr(self, f"_{name}", None) or self._refusal(name)

        def checked(*args: int) -> int:
            try:
                return int(known(*args))
            except OutOfBoundsError:
                return Errno.FAULT

        return checked

    def _refusal(self, name: str) -> Callable[..., Errno]:
        """What stands in for a function that would need a file, a directory or a socket."""
        family = name.partition("_")[0]
        on_stdio = {"path": Errno.NOTDIR, "sock": Errno.NOTSOCK}.get(family, Errno.INVAL)

        def refuse(fd: int, *_: int) -> Errno:
            return on_stdio if fd in self._open else Errno.BADF

        return refuse

    # -- process

    def _proc_exit(self, code: int) -> None:
        raise GuestExit(code & 0xFFFFFFFF)

    def _proc_raise(self, _signal: int) -> Errno:
        return Errno.NOSYS

    def _sched_yield(self) -> Errno:
        return Errno.SUCCESS

    def _args_get(self, _argv: int, _buffer: int) -> Errno:
        return Errno.SUCCESS

    def _args_sizes_get(self, count: int, size: int) -> Errno:
        self._put(count, "<I", 0)
        self._put(size, "<I", 0)
        return Errno.SUCCESS

    _environ_get = _args_get
    _environ_sizes_get = _args_sizes_get

    # -- clocks and random numbers

    def _clock_res_get(self, clock: int, result: int) -> Errno:
        if clock not in (0, 1):
            return Errno.INVAL
        self._put(result, "<Q", 1 if clock else 1000)
        return Errno.SUCCESS

    def _clock_time_get(self, clock: int, _precision: int, result: int) -> Errno:
        if clock not in (0, 1):
            return Errno.INVAL
        self._put(result, "<Q", self._clocks.read(clock))
        return Errno.SUCCESS

    def _random_get(self, address: int, size: int) -> Errno:
        self._memory.check(address & 0xFFFFFFFF, size & 0xFFFFFFFF)
        self._memory.write(address & 0xFFFFFFFF, self._random(size & 0xFFFFFFFF))
        return Errno.SUCCESS

    def _poll_oneoff(self, subscriptions: int, events: int, count: int, result: int) -> Errno:
        """Every file is ready at once; else the clock that is first to expire is slept for."""
        if not count:
            return Errno.INVAL
        subscribed = list(self._subscriptions(subscriptions, count & 0xFFFFFFFF))
        if any(kind > 2 for _, kind, _ in subscribed):
            return Errno.INVAL
        ready = [s for s in subscribed if s[1]]
        if not ready:
            first = min(value for *_, value in subscribed)
            self._clocks.sleep(first)
            ready = [s for s in subscribed if s[2] == first]
        for at, (userdata, kind, value) in enumerate(ready):
            errno = Errno.BADF if kind and value not in self._open else Errno.SUCCESS
            self._put(events + 32 * at, "<QHB21x", userdata, errno, kind)
        self._put(result, "<I", len(ready))
        return Errno.SUCCESS

    def _subscriptions(self, address: int, count: int) -> Iterator[tuple[int, int, int]]:
        """(user data, kind, nanoseconds from now or file descriptor) of each subscription:

        0         8    16        24          32          40
        | userdata |kind| clock id | timeout | precision | flags |
                        | fd
        """
        data = self._memory.read(address & 0xFFFFFFFF, 48 * count)
        for userdata, kind, which, timeout, flags in struct.iter_unpack("<QB7xI4xQ8xH6x", data):
            if kind:
                yield userdata, kind, which
            else:
                now = self._clocks.read(which & 1) if flags & 1 else 0
                yield userdata, kind, max(timeout - now, 0)

    # -- stdio

    def _fd_write(self, fd: int, vectors: int, count: int, result: int) -> Errno:
        if fd not in (self._open & {_STDOUT, _STDERR}):
            return Errno.BADF
        written = 0
        table = self._memory.read(vectors & 0xFFFFFFFF, 8 * (count & 0xFFFFFFFF))
        for address, size in struct.iter_unpack("<II", table):
            self._memory.check(address, size)
            if self._write and size:
                self._write(fd, self._memory.read(address, size))
            written += size
        self._put(result, "<I", written & 0xFFFFFFFF)
        return Errno.SUCCESS

    def _fd_read(self, fd: int, _vectors: int, _count: int, result: int) -> Errno:
        if fd not in (self._open & {_STDIN}):
            return Errno.BADF
        self._put(result, "<I", 0)  # always at its end
        return Errno.SUCCESS

    def _fd_close(self, fd: int) -> Errno:
        if fd not in self._open:
            return Errno.BADF
        self._open.remove(fd)
        return Errno.SUCCESS

    def _fd_fdstat_get(self, fd: int, result: int) -> Errno:
        if fd not in self._open:
            return Errno.BADF
        rights = _RIGHT_READ if fd == _STDIN else _RIGHT_WRITE
        self._put(result, "<BxH4xQQ", _BLOCK_DEVICE, 0, rights, 0)
        return Errno.SUCCESS

    def _fd_filestat_get(self, fd: int, result: int) -> Errno:
        if fd not in self._open:
            return Errno.BADF
        self._put(result, "<16xB7xQ32x", _BLOCK_DEVICE, 1)  # one link, no size, no times
        return Errno.SUCCESS

    def _fd_sync(self, fd: int) -> Errno:
        return Errno.SUCCESS if fd in self._open else Errno.BADF

    _fd_datasync = _fd_sync

    def _fd_seek(self, fd: int, *_: int) -> Errno:
        return Errno.SPIPE if fd in self._open else Errno.BADF

    _fd_tell = _fd_pread = _fd_pwrite = _fd_advise = _fd_seek

    def _fd_prestat_get(self, _fd: int, _result: int) -> Errno:
        return Errno.BADF  # no directory is open, which is how a libc learns that there are no files

    def _fd_prestat_dir_name(self, _fd: int, _path: int, _size: int) -> Errno:
        return Errno.BADF

    def _put(self, address: int, layout: str, *values: int) -> None:
        self._memory.write(address & 0xFFFFFFFF, struct.pack(layout, *values))
