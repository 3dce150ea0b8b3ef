"""The few ptrace(2) and seccomp(2) calls the recorder needs, over ctypes.

A seccomp filter stops a traced process at the wanted system calls only; everything else runs at full speed.
Constants are those of `<linux/ptrace.h>`, `<linux/seccomp.h>` and `<linux/filter.h>`.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from dataclasses import dataclass

CONT, SYSCALL, GETEVENTMSG, SEIZE, LISTEN, GET_SYSCALL_INFO = 7, 24, 0x4201, 0x4206, 0x4208, 0x420E

EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_SECCOMP, EVENT_STOP = 1, 2, 3, 4, 7, 128
_OPTIONS = 1  # TRACESYSGOOD: syscall stops report SIGTRAP | 0x80
for _event in (EVENT_FORK, EVENT_VFORK, EVENT_CLONE, EVENT_EXEC, EVENT_SECCOMP):
    _OPTIONS |= 1 << _event
_OPTIONS |= 1 << 20  # EXITKILL: no tracee outlives the recorder

SYSCALLS = {
    "x86_64": {2: "open", 257: "openat", 437: "openat2", 59: "execve", 322: "execveat"},
    "aarch64": {56: "openat", 437: "openat2", 221: "execve", 281: "execveat"},
}[platform.machine()]
"""The traced system calls by number: those the two gadgets attach to."""

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}[platform.machine()]

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


@dataclass(frozen=True)
class Entry:
    """A system call at its entry: its number and raw arguments."""

    number: int
    args: tuple[int, ...]


def checked(result: int) -> int:
    """Return `result`, or raise the OSError errno describes when it is -1."""
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def _ptrace(request: int, tid: int, address: int = 0, data: object = 0) -> int:
    return checked(_libc.ptrace(request, tid, address, data))


def seize(tid: int) -> None:
    """Start tracing `tid` and everything it will start, without stopping it."""
    _ptrace(SEIZE, tid, 0, _OPTIONS)


def resume(tid: int, request: int, signal: int = 0) -> None:
    """Let a stopped task go on; one that was killed meanwhile is no error."""
    with contextlib.suppress(ProcessLookupError):
        _ptrace(request, tid, 0, signal)


def event_message(tid: int) -> int:
    """Return the number that comes with the current event: for exec, the former thread id."""
    message = ctypes.c_ulong()
    _ptrace(GETEVENTMSG, tid, 0, ctypes.addressof(message))
    return message.value


def _syscall_info(tid: int) -> bytes:
    """Return struct ptrace_syscall_info: 24 bytes of state, then what the callers unpack."""
    buffer = ctypes.create_string_buffer(88)
    _ptrace(GET_SYSCALL_INFO, tid, len(buffer), ctypes.addressof(buffer))
    return buffer.raw


def entry(tid: int) -> Entry:
    """Return the system call `tid` is about to make (at a seccomp stop): nr u64, args u64[6]."""
    number, *args = struct.unpack_from("<7Q", _syscall_info(tid), 24)
    return Entry(number, tuple(args))


def result(tid: int) -> int:
    """Return what the system call returned (at its exit stop): rval s64, a negative errno when it failed."""
    return int(struct.unpack_from("<q", _syscall_info(tid), 24)[0])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install_filter() -> None:
    """Make SYSCALLS stop for the tracer in this process and its children (needs CAP_SYS_ADMIN).

    The program is classic BPF over struct seccomp_data (nr u32, arch u32, ...), instructions of code u16,
    jump-if-true u8, jump-if-false u8, operand u32.
    """
    load, equal, answer = 0x20, 0x15, 0x06
    allow, trace = 0x7FFF0000, 0x7FF00000
    count = len(SYSCALLS)
    code = [(load, 0, 0, 4), (equal, 0, count + 1, _AUDIT_ARCH), (load, 0, 0, 0)]
    code += [(equal, count - i, 0, number) for i, number in enumerate(SYSCALLS)]
    code += [(answer, 0, 0, allow), (answer, 0, 0, trace)]
    raw = b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
    set_seccomp, filter_mode = 22, 2
    checked(_libc.prctl(set_seccomp, filter_mode, ctypes.byref(_Program(len(code), raw)), 0, 0))
