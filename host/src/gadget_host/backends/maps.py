"""eBPF maps in memory: what getMap finds and newMap makes, and how a test or a program fills them.

::

    counts = gadget.maps.create("counts", type="hash", key_size=4, value_size=8, max_entries=1024)
    counts.put(17, 1)                    # ints are packed little-endian; bytes go as they are
    gadget.maps["counts"].get(17)        # b"\\x01\\x00..."; None without such a key
    dict(gadget.maps["counts"].items())

A guest sees exactly what it would see of kernel maps through bpf(2): sizes, flags, limits and failures are
the kernel's. What the guest itself made with newMap is in ``gadget.maps.created``.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakSet

from gadget_abi import EmbedderError

from ._indexed import ArrayMap, PerCPUArrayMap
from ._keyed import HashMap, LPMTrieMap, LRUHashMap, LRUPerCPUHashMap, PerCPUHashMap, StackTraceMap
from ._map import Map
from ._nested import ArrayOfMaps, HashOfMaps, MapOfMaps, OpaqueArray, RingBuffer
from ._percpu import PerCPU
from ._queued import BloomFilterMap, QueueMap, StackMap
from ._spec import ANY, EXIST, LOCK, MAP_TYPES, NOEXIST, MapError, MapSpec, map_type
from .perf import PerfEventArray

__all__ = [
    "ANY",
    "EXIST",
    "LOCK",
    "MAP_TYPES",
    "NOEXIST",
    "Map",
    "MapError",
    "MapOfMaps",
    "MapRef",
    "MapRegistry",
    "MapSpec",
    "PerCPU",
    "create_map",
    "map_type",
]

#: Most memory the kernel would set aside for the maps a guest holds at a time, in bytes.
MEMORY_LIMIT = 256 << 20

_CLASSES: dict[str, type[Map]] = {
    "Hash": HashMap,
    "Array": ArrayMap,
    "ProgramArray": OpaqueArray,
    "PerfEventArray": PerfEventArray,
    "PerCPUHash": PerCPUHashMap,
    "PerCPUArray": PerCPUArrayMap,
    "StackTrace": StackTraceMap,
    "CGroupArray": OpaqueArray,
    "LRUHash": LRUHashMap,
    "LRUPerCPUHash": LRUPerCPUHashMap,
    "LPMTrie": LPMTrieMap,
    "ArrayOfMaps": ArrayOfMaps,
    "HashOfMaps": HashOfMaps,
    "Queue": QueueMap,
    "Stack": StackMap,
    "RingBuf": RingBuffer,
    "BloomFilter": BloomFilterMap,
    "UserRingBuf": RingBuffer,
}
_LOCKABLE = {"Hash", "Array"}
_NEEDS_FLAGS = {"LPMTrie"}  # BPF_F_NO_PREALLOC, which newMap does not pass


@dataclass(eq=False)
class MapRef:
    """What a map handle of a guest stands for; each handle has its own, as each has its own descriptor
    upstream.

    Args:
        map: the map.
        created: the handle is one that newMap returned, so mapRelease takes it.
    """

    map: Map
    created: bool = False


class MapRegistry:
    """The maps of a gadget, by name.

    Args:
        cpus: number of possible CPUs, for per-CPU maps and perf event arrays; this machine's when left out.
        memory_limit: bytes of map memory the guest may hold through newMap, as the kernel would count them.
    """

    def __init__(self, *, cpus: int | None = None, memory_limit: int = MEMORY_LIMIT) -> None:
        self.cpus = cpus or os.cpu_count() or 1
        self.memory_limit = memory_limit
        self._maps: dict[str, Map] = {}
        self._created: WeakSet[Map] = WeakSet()

    def create(
        self,
        name: str,
        *,
        type: int | str = "Hash",
        key_size: int = 4,
        value_size: int = 4,
        max_entries: int = 1024,
        inner: Map | MapSpec | None = None,
        spin_lock: bool = False,
    ) -> Map:
        """Make a map and register it: getMap finds it under ``name``.

        Args:
            name: replaces a map of the same name (handles to the old one keep working).
            type: as in the table or the kernel ("LRUHash", "lru_hash", 9).
            key_size: bytes; 0 for queue, stack, Bloom filter and ring buffers.
            value_size: bytes (per CPU, for a per-CPU map); ignored for perf event arrays and maps of maps.
            max_entries: the most it holds; 0 in a perf event array means one per CPU.
            inner: for a map of maps, a map or spec that says what may be put in.
            spin_lock: values hold a bpf_spin_lock, so updates may carry the flag Lock.

        Raises:
            EmbedderError: the kernel would refuse it (then a MapError), or there is no stand-in for the type.
        """
        number = map_type(type)
        inner_spec = inner.spec if isinstance(inner, Map) else inner
        spec = MapSpec(number, key_size, value_size, max_entries, self.cpus, inner_spec, spin_lock)
        if spin_lock and spec.type_name not in _LOCKABLE:
            raise EmbedderError(f"a {spec.type_name} map has no spin locks")
        return self.add(create_map(name, spec))

    def add(self, map: Map, name: str | None = None) -> Map:
        """Register a map that is there already, for example another gadget's."""
        self._maps[map.name if name is None else name] = map
        return map

    def remove(self, name: str) -> None:
        """Take a map out of the registry; handles to it keep working."""
        del self[name]

    def new(
        self, name: str, type: int, key_size: int, value_size: int, max_entries: int, *, clean: bool = True
    ) -> Map:
        """What newMap does: make a map for the guest, not registered under its name.

        Args:
            name: only what comes before a NUL, and of that 15 bytes at most.
            type: number of the type.
            key_size: bytes.
            value_size: bytes.
            max_entries: the most it holds.
            clean: leave out of the name what the kernel does not take, instead of having it refuse that.

        Raises:
            EmbedderError: unknown type, no stand-in for it, a name or sizes the kernel would refuse
                (MapError), or more than ``memory_limit`` bytes in all (MapError, ENOMEM).
        """
        spec = MapSpec(map_type(type), key_size, value_size, max_entries, self.cpus)
        if spec.type_name in _NEEDS_FLAGS:
            raise MapError(
                errno.EINVAL, f"a {spec.type_name} needs the flag BPF_F_NO_PREALLOC, which newMap cannot pass"
            )
        room = self.memory_limit - sum(map.memory for map in self._created)
        made = create_map(_cleaned(name) if clean else _checked(name), spec, room=room)
        self._created.add(made)
        return made

    @property
    def created(self) -> tuple[Map, ...]:
        """The maps the guest made and still holds, or keeps in a map of maps."""
        return tuple(self._created)

    def get(self, name: str) -> Map | None:
        """The map of that name, None when there is none."""
        return self._maps.get(name)

    def __getitem__(self, name: str) -> Map:
        return self._maps[name]

    def __delitem__(self, name: str) -> None:
        del self._maps[name]

    def __contains__(self, name: object) -> bool:
        return name in self._maps

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._maps))

    def __len__(self) -> int:
        return len(self._maps)


