from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from gadget_abi import Profile, load
from gadget_host._state import CallError
from gadget_host.backends import Config, KernelSymbols, MapRegistry, MountNsFilter, SyscallTable

_BPF = {"x86_64": 321, "aarch64": 280}


class Buffer:
    """A destination in a guest's memory: `size` bytes of "?" that a call may overwrite from the start."""

    def __init__(self, size: int) -> None:
        self.size, self.bytes = size, b"?" * size

    def write(self, data: bytes) -> None:
        """Copy to the start, or fail and write nothing."""
        if len(data) > self.size:
            raise CallError(f"{len(data)} bytes do not fit {self.size}")
        self.bytes = data + self.bytes[len(data) :]


@dataclass
class Desk:
    """The state that cold calls work on, with a handle table of three."""

    profile: Profile = field(default_factory=lambda: Profile(load(), load().newest))
    params: dict[str, str] = field(default_factory=dict)
    config: Config = field(default_factory=Config)
    maps: MapRegistry = field(default_factory=lambda: MapRegistry(cpus=2))
    syscalls: SyscallTable = field(default_factory=lambda: SyscallTable("x86_64"))
    kallsyms: KernelSymbols = field(default_factory=lambda: KernelSymbols(["vfs_read"]))
    mntns: MountNsFilter = field(default_factory=MountNsFilter)
    starting: bool = False
    started: bool = True
    has_callback: bool = True
    logs: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    handles: dict[int, tuple[str, Any]] = field(default_factory=dict)
    room: int = 3

    @property
    def sources(self) -> Any:
        """Not for these calls."""
        raise AssertionError("no call under test asks for data sources")

    def log(self, level: int, message: str) -> None:
        """Keep a message of the gadget."""
        self.logs.append((level, message))

    def warn(self, message: str) -> None:
        """Keep a warning."""
        self.warnings.append(message)

    def new_handle(self, kind: str, obj: Any) -> int:
        """A new handle, 0 when the table is full."""
        if len(self.handles) == self.room:
            return 0
        self.handles[number := max(self.handles, default=0) + 1] = kind, obj
        return number

    def object(self, handle: int, kind: str) -> Any:
        """What a handle stands for."""
        found = self.handles.get(handle, ("", None))
        return found[1] if found[0] == kind else None

    def release(self, handle: int) -> None:
        """Drop a handle."""
        if self.handles.pop(handle, None) is None:
            raise CallError(f"no handle {handle}")

    def handles_for(self, obj: Any) -> tuple[int, ...]:
        """The handles of an object."""
        return tuple(number for number, (_, known) in self.handles.items() if known is obj)


@pytest.fixture
def host() -> Desk:
    """A fresh state."""
    return Desk()


@pytest.fixture(scope="session")
def buffer() -> type[Buffer]:
    """The class of destinations."""
    return Buffer


class Kernel:
    """Maps of the running kernel through bpf(2), with the operations and error numbers of ours."""

    _ENOTSUPP = 524  # what some map types answer instead of EOPNOTSUPP; has no name outside the kernel

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._open: list[int] = []

    def create(self, type: int, key: int, value: int, entries: int, flags: int = 0, inner: int = 0) -> int:
        """BPF_MAP_CREATE; gives the file descriptor."""
        fd = self._bpf(0, struct.pack("<6I", type, key, value, entries, flags, inner))
        self._open.append(fd)
        return fd

    def lookup(self, fd: int, key: bytes, size: int) -> bytes:
        """BPF_MAP_LOOKUP_ELEM."""
        value = ctypes.create_string_buffer(size)
        self._element(1, fd, key, value)
        return value.raw

    def update(self, fd: int, key: bytes, value: bytes, flags: int) -> None:
        """BPF_MAP_UPDATE_ELEM."""
        self._element(2, fd, key, ctypes.create_string_buffer(value, len(value)), flags)

    def delete(self, fd: int, key: bytes) -> None:
        """BPF_MAP_DELETE_ELEM."""
        self._element(3, fd, key, None)

    def identity(self, fd: int) -> int:
        """The id of a map."""
        info = ctypes.create_string_buffer(80)
        self._bpf(15, struct.pack("<IIQ", fd, 80, ctypes.addressof(info)))
        return int(struct.unpack_from("<II", info.raw)[1])

    def close(self) -> None:
        """Close every map."""
        while self._open:
            os.close(self._open.pop())

    def _element(self, command: int, fd: int, key: bytes, value: Any, flags: int = 0) -> None:
        held = ctypes.create_string_buffer(key, len(key)) if key else None
        at = ctypes.addressof(held) if held else 0
        to = ctypes.addressof(value) if value is not None else 0
        self._bpf(command, struct.pack("<IIQQQ", fd, 0, at, to, flags))

    def _bpf(self, command: int, attributes: bytes) -> int:
        held = ctypes.create_string_buffer(attributes, 128)
        result = self._libc.syscall(_BPF[platform.machine()], command, held, 128)
        if result < 0:
            code = ctypes.get_errno()
            code = errno.EOPNOTSUPP if code == self._ENOTSUPP else code
            raise OSError(code, os.strerror(code))
        return int(result)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """The running kernel's maps; skips where bpf(2) is refused."""
    made = Kernel()
    try:
        made.create(1, 4, 4, 1)
    except (OSError, KeyError) as error:
        pytest.skip(f"bpf(2) is not for us here: {error}")
    yield made
    made.close()
