"""Maps without keys: queue, stack and Bloom filter. Key size is 0, so a guest passes an empty key.

Rules: kernel/bpf/queue_stack_maps.c, bloom_filter.c; checked against a running kernel by the tests.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator

from ._map import Map
from ._spec import ANY, EXIST, NOEXIST, MapError, MapSpec

__all__ = ["BloomFilterMap", "QueueMap", "StackMap"]

_KMALLOC_MAX = 4 << 20


def _check_keyless(spec: MapSpec) -> None:
    if spec.key_size or not spec.value_size or not spec.max_entries:
        raise MapError(
            errno.EINVAL, f"a {spec.type_name} has key size 0; value size and max entries must not be 0"
        )
    if spec.value_size > _KMALLOC_MAX:
        raise MapError(errno.E2BIG, f"values of {spec.value_size} bytes cannot be")


class QueueMap(Map):
    """First in, first out. A look-up peeks at the oldest value, an update pushes; bpf(2) has no delete for
    it.

    With the flag Exist a full queue gives up its oldest value to make room. Popping
    (BPF_MAP_LOOKUP_AND_DELETE_ELEM) is not in the guest's reach; the program side has ``pop``.
    """

    _next = 0  # where the next value to peek at or pop is

    def __init__(self, name: str, spec: MapSpec) -> None:
        super().__init__(name, spec)
        self._values: deque[bytes] = deque()

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """No keys; values and entries must not be 0."""
        _check_keyless(spec)

    def lookup_elem(self, key: bytes) -> bytes:
        self._check_key(key)
        if not self._values:
            raise MapError(errno.ENOENT, f"map {self.name!r} is empty")
        return self._values[self._next]

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        self._check_key(key)
        self._check_value(value)
        self._check_flags(flags)
        if flags & NOEXIST:
            raise MapError(errno.EINVAL, f"a {self.spec.type_name} does not take the flag NoExist")
        if len(self._values) >= self.spec.max_entries:
            if not flags & EXIST:
                raise MapError(errno.E2BIG, f"map {self.name!r} is full with {self.spec.max_entries} entries")
            self._values.popleft()
        self._values.append(bytes(value))

    def delete_elem(self, key: bytes) -> None:
        self._check_key(key)
        raise MapError(errno.EINVAL, f"a {self.spec.type_name} does not delete")

    def push(self, value: bytes | int, flags: int = ANY) -> None:
        """Add a value, as bpf_map_push_elem does."""
        self.update_elem(b"", self.pack_value(value), flags)

    def pop(self) -> bytes | None:
        """Take the next value out, as bpf_map_pop_elem does; None when it is empty."""
        if not self._values:
            return None
        value = self._values[self._next]
        del self._values[self._next]
        return value

    def keys(self) -> Iterator[bytes]:
        """One empty key while there is a value."""
        return iter([b""] if self._values else [])

    def __len__(self) -> int:
        return len(self._values)


class StackMap(QueueMap):
    """Last in, first out; otherwise a queue."""

    _next = -1


class BloomFilterMap(Map):
    """A set that can only be asked whether it holds a value, exact here instead of probable.

    Asking goes through the value buffer of a look-up, which is an input then; mapLookup has it as an output,
    so a guest cannot ask (upstream would always ask for the value of zeros). It can add values.
    """

    def __init__(self, name: str, spec: MapSpec) -> None:
        super().__init__(name, spec)
        self._values: set[bytes] = set()
        self._saturated = False  # more values than it was made for: it answers yes to everything

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """No keys; values and entries must not be 0."""
        _check_keyless(spec)

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        self._check_key(key)
        self._check_value(value)
        if flags != ANY:
            raise MapError(errno.EINVAL, "a Bloom filter takes no update flags")
        if len(self._values) >= self.spec.max_entries and value not in self._values:
            self._saturated = True
        if not self._saturated:
            self._values.add(bytes(value))

    def push(self, value: bytes | int) -> None:
        """Add a value, as bpf_map_push_elem does."""
        self.update_elem(b"", self.pack_value(value))

    def peek(self, value: bytes | int) -> bool:
        """Tell whether a value was added, as bpf_map_peek_elem does."""
        return self._saturated or self.pack_value(value) in self._values
