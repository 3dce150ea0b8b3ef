"""eBPF maps: the gadget program's own, found by name, and new ones."""

from typing import Any, Generic, TypeVar, overload

from ._abi import MapFlags, MapType
from ._checks import encoded, u32, u64
from ._errors import HostError, NotFoundError
from ._handles import Handle, declare
from ._host import host
from ._kinds import Kind
from ._layouts import Layout, PerCPU

__all__ = ["InnerMap", "Map", "fixed", "map", "new_map"]

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

_MOST_CPUS = 1024
_MOST_BYTES = 1 << 20


class Map(Handle, Generic[K, V]):
    """A map, used like a dict: ``counts[key]``, ``counts.get(key)``, ``key in counts``, ``del counts[key]``.

    It cannot be iterated: the host has no call for it.

    Attributes:
        name: the map's name.
        key, value: the layouts.
    """

    __slots__ = ("_name", "key", "name", "value")

    __iter__ = None  # else Python would try m[0], m[1], ...

    def __init__(self, name: str, key: Layout[K], value: Layout[V]):
        super().__init__()
        self.name = name
        self._name = encoded(name)
        self.key = fixed(key)
        self.value = fixed(value)

    def __str__(self) -> str:
        return f"map {self.name!r}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def __getitem__(self, key: K) -> V:
        """The value of a key.

        Raises:
            KeyError: there is none. (The host does not say why a look-up fails: a value layout smaller than
                the map's values looks the same.)
        """
        raw_key, size = packed(self.key, key), self.value.size
        if isinstance(self.value, PerCPU):
            PerCPU.cpus = PerCPU.cpus or self._count_cpus(key, raw_key)
            size *= PerCPU.cpus
        raw = self._look_up(raw_key, size)
        if raw is None or (not any(raw) and self._is_missing(raw_key)):
            raise KeyError(key)
        return self.value.unpack(raw)

    def __contains__(self, key: K) -> bool:
        return self.get(key) is not None

    @overload
    def get(self, key: K) -> V | None: ...

    @overload
    def get(self, key: K, default: D) -> V | D: ...

    def get(self, key: K, default: Any = None) -> Any:
        """The value of a key, or the default if there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def __setitem__(self, key: K, value: V) -> None:
        """Set the value of a key, whether there is one or not. See put()."""
        self.put(key, value)

    def put(self, key: K, value: V, flags: MapFlags = MapFlags.Any) -> None:
        """Set the value of a key.

        Args:
            key: the key.
            value: the value.
            flags: ``gadget.MapFlags.NoExist`` (fail if the key is there), ``Exist`` (fail if it is not),
                ``Lock``.

        Raises:
            HostError: the host refuses: for the flags, because the map is full, or the layouts are not the
                map's.
        """
        raw_key, raw_value = packed(self.key, key), packed(self.value, value)
        if host.map_update(self.handle, raw_key, raw_value, u64(flags, "flags")):
            raise HostError("mapUpdate", f"the host refuses {key!r} ({flags!r}) in {self}")

    def __delitem__(self, key: K) -> None:
        """Remove a key.

        Raises:
            KeyError: it is not there, or cannot be removed (as from an array).
        """
        if host.map_delete(self.handle, packed(self.key, key)):
            raise KeyError(key)

    def _look_up(self, key: bytes, capacity: int) -> bytes | None:
        try:
            raw: bytes = host.map_lookup(self.handle, key, capacity)
        except host.Err:
            return None
        return raw

    def _is_missing(self, key: bytes) -> bool:
        # Inspektor Gadget answers the look-up of a missing key with success and writes nothing, which reads
        # as zeros. A value that is there does not fit in an empty buffer, and nothing does.
        return self._look_up(key, 0) is not None

    def _count_cpus(self, key: K, raw_key: bytes) -> int:
        """The smallest number of CPUs whose values are room enough for the host."""
        size = self.value.size
        too_few, enough = 0, min(_MOST_CPUS, _MOST_BYTES // size)
        if self._look_up(raw_key, enough * size) is None or self._is_missing(raw_key):
            raise KeyError(key)
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            if self._look_up(raw_key, middle * size) is None:
                too_few = middle
            else:
                enough = middle
        return enough

    def _fetch(self) -> int:
        handle: int = host.get_map(self._name)
        if not handle:
            raise NotFoundError("getMap", f"there is no {self}; maps are there from gadgetStart on")
        return handle


class NewMap(Map[K, V]):
    """A map of the gadget's own; close() closes it."""

    __slots__ = ("_max_entries", "_type")

    def __init__(self, name: str, type: MapType, key: Layout[K], value: Layout[V], max_entries: int):
        super().__init__(name, key, value)
        self._type = MapType(type)
        self._max_entries = u32(max_entries, "max_entries")

    def _fetch(self) -> int:
        each: Layout[Any] = self.value.each if isinstance(self.value, PerCPU) else self.value
        handle: int = host.new_map(self._name, self._type.value, self.key.size, each.size, self._max_entries)
        if not handle:
            raise HostError("newMap", f"the host could not create {self} of type {self._type.name}")
        return handle

    def _give_back(self, handle: int) -> None:
        if host.map_release(handle):
            raise HostError("mapRelease", f"the host could not close {self}")


