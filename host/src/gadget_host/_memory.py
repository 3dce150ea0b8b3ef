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

from ._state import CallError, TrapError

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

    UNKNOWN = "the host does not know the module's memory before its start function has returned"

    def __init__(self) -> None:
        self._store: wasmtime.Store | None = None
        self._memory: wasmtime.Memory | None = None
        self._base = 0
        self.by_instance = True
        """False while what needs the instance itself traps: see ``_early``."""

    def attach(self, store: wasmtime.Store, memory: wasmtime.Memory | None) -> None:
        """Use a memory, which must not move: the engine is made so. None: a strict guest has none."""
        self._store, self._memory = store, memory
        if memory is not None:
            self._base = ctypes.addressof(memory.data_ptr(store).contents)

    @property
    def size(self) -> int:
        """Bytes, as of now."""
        if self._memory is None or self._store is None:
            return 0
        return self._memory.data_len(self._store)

    def want_instance(self) -> None:
        """Trap where the real host would look for the instance in vain."""
        if not self.by_instance:
            raise TrapError(self.UNKNOWN)

    def check(self, address: int, size: int) -> int:
        """The native address of a range of ``size`` bytes; OutOfBoundsError when any of it is outside.

        A range of no bytes is checked as well: it may lie at the memory's end but not beyond, as upstream.
        Without a memory, every range traps.
        """
        if self._memory is None:
            raise TrapError("the module has no memory")
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

    Args:
        memory: the guest's.
        packed: the pointer.
        lenient: only what is written must be in bounds, not all of the destination (quirk destination-bounds).
        by_instance: written to through the instance, see ``_early``.
    """

    def __init__(
        self, memory: GuestMemory, packed: int, *, lenient: bool = False, by_instance: bool = False
    ) -> None:
        self._memory, self._by_instance = memory, by_instance
        self._address, self._size = unpack(packed)
        if not lenient:
            memory.check(self._address, self._size)

    @property
    def size(self) -> int:
        """Capacity in bytes."""
        return self._size

    def write(self, data: bytes) -> None:
        """Copy ``data`` to the start. Raises CallError, having written nothing, when it does not fit."""
        if len(data) > self._size:
            raise CallError(f"the buffer of {self._size} bytes is too small for {len(data)} bytes")
        if self._by_instance:
            self._memory.want_instance()
        self._memory.write(self._address, data)
