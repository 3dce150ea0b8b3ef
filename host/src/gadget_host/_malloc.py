"""Memory in the guest for what the host returns, as until v0.37: the guest's malloc allocates, the guest frees.

malloc is the guest's code, called while a host function of the same guest runs. Whatever it does, the host
function fails and the gadget goes on; only what would end the gadget anyway, its deadline and proc_exit, does.
"""

from __future__ import annotations

from ctypes import c_uint32

import wasmtime

from gadget_abi import GuestError, Profile

from ._entry import Entry
from ._memory import GuestMemory
from ._rawcall import Forward
from ._state import CallError

__all__ = ["MALLOC", "Allocation", "Malloc", "ToldAllocation"]

MALLOC = "malloc"
_DEPTH = 16  # mallocs inside each other, by way of host functions
_U32 = 0xFFFFFFFF


class Malloc:
    """The guest's malloc.

    Args:
        entry: the door to the guest.
        memory: the guest's.
        profile: says whether a null pointer is believed.
    """

    def __init__(self, entry: Entry, memory: GuestMemory, profile: Profile) -> None:
        self._entry, self._memory = entry, memory
        self._believes_null = profile.quirk("malloc-gives-null")
        self._room, self._shared = c_uint32(_DEPTH), c_uint32()  # shared: with the plane
        self._forward: Forward | None = None
        self.function: wasmtime.Func | None = None

    def forward(self, room: c_uint32) -> Forward | None:
        """As PlaneHooks.forward_malloc."""
        self._shared, self._forward = room, Forward.new(self._entry.store)
        return self._forward

    def __call__(self, size: int, address: int = -1) -> int:
        """The address of ``size`` bytes that lie in the guest's memory, which may have grown meanwhile.

        malloc(0) may give any address, 0 included.

        Args:
            size: how many bytes.
            address: what malloc has given already, to be checked; negative when it has not.

        Raises:
            CallError: there is none; the text names malloc and says why.
            GuestError: the gadget is dead.
            TrapError: the real host, which is being imitated, does not know malloc yet.
        """
        self._memory.want_instance()
        if self.function is None:
            raise CallError("the gadget exports no malloc")
        self._share()
        if address < 0:
            address = self._call(self.function, size)
        if not address and size and not self._believes_null:
            raise CallError(f"malloc({size}) returned 0")
        if address + size > self._memory.size:
            end = f"the memory ends at {self._memory.size:#x}"
            raise CallError(f"malloc({size}) returned {address:#x}, and {end}")
        return address

    def _share(self) -> None:
        """From now on, the plane may call malloc itself, if there is a way: it is no longer too early."""
        if self._forward and self._room is not self._shared:
            self._shared.value = self._room.value
            self._room = self._shared

    def _call(self, function: wasmtime.Func, size: int) -> int:
        if not self._room.value:
            raise CallError(f"malloc({size}) would run inside {_DEPTH} others, which called the host")
        self._room.value -= 1
        try:
            if error := self._forward and self._forward.failure():
                raise self._entry.failure(MALLOC, error)
            signed = size - (1 << 32) if size >> 31 else size
            return int(self._entry.call(function, signed, function=MALLOC)) & _U32
        except GuestError as error:
            if self._entry.dead is not None:
                raise
            raise CallError(f"malloc({size}) {error.reason}") from None
        finally:
            self._room.value += 1


class Allocation:
    """A destination that is allocated once its size is known.

    Args:
        malloc: allocates.
        memory: the guest's.
    """

    def __init__(self, malloc: Malloc, memory: GuestMemory) -> None:
        self._malloc, self._memory = malloc, memory
        self.packed = 0
        """Where the value is: its length and address."""

    @property
    def size(self) -> int:
        """Capacity in bytes: whatever a length can say."""
        return _U32

    def write(self, data: bytes) -> None:
        """Copy ``data`` to new memory, for an empty value too. CallError: there is none."""
        address = self._malloc(len(data))
        self._memory.write(address, data)
        self.packed = len(data) << 32 | address


class ToldAllocation(Allocation):
    """An allocation that the guest is told of by its packed pointer, little-endian, at an address of its own:

    0         4         8
    | address | length  |

    Raises:
        OutOfBoundsError: the address is outside the memory.
    """

    def __init__(self, malloc: Malloc, memory: GuestMemory, address: int) -> None:
        super().__init__(malloc, memory)
        self._address = address
        memory.check(address, 8)

    def write(self, data: bytes) -> None:
        """Copy ``data`` to new memory, and say where it is."""
        super().write(data)
        self._memory.write(self._address, self.packed.to_bytes(8, "little"))