class InnerMap(Layout[Map[K, V]]):
    """The values of a map of maps: they are maps.

    What a look-up gives is a Map with a handle of its own; it goes back when the object does, or with
    close(). Inspektor Gadget stops the gadget's call when a key is missing from a map of maps: look up what
    you have put.

    Args:
        key, value: layouts of the inner maps.
    """

    __slots__ = ("key", "value")

    def __init__(self, key: Layout[K], value: Layout[V]):
        self.size = 4
        self.key = fixed(key)
        self.value = fixed(value)

    def __repr__(self) -> str:
        return f"gadget.InnerMap({self.key!r}, {self.value!r})"

    def pack(self, value: Map[K, V]) -> bytes:
        """The handle of a map."""
        if not isinstance(value, Map):
            raise TypeError(f"{value!r} is no map")
        return value.handle.to_bytes(4, "little")

    def unpack(self, raw: bytes) -> Map[K, V]:
        """A map with this handle."""
        handle = int.from_bytes(raw, "little")
        if not handle:
            raise HostError("mapLookup", "no handle for the inner map: there are too many open handles")
        inner = Map("(inner)", self.key, self.value)
        inner._handle = handle
        return inner


def map(name: str, key: Layout[K], value: Layout[V]) -> Map[K, V]:
    """A map of the gadget's eBPF program.

    Args:
        name: as in the program.
        key, value: what the program's C types are: ``gadget.Uint32``, ``gadget.Struct("II16s")``,
            ``gadget.Raw(16)``, ``gadget.PerCPU(gadget.Uint64)``, ``gadget.InnerMap(key, value)``.

    Raises:
        NotFoundError: there is none (in gadgetStart, for one declared at module level; maps are there from
            then on).
    """
    found = Map(name, key, value)
    declare(lambda: found.handle, "gadgetStart")
    return found


def new_map(name: str, type: MapType, key: Layout[K], value: Layout[V], max_entries: int) -> Map[K, V]:
    """Create a map.

    Args:
        name: what the kernel calls it; at most 15 characters are of use there.
        type: ``gadget.MapType.Hash`` and so on.
        key, value: see map().
        max_entries: how many keys it has room for.

    Raises:
        HostError: the host refuses (in gadgetStart or at first use, for one declared at module level).
    """
    created = NewMap(name, type, key, value, max_entries)
    declare(lambda: created.handle, "gadgetStart")
    return created


def fixed(layout: Layout[V]) -> Layout[V]:
    """The layout, if it is one. Raises TypeError else: what the host is given depends on it."""
    if not isinstance(layout, Layout) or (isinstance(layout, Kind) and not layout.size):
        raise TypeError(
            f"not a layout: {layout!r}; keys, values and records have a fixed size: a kind of number such as "
            "gadget.Uint32, gadget.Struct(format), gadget.Raw(size)"
        )
    return layout


def packed(layout: Layout[V], value: V) -> bytes:
    """The bytes of a value. A layout need not be one of ours, and the host takes nothing but bytes."""
    raw = layout.pack(value)
    if type(raw) is not bytes:
        raise TypeError(f"{layout!r} made no bytes of {value!r}")
    return raw
