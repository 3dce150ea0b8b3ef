"""What the modelled host functions share: handles, the guest's memory, arguments and results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from gadget_abi import Profile

from . import layout as at
from .model import U32, Array, Element, Failed, Memory, Rules, Source, Trapped, Unsaid

ELEMENT_BIT, INDEX_SHIFT, INDEX_MOST = 0x80000000, 16, 0x7FFF
MOST_HANDLES: Final = 4096
ANY: Final = object()
"""A result the model leaves open."""


@dataclass(frozen=True)
class New:
    """A new handle of something."""

    kind: str
    what: Any


@dataclass(frozen=True)
class Open(New):
    """A new handle, or the error value: the model does not say which."""


@dataclass(eq=False)
class Table:
    """An eBPF map; `entries` is None for a type that is not modelled."""

    type: int
    key_size: int
    value_size: int
    most: int
    entries: dict[bytes, bytes] | None
    created: bool = False


@dataclass(eq=False)
class Reader:
    """A perf reader; there is never a record for it."""

    overwritable: bool
    paused: bool = False


@dataclass
class World:
    """What surrounds the gadget, as the test set it up."""

    params: dict[str, str]
    syscalls: Any
    symbols: frozenset[str]
    mntns: frozenset[int] | None
    log_level: int
    maps: dict[str, Table] = field(default_factory=dict)


class State:
    """What the host functions work on.

    Args:
        profile: release, careful or strict.
        world: what the cold functions answer from.
        emit: delivers a packet; returns whether it succeeded.
        malloc: asks the guest for memory: the address, None when that failed.
    """

    def __init__(
        self,
        profile: Profile,
        world: World,
        emit: Callable[[Source, Element | Array], bool],
        malloc: Callable[[int], int | None],
    ) -> None:
        self.profile, self.world, self.rules = profile, world, Rules(profile)
        self.memory = Memory(at.PAGES * at.PAGE, range(at.LOW.stop, at.HIGH.start))
        self.handles: dict[int, tuple[str, Any]] = {}
        self.sources: dict[str, Source] = {}
        self.phase = ""
        """The hook that ran last, or runs."""
        self.has_callback = True
        self._emit, self._malloc = emit, malloc

    # -- where the gadget is in its life

    @property
    def started(self) -> bool:
        """Whether gadgetStart has begun."""
        return self.phase in ("gadgetStart", "gadgetStop", "gadgetPostStop")

    @property
    def over(self) -> bool:
        """Whether every handle is gone for good."""
        return self.phase == "gadgetPostStop"

    @property
    def early(self) -> bool:
        """Whether upstream does not know the instance yet."""
        return self.phase.startswith("_") and self.quirk("early-calls")

    # -- what arguments stand for

    def changed(self, change: str) -> bool:
        return self.profile.changed(change)

    def quirk(self, quirk: str) -> bool:
        return self.profile.quirk(quirk)

    def find(self, handle: int, *kinds: str) -> Any:
        """What a handle stands for; Failed when it is none of these kinds."""
        kind, what = self.handles.get(handle, ("", None))
        if kind not in kinds:
            raise Failed
        return what

    def data(self, handle: int) -> Element:
        """The element a data handle stands for."""
        found: Element
        if handle < ELEMENT_BIT or not self.changed("element-handles"):
            found = self.find(handle, "single", "data")
            return found
        array: Array = self.find(handle & 0xFFFF, "array")
        index = handle >> INDEX_SHIFT & INDEX_MOST
        if index >= len(array.elements):
            raise Failed
        return array.elements[index]

    def text(self, packed: int) -> str:
        """A string argument."""
        return self.raw(packed).decode("utf-8", "surrogateescape")

    def raw(self, packed: int) -> bytes:
        """A bytes argument."""
        return self.memory.read(packed & U32, packed >> 32) if packed else b""

    def put(self, packed: int, data: bytes, *, early: bool = True) -> None:
        """Write into a destination; `early`: by way of the instance, which upstream does not know at first."""
        address, size = packed & U32, packed >> 32
        if early and self.early and not (self.memory.holds(address, size) and len(data) <= size):
            raise Unsaid("what is checked before the instance is missed")
        if early and self.early:
            raise Trapped
        if not self.quirk("destination-bounds") and not self.memory.holds(address, size):
            raise Failed
        if len(data) > size:
            raise Failed
        self.memory.write(address, data)

    def spoil(self, packed: int) -> None:
        """A call that is not modelled writes there."""
        address, size = packed & U32, packed >> 32
        if not self.memory.holds(address, size):
            return
        if size and address < at.HIGH.start and address + size > at.LOW.stop:
            raise Unsaid("the interpreter's own memory is overwritten")
        self.memory.unknown.append(range(address, address + size))

    def give(self, data: bytes) -> int:
        """A result in memory of the guest's malloc."""
        if self.early:
            raise Trapped
        address = self._malloc(len(data))
        if address is None or (address == 0 and not self.quirk("malloc-gives-null")):
            raise Failed
        self.memory.write(address, data)
        return len(data) << 32 | address

    def room(self) -> None:
        """Fail when there would be no handle for what is to be made."""
        if self.over and self.quirk("post-stop-handles"):
            return  # and the handle, if it comes to that, makes the guest trap
        if self.over or len(self.handles) >= MOST_HANDLES:
            if self.profile.strict:
                raise Unsaid("what is left behind when there is no handle for it")
            raise Failed
