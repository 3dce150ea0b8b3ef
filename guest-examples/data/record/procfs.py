"""What /proc says about a task. Every function reads a *stopped* task, so the answers belong together."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

_PAGE = os.sysconf("SC_PAGESIZE")


def text(raw: bytes) -> str:
    """Return `raw` as `ig run -o json` prints it: bytes that are no UTF-8 become U+FFFD."""
    return raw.decode("utf-8", "replace")


def process(tid: int) -> dict[str, Any]:
    """Return the `proc` part of an event; `uid` and `gid` are the real ones, as in the kernel's helper."""
    status = _status(tid)
    parent = int(status["PPid"])
    return {
        "comm": _comm(tid),
        "pid": int(status["Tgid"]),
        "tid": tid,
        "mntns_id": int(str(Path(f"/proc/{tid}/ns/mnt").readlink()).strip("mnt:[]")),
        "creds": {"uid": int(status["Uid"].split()[0]), "gid": int(status["Gid"].split()[0])},
        "parent": {"comm": _comm(parent) if parent else "", "pid": parent},
    }


def login(tid: int) -> dict[str, int]:
    """Return the audit identity of a task; 4294967295 means nobody logged in."""
    return {name: int(Path(f"/proc/{tid}/{name}").read_text()) for name in ("loginuid", "sessionid")}


def read_memory(tid: int, address: int, size: int) -> bytes:
    """Return up to `size` bytes of the task's memory, fewer where a page is not mapped."""
    parts = b""
    with Path(f"/proc/{tid}/mem").open("rb", buffering=0) as memory:
        while size > 0:
            step = min(size, _PAGE - address % _PAGE)
            try:
                memory.seek(address)
                part = memory.read(step)
            except (OSError, OverflowError):
                break
            parts, address, size = parts + part, address + step, size - step
    return parts


def read_string(tid: int, address: int, size: int) -> bytes:
    """Return the C string at `address` without its NUL, cut so that it fits `size` bytes with it."""
    return read_memory(tid, address, size - 1).split(b"\0")[0]


def read_pointers(tid: int, address: int, count: int) -> list[int]:
    """Return the pointers of a NULL-terminated array, at most `count`."""
    raw = read_memory(tid, address, 8 * count)
    pointers = [pointer for (pointer,) in struct.iter_unpack("<Q", raw[: len(raw) // 8 * 8])]
    return pointers[: pointers.index(0)] if 0 in pointers else pointers


def _comm(tid: int) -> str:
    return text(Path(f"/proc/{tid}/comm").read_bytes().removesuffix(b"\n"))


def _status(tid: int) -> dict[str, str]:
    lines = Path(f"/proc/{tid}/status").read_text(errors="replace").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
