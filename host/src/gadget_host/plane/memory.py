"""The data plane's memory as Python sees it: plain reads and writes, no call into wasm.

Addresses come from the plane itself; they are checked all the same, since beyond the memory lies the process.
"""

from __future__ import annotations

import ctypes
from typing import TypeAlias

import wasmtime

__all__ = ["Buffer", "PlaneMemory"]

Buffer: TypeAlias = bytes | bytearray | memoryview


class PlaneMemory:
    """Access to a memory that never moves.

    Args:
        store: the store it is in; nothing here may be used after that is gone.
        memory: the memory.
    """

    def __init__(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        self._store, self._memory = store, memory
        self.base = ctypes.addressof(memory.data_ptr(store).contents)
        self._size = 0
        self._view = memoryview(b"")
        self._look()

    def _look(self) -> None:
        """See how large it is by now."""
        self._size = self._memory.data_len(self._store)
        self._view = memoryview((ctypes.c_char * self._size).from_address(self.base)).cast("B")

    def address(self, offset: int, size: int) -> int:
        """The host's address of ``size`` bytes at ``offset``."""
        if offset + size > self._size:
            self._look()  # it may have grown
            if offset + size > self._size:
                raise IndexError(f"{size} bytes at {offset} of a memory of {self._size}")
        return self.base + offset

    def u32(self, offset: int) -> int:
        """The u32 at ``offset``."""
        return ctypes.c_uint32.from_address(self.address(offset, 4)).value

    def u64(self, offset: int) -> int:
        """The u64 at ``offset``."""
        return ctypes.c_uint64.from_address(self.address(offset, 8)).value

    def set_u32(self, offset: int, value: int) -> None:
        """Write a u32; negative numbers in two's complement."""
        ctypes.c_uint32.from_address(self.address(offset, 4)).value = value & 0xFFFFFFFF

    def read(self, offset: int, size: int) -> bytes:
        """A copy of ``size`` bytes."""
        return ctypes.string_at(self.address(offset, size), size)

    def write(self, offset: int, data: Buffer) -> None:
        """Copy ``data`` to ``offset``."""
        self.address(offset, len(data))
        self._view[offset : offset + len(data)] = data
