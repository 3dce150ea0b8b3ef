"""Maps found by index: arrays, which are there from the start, all zeros, and their per-CPU form.

Rules: kernel/bpf/arraymap.c; checked against a running kernel by the tests.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

from ._map import Map
from ._percpu import PerCPU
from ._spec import ANY, NOEXIST, MapError, MapSpec, round_up

__all__ = ["ArrayMap", "PerCPUArrayMap", "check_array"]

_INT_MAX = (1 << 31) - 1


def check_array(spec: MapSpec) -> None:
    """What holds of every map with an index: keys of 4 bytes, values and entries that are not 0."""
    if spec.key_size != 4 or not spec.value_size or not spec.max_entries:
        raise MapError(errno.EINVAL, "an array has keys of 4 bytes; value size and max entries must not be 0")
    if spec.value_size > _INT_MAX:
        raise MapError(errno.E2BIG, f"values of {spec.value_size} bytes cannot be")


class ArrayMap(Map):
    """Index (u32) to value. Every index below max_entries exists; none can be deleted."""

    def __init__(self, name: str, spec: MapSpec) -> None:
        super().__init__(name, spec)
        self._bytes = bytearray(self.memory)

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """Keys of 4 bytes, values and entries that are not 0."""
        check_array(spec)

    @classmethod
    def memory_of(cls, spec: MapSpec) -> int:
        """All values, each rounded up to 8 bytes."""
        return spec.max_entries * round_up(cls.stored_size_of(spec))

    def lookup_elem(self, key: bytes) -> bytes:
        if (at := self._offset(key)) is None:
            raise MapError(errno.ENOENT, f"index {self._index(key)} is beyond array {self.name!r}")
        return bytes(self._bytes[at : at + self.stored_size])

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        self._check_key(key)
        self._check_value(value)
        self._check_flags(flags)
        if (at := self._offset(key)) is None:
            raise MapError(errno.E2BIG, f"index {self._index(key)} is beyond array {self.name!r}")
        if flags & NOEXIST:
            raise MapError(errno.EEXIST, "every index of an array exists")
        self._bytes[at : at + self.stored_size] = value

    def delete_elem(self, key: bytes) -> None:
        self._check_key(key)
        raise MapError(errno.EINVAL, "an array does not delete")

    def keys(self) -> Iterator[bytes]:
        return (index.to_bytes(4, "little") for index in range(self.spec.max_entries))

    def __len__(self) -> int:
        return self.spec.max_entries

    def _index(self, key: bytes) -> int:
        return int.from_bytes(key, "little")

    def _offset(self, key: bytes) -> int | None:
        self._check_key(key)
        index = self._index(key)
        return index * round_up(self.stored_size) if index < self.spec.max_entries else None


class PerCPUArrayMap(PerCPU, ArrayMap):
    """An array with one value for each possible CPU."""