def _cleaned(name: str) -> str:
    """What upstream's library makes of a name (sanitizeName, BPF_OBJ_NAME_LEN): the kernel takes that."""
    return re.sub(r"[^A-Za-z0-9_.]", "", name[:4096])[:15]


def _checked(name: str) -> str:
    """The name as the kernel takes it or not (bpf_obj_name_cpy), whose letters are those of Latin-1."""
    given = name[:4096].encode("utf-8", "surrogateescape")[:15].partition(b"\0")[0].decode("latin-1")
    if odd := re.sub(r"[A-Za-z0-9_.\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff]", "", given):
        raise MapError(errno.EINVAL, f"the kernel takes no {odd[0]!r} in the name of a map")
    return given


def create_map(name: str, spec: MapSpec, room: int | None = None) -> Map:
    """Make a map that is registered nowhere.

    Args:
        name: for messages.
        spec: what it is to be.
        room: bytes it may take; None means any.

    Raises:
        EmbedderError: there is no stand-in for the type; or, a MapError, the kernel would refuse it, or it
            takes more than ``room``.
    """
    if (cls := _CLASSES.get(spec.type_name)) is None:
        raise EmbedderError(f"maps of type {spec.type_name} have no stand-in outside the kernel")
    spec = cls.fix_spec(spec)
    cls.check_spec(spec)
    if room is not None and (memory := cls.memory_of(spec)) > room:
        raise MapError(errno.ENOMEM, f"a map of {memory} bytes is more than the {max(room, 0)} that are left")
    return cls(name, spec)
