"""Maps found by key: hash, LRU hash, longest-prefix-match trie, stack traces, and the per-CPU forms of
hashes.

Rules: kernel/bpf/hashtab.c, lpm_trie.c, stackmap.c; checked against a running kernel by the tests.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from typing import ClassVar

from ._map import Map
from ._percpu import PerCPU
from ._spec import ANY, EXIST, NOEXIST, MapError, MapSpec, Scalar, pack

__all__ = ["HashMap", "LPMTrieMap", "LRUHashMap", "LRUPerCPUHashMap", "PerCPUHashMap", "StackTraceMap"]

_KMALLOC_MAX = 4 << 20  # KMALLOC_MAX_SIZE: what one element may measure
_ELEMENT = 48  # sizeof(struct htab_elem)


class HashMap(Map):
    """Any key to any value; full is E2BIG."""

    def __init__(self, name: str, spec: MapSpec) -> None:
        super().__init__(name, spec)
        self._entries: dict[bytes, bytes] = {}

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """Sizes and max_entries must not be 0; an element must fit one kernel allocation."""
        if not (spec.key_size and spec.value_size and spec.max_entries):
            raise MapError(errno.EINVAL, "key size, value size and max entries of a hash must not be 0")
        if spec.key_size + spec.value_size >= _KMALLOC_MAX - _ELEMENT or spec.max_entries > 1 << 31:
            raise MapError(errno.E2BIG, "a hash of that size cannot be")

    @classmethod
    def memory_of(cls, spec: MapSpec) -> int:
        """Every element is set aside in advance."""
        return super().memory_of(spec) + spec.max_entries * _ELEMENT

    def lookup_elem(self, key: bytes) -> bytes:
        self._check_key(key)
        if (value := self._entries.get(key)) is None:
            raise self._no_key(key)
        return value

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        self._check_key(key)
        self._check_value(value)
        self._check_flags(flags)
        known = key in self._entries
        if known and flags & NOEXIST:
            raise MapError(errno.EEXIST, f"map {self.name!r} has key {key[:16].hex()}")
        if not known and flags & EXIST:
            raise self._no_key(key)
        if not known and len(self._entries) >= self.spec.max_entries:
            self._make_room()
        self._entries[key] = bytes(value)

    def delete_elem(self, key: bytes) -> None:
        self._check_key(key)
        if self._entries.pop(key, None) is None:
            raise self._no_key(key)

    def keys(self) -> Iterator[bytes]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def _make_room(self) -> None:
        raise MapError(errno.E2BIG, f"map {self.name!r} is full with {self.spec.max_entries} entries")

    def _no_key(self, key: bytes) -> MapError:
        return MapError(errno.ENOENT, f"map {self.name!r} has no key {key[:16].hex()}")


class LRUHashMap(HashMap):
    """A hash that is never full: it gives up the entry updated longest ago.

    As in the kernel, a look-up through bpf(2) does not make an entry young. The kernel's choice is
    approximate (lists per CPU, eviction in batches, so it may hold fewer than max_entries); this one is
    exact.
    """

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        super().update_elem(key, value, flags)
        self._entries[key] = self._entries.pop(key)

    def _make_room(self) -> None:
        del self._entries[next(iter(self._entries))]


class PerCPUHashMap(PerCPU, HashMap):
    """A hash with one value for each possible CPU."""


class LRUPerCPUHashMap(PerCPU, LRUHashMap):
    """An LRU hash with one value for each possible CPU."""


class LPMTrieMap(HashMap):
    """Longest prefix match. A key is a u32 (little-endian) prefix length in bits, then the data, most
    significant first.

    Guests cannot create one (newMap passes no flags, and a trie needs BPF_F_NO_PREALLOC); they may use one.
    """

    _MAX_DATA: ClassVar[int] = 256
    _MAX_VALUE: ClassVar[int] = _KMALLOC_MAX - _MAX_DATA - 40  # sizeof(struct lpm_trie_node)

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """1 to 256 bytes of data behind the prefix length."""
        sizes = 5 <= spec.key_size <= 4 + cls._MAX_DATA and 1 <= spec.value_size <= cls._MAX_VALUE
        if not sizes or not spec.max_entries:
            raise MapError(errno.EINVAL, "a trie has keys of 5 to 260 bytes, values and entries")

    def lookup_elem(self, key: bytes) -> bytes:
        self._check_key(key)
        if int.from_bytes(key[:4], "little") > 8 * (len(key) - 4):
            raise self._no_key(key)  # not EINVAL, as for the others
        for bits in range(self._prefix(key), -1, -1):
            if (value := self._entries.get(self._masked(key, bits))) is not None:
                return value
        raise self._no_key(key)

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        self._check_key(key)
        super().update_elem(self._masked(key, self._prefix(key)), value, flags)

    def delete_elem(self, key: bytes) -> None:
        self._check_key(key)
        super().delete_elem(self._masked(key, self._prefix(key)))

    def _make_room(self) -> None:
        raise MapError(errno.ENOSPC, f"map {self.name!r} is full with {self.spec.max_entries} entries")

    def _prefix(self, key: bytes) -> int:
        bits = int.from_bytes(key[:4], "little")
        if bits > 8 * (len(key) - 4):
            raise MapError(errno.EINVAL, f"a prefix of {bits} bits in {len(key) - 4} bytes")
        return bits

    def _masked(self, key: bytes, bits: int) -> bytes:
        data, width = int.from_bytes(key[4:], "big"), 8 * (len(key) - 4)
        mask = (1 << width) - (1 << (width - bits))
        return bits.to_bytes(4, "little") + (data & mask).to_bytes(width // 8, "big")


class StackTraceMap(HashMap):
    """Stack id to instruction pointers (u64 each). The program side adds; bpf(2) reads and deletes."""

    _MAX_DEPTH: ClassVar[int] = 127  # kernel.perf_event_max_stack

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """Keys of 4 bytes, values of 1 to 127 addresses."""
        depth, rest = divmod(spec.value_size, 8)
        if spec.key_size != 4 or rest or not 1 <= depth <= cls._MAX_DEPTH or not spec.max_entries:
            raise MapError(errno.EINVAL, "a stack trace map has keys of 4 bytes and values of 1 to 127 u64")

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        """Refused, as the kernel does."""
        raise MapError(errno.EINVAL, "stack traces come from the eBPF program; they cannot be updated")

    def delete_elem(self, key: bytes) -> None:
        self._check_bucket(key)
        super().delete_elem(key)

    def pack_value(self, value: Scalar | Sequence[Scalar]) -> bytes:
        """Addresses, innermost first; a shorter stack is filled up with zeros."""
        stack = [value] if isinstance(value, int) else value
        if not isinstance(stack, bytes | bytearray | memoryview):
            stack = b"".join(pack(address, 8, "stack trace") for address in stack)
        return bytes(stack).ljust(self.stored_size, b"\0")

    def put(self, key: Scalar, value: Scalar | Sequence[Scalar], flags: int = ANY) -> None:
        """Add a stack (bytes or addresses), as bpf_get_stackid does."""
        self._check_bucket(self.pack_key(key))
        super().update_elem(self.pack_key(key), self.pack_value(value), flags)

    def _check_bucket(self, key: bytes) -> None:
        self._check_key(key)
        if int.from_bytes(key, "little") >= 1 << (self.spec.max_entries - 1).bit_length():
            raise MapError(errno.E2BIG, f"map {self.name!r} has no room for stack id {key[:16].hex()}")
