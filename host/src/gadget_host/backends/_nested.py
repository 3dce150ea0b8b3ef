"""Maps of maps, and the types whose values no guest may see.

bpf(2) takes a file descriptor when a map of maps is updated and gives a map's id when it is read; the ABI
puts a handle in the place of both. Here the value is the ``Map`` itself.

Rules: kernel/bpf/map_in_map.c, arraymap.c, hashtab.c; checked against a running kernel by the tests.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import replace

from gadget_abi import EmbedderError

from ._indexed import check_array
from ._map import Map
from ._spec import ANY, EXIST, MAP_TYPES, NOEXIST, MapError, MapSpec, Scalar

__all__ = ["ArrayOfMaps", "HashOfMaps", "MapOfMaps", "OpaqueArray", "RingBuffer"]

_UNNESTABLE = {MAP_TYPES[name] for name in ("ArrayOfMaps", "HashOfMaps", "ProgramArray")}
_INDEXED = {MAP_TYPES[name] for name in ("Array", "PerCPUArray")}
_PAGE = 4096


class MapOfMaps(Map):
    """Key to map. ``put`` and ``get_map`` are the program side, ``lookup_map`` and ``update_map`` bpf(2)."""

    def __init__(self, name: str, spec: MapSpec) -> None:
        super().__init__(name, spec)
        self._maps: dict[bytes, Map] = {}

    @classmethod
    def fix_spec(cls, spec: MapSpec) -> MapSpec:
        """Value size 0 means 4."""
        return replace(spec, value_size=spec.value_size or 4)

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """Values of 4 bytes, and an inner map that says what may be put in."""
        if spec.value_size != 4:
            raise MapError(errno.EINVAL, "a map of maps has values of 4 bytes")
        if spec.inner is None:
            raise MapError(errno.EINVAL, f"{spec.type_name} needs an inner map, which newMap cannot name")
        if spec.inner.type in _UNNESTABLE:
            raise MapError(errno.EINVAL, f"a {spec.inner.type_name} cannot be inside a map")

    def lookup_map(self, key: bytes) -> Map:
        """The map under a key. Raises MapError(ENOENT)."""
        self._check_key(key)
        if (found := self._maps.get(key)) is None:
            raise self._no_key(key)
        return found

    def update_map(self, key: bytes, value: Map, flags: int = ANY) -> None:
        """Put a map like ``spec.inner`` under a key. Raises MapError as update_elem does."""
        self._check_key(key)
        self._check_slot(key, value, flags)
        self._maps[key] = value

    def delete_elem(self, key: bytes) -> None:
        self._check_key(key)
        if self._maps.pop(key, None) is None:
            raise self._no_key(key)

    def get_map(self, key: Scalar) -> Map | None:
        """The map under a key, None when there is none."""
        return self._maps.get(self.pack_key(key))

    def put(self, key: Scalar, value: object, flags: int = ANY) -> None:
        """Put a ``Map`` under a key."""
        if not isinstance(value, Map):
            raise EmbedderError(f"the values of map {self.name!r} are maps, not {type(value).__name__}")
        self.update_map(self.pack_key(key), value, flags)

    def maps(self) -> Iterator[tuple[bytes, Map]]:
        """Every key with its map."""
        return iter(list(self._maps.items()))

    def keys(self) -> Iterator[bytes]:
        return iter(list(self._maps))

    def __contains__(self, key: Scalar) -> bool:
        return self.pack_key(key) in self._maps

    def __len__(self) -> int:
        return len(self._maps)

    def _check_fit(self, value: Map) -> None:
        inner, spec = self.spec.inner, value.spec
        assert inner is not None  # check_spec saw to it
        same = (inner.type, inner.key_size, inner.value_size) == (spec.type, spec.key_size, spec.value_size)
        if not same or (spec.type in _INDEXED and inner.max_entries != spec.max_entries):
            raise MapError(errno.EINVAL, f"{value!r} is not like the inner map of {self.name!r}")

    def _check_slot(self, key: bytes, value: Map, flags: int) -> None:
        raise NotImplementedError

    def _no_key(self, key: bytes) -> MapError:
        return MapError(errno.ENOENT, f"map {self.name!r} has no key {key[:16].hex()}")


class HashOfMaps(MapOfMaps):
    """Any key to a map."""

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """As a hash, with values of 4 bytes."""
        super().check_spec(spec)
        if not spec.key_size or not spec.max_entries:
            raise MapError(errno.EINVAL, "key size and max entries of a hash must not be 0")

    def _check_slot(self, key: bytes, value: Map, flags: int) -> None:
        self._check_fit(value)
        self._check_flags(flags)
        known = key in self._maps
        if known and flags & NOEXIST:
            raise MapError(errno.EEXIST, f"map {self.name!r} has key {key[:16].hex()}")
        if not known and flags & EXIST:
            raise self._no_key(key)
        if not known and len(self._maps) >= self.spec.max_entries:
            raise MapError(errno.E2BIG, f"map {self.name!r} is full with {self.spec.max_entries} entries")


class ArrayOfMaps(MapOfMaps):
    """Index (u32) to a map. The slots are empty at first, and can be emptied."""

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """As an array, with values of 4 bytes."""
        super().check_spec(spec)
        check_array(spec)

    def delete_elem(self, key: bytes) -> None:
        self._check_index(key)
        super().delete_elem(key)

    def _check_slot(self, key: bytes, value: Map, flags: int) -> None:
        if flags != ANY:
            raise MapError(errno.EINVAL, "an array of maps takes no update flags")
        self._check_index(key)
        self._check_fit(value)

    def _check_index(self, key: bytes) -> None:
        self._check_key(key)
        if int.from_bytes(key, "little") >= self.spec.max_entries:
            raise MapError(errno.E2BIG, f"index {int.from_bytes(key, 'little')} is beyond {self.name!r}")


class OpaqueArray(Map):
    """An array of programs, perf events or cgroups: file descriptors, which the ABI keeps from guests."""

    accessible = False

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """As an array, with values of 4 bytes."""
        if spec.value_size != 4:
            raise MapError(errno.EINVAL, f"a {spec.type_name} has values of 4 bytes")
        check_array(spec)

    def lookup_elem(self, key: bytes) -> bytes:
        """A program array has no program to name; of the others the kernel tells nothing."""
        if self.spec.type != MAP_TYPES["ProgramArray"]:
            return super().lookup_elem(key)
        self._check_key(key)
        raise self._empty(key)

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        """Refuse: a value is a file descriptor, and nobody has one."""
        self._check_index(key)
        self._check_value(value)
        raise MapError(errno.EBADF, f"{int.from_bytes(value, 'little')} is no file descriptor")

    def delete_elem(self, key: bytes) -> None:
        """Nothing is ever in a slot."""
        self._check_index(key)
        raise self._empty(key)

    def _check_index(self, key: bytes) -> None:
        self._check_key(key)
        if int.from_bytes(key, "little") >= self.spec.max_entries:
            raise MapError(errno.E2BIG, f"index {int.from_bytes(key, 'little')} is beyond {self.name!r}")

    def _empty(self, key: bytes) -> MapError:
        return MapError(errno.ENOENT, f"slot {int.from_bytes(key, 'little')} of {self.name!r} is empty")


class RingBuffer(Map):
    """A ring buffer, shared memory upstream: bpf(2) has no look-up, update or delete for it."""

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """No keys, no values; max_entries bytes, a power of two and whole pages."""
        pages, rest = divmod(spec.max_entries, _PAGE)
        if spec.key_size or spec.value_size or rest or not pages or pages & (pages - 1):
            raise MapError(
                errno.EINVAL,
                "a ring buffer has no key or value size, and max entries 2^n pages of 4096 bytes",
            )
