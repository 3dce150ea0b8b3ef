"""The guest's memory as the host's functions see it: every access checked against its size.

wasmtime-py's own Memory.read shortens what reaches beyond the end and its write counts negative starts from
the end, so neither is used here.

A packed pointer (an i64 of the ABI) holds a length and an address:

    63            32 31             0
    |    length     |    address    |
"""

from __future__ import annotations

import ctypes

import wasmtime

from ._state import CallError

__all__ = ["Destination", "GuestMemory", "OutOfBoundsError", "unpack"]

_U32 = 0xFFFFFFFF


class OutOfBoundsError(CallError):
    """An address range that is not inside the guest's memory."""

    def __init__(self, address: int, size: int, end: int) -> None:
        super().__init__(f"{size} bytes at address {address:#x} reach beyond the memory's end at {end:#x}")


def unpack(packed: int) -> tuple[int, int]:
    """Address and length of a packed pointer, given as Python's signed or unsigned i64."""
    return packed & _U32, packed >> 32 & _U32


class GuestMemory:
    """Reads and writes the guest's memory; without a memory until attach()."""

    def __init__(self) -> None:
        self._store: wasmtime.Store | None = None
        self._memory: wasmtime.Memory | None = None
        self._base = 0

    def attach(self, store: wasmtime.Store, memory: wasmtime.Memory) -> None:
        """Use a memory, which must not move: the engine is made so."""
        self._store, self._memory = store, memory
        self._base = ctypes.addressof(memory.data_ptr(store).contents)

    @property
    def attached(self) -> bool:
        """Whether there is a memory yet."""
        return self._memory is not None

    @property
    def size(self) -> int:
        """Bytes, as of now."""
        assert self._memory is not None
        assert self._store is not None
        return self._memory.data_len(self._store)

    def check(self, address: int, size: int) -> int:
        """The native address of a range of ``size`` bytes; OutOfBoundsError when any of it is outside.

        A range of no bytes is checked as well: it may lie at the memory's end but not beyond, as upstream.
        """
        end = self.size
        if address < 0 or size < 0 or address + size > end:
            raise OutOfBoundsError(address, size, end)
        return self._base + address

    def read(self, address: int, size: int) -> bytes:
        """A copy of a range."""
        return ctypes.string_at(self.check(address, size), size)

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes to an address; all of them or none."""
        ctypes.memmove(self.check(address, len(data)), data, len(data))

    def read_packed(self, packed: int) -> bytes:
        """The bytes of a packed pointer; 0 is the empty string wherever memory ends."""
        address, size = unpack(packed)
        return self.read(address, size) if packed else b""


class Destination:
    """A destination the guest passed as packed pointer; in bounds, or it would not exist.

    A value shorter than the destination leaves the rest as it was, and no NUL is added:

        |<------- size ------->|
        | d a t a | untouched  |
    """

    def __init__(self, memory: GuestMemory, packed: int) -> None:
        self._memory = memory
        self._address, self._size = unpack(packed)
        memory.check(self._address, self._size)

    @property
    def size(self) -> int:
        """Capacity in bytes."""
        return self._size

    def write(self, data: bytes) -> None:
        """Copy ``data`` to the start. Raises CallError, having written nothing, when it does not fit."""
        if len(data) > self._size:
            raise CallError(f"the buffer of {self._size} bytes is too small for {len(data)} bytes")
        self._memory.write(self._address, data)
