"""The two data sources: their schemas, and how a finished system call becomes an event.

Names, kinds and texts are those of Inspektor Gadget's trace_open and trace_exec as `ig run -o json` prints
them, without what other operators add (`runtime`, `k8s`) and what only `--paths` and `--collect-ustack` fill.
"""

from __future__ import annotations

import errno
import stat
import time
from typing import Any

from . import procfs
from .ptrace import Entry

Event = dict[str, Any]

_PROCESS = (
    ("proc.comm", "CString"),
    ("proc.pid", "Uint32"),
    ("proc.tid", "Uint32"),
    ("proc.mntns_id", "Uint64"),
    ("proc.creds.uid", "Uint32"),
    ("proc.creds.gid", "Uint32"),
    ("proc.parent.comm", "CString"),
    ("proc.parent.pid", "Uint32"),
)

FIELDS = {
    "open": (
        ("timestamp_raw", "Uint64"),
        ("timestamp", "String"),
        *_PROCESS,
        ("error_raw", "Uint32"),
        ("error", "String"),
        ("fd", "Uint32"),
        ("flags_raw", "Uint32"),
        ("flags", "String"),
        ("mode_raw", "Uint32"),
        ("mode", "String"),
        ("fname", "CString"),
    ),
    "exec": (
        ("timestamp_raw", "Uint64"),
        ("timestamp", "String"),
        *_PROCESS,
        ("loginuid", "Uint32"),
        ("sessionid", "Uint32"),
        ("error_raw", "Uint32"),
        ("error", "String"),
        ("args_count", "Int32"),
        ("args_size", "Uint32"),
        ("args", "String"),
    ),
}
"""The fields of each data source, in order: (full name, kind)."""

_ACCESS = ("O_RDONLY", "O_WRONLY", "O_RDWR")
_FLAGS = (
    *("O_CREAT", "O_EXCL", "O_NOCTTY", "O_TRUNC", "O_APPEND", "O_NONBLOCK", "O_DSYNC", "O_FASYNC"),
    *("O_DIRECT", "O_LARGEFILE", "O_DIRECTORY", "O_NOFOLLOW", "O_NOATIME", "O_CLOEXEC"),
)
"""Names of the open flags from bit 6 up, as ig spells them (asm-generic numbering, which x86_64 shares)."""

_NAME_MAX = 255  # char fname[NAME_MAX], the NUL included
_MAX_ARGS, _ARG_SIZE = 20, 256


def schema_line(source: str) -> Event:
    """Return the object that opens a recorded stream and declares its source."""
    fields = [{"name": name, "kind": kind} for name, kind in FIELDS[source]]
    return {"gadget.schema": {"source": source, "type": "single", "fields": fields}}


def open_event(tid: int, name: str, call: Entry, result: int) -> Event:
    """Return the event of an open, openat or openat2 that just returned `result`."""
    shift = 0 if name == "open" else 1
    flags, mode = call.args[1 + shift], call.args[2 + shift]
    if name == "openat2":  # struct open_how: flags u64, mode u64
        how = procfs.read_memory(tid, call.args[2], 16).ljust(16, b"\0")
        flags, mode = int.from_bytes(how[:8], "little"), int.from_bytes(how[8:], "little")
    flags, mode = flags & 0xFFFFFFFF, mode & 0xFFFF
    return {
        **_timestamp(time.time_ns()),
        **_error(result),
        "proc": procfs.process(tid),
        "fd": max(result, 0),
        "flags_raw": flags,
        "flags": decode_flags(flags),
        "mode_raw": mode,
        "mode": stat.filemode(mode & 0o777)[1:].rjust(10, "-"),
        "fname": procfs.text(procfs.read_string(tid, call.args[shift], _NAME_MAX)),
    }


def exec_start(tid: int, name: str, call: Entry) -> Event:
    """Return the part of an exec event that is only known before the call: when, and with what arguments.

    The first argument is the path given to the call, not argv[0]; at most 20 arguments of 255 bytes are kept,
    and `args_count` is one higher when there are more.
    """
    path, argv = call.args[0:2] if name == "execve" else call.args[1:3]
    args = [procfs.read_string(tid, path, _ARG_SIZE)]
    pointers = procfs.read_pointers(tid, argv, _MAX_ARGS + 1)
    args += [procfs.read_string(tid, pointer, _ARG_SIZE) for pointer in pointers[1:_MAX_ARGS]]
    return {
        **_timestamp(time.time_ns()),
        "args_count": len(args) + (len(pointers) > _MAX_ARGS),
        "args_size": sum(len(arg) + 1 for arg in args),
        "args": procfs.text(b" ".join(args)),
    }


def exec_event(tid: int, start: Event, result: int) -> Event:
    """Return the event of an execve that began as `start`: of the new program, or of the old if it failed."""
    return {**start, **_error(result), **procfs.login(tid), "proc": procfs.process(tid)}


def decode_flags(flags: int) -> str:
    """Return the names of open flags, `O_RDONLY|O_CLOEXEC`."""
    names = list(_ACCESS[flags & 3 : (flags & 3) + 1])
    names += [name for bit, name in enumerate(_FLAGS, start=6) if flags & 1 << bit]
    return "|".join(names)


def _timestamp(nanoseconds: int) -> Event:
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return {"timestamp_raw": nanoseconds, "timestamp": f"{text}.{fraction:09d}Z"}


def _error(result: int) -> Event:
    code = max(-result, 0)
    return {"error_raw": code, "error": errno.errorcode.get(code, f"error#{code}") if code else ""}
