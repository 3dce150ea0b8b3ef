"""Perf event arrays and their readers: per-CPU rings that the program side writes and a guest reads.

::

    gadget.perf.create("events")                     # a perf event array that getMap finds
    gadget.perf.output("events", b"...", cpu=0)      # as bpf_perf_event_output; False when nobody listens

Rules: kernel/events/ring_buffer.c and cilium/ebpf's perf.Reader (the library behind upstream's perfReader
functions), which was run on a kernel to see them:

* a ring holds round_up(size, 4096) bytes, rounded up to a power of two; a record takes 8 bytes of header, a
  u32 length and the sample, together padded to 8. The guest is given the padding as well: round_up(n + 4, 8)
  - 4 bytes for a sample of n.
* an overwritable ring keeps the newest records and is read only while paused: from the last CPU to the first,
  in each the newest record first. What was read, or passed over by a later pause, does not come again.
* other rings refuse records when full and say afterwards how many were lost; they are read from the last CPU
  to the first, in each the oldest record first.
* while a reader is paused, and before there is one, records are lost. A second reader takes over the array.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import ref

from gadget_abi import EmbedderError

from ._map import Map
from ._nested import OpaqueArray
from ._spec import MapError, MapSpec, round_up

if TYPE_CHECKING:
    from .maps import MapRegistry

__all__ = ["PerfEventArray", "PerfEvents", "PerfReader"]

_HEADER = 8  # struct perf_event_header
_LOST = 24  # a PERF_RECORD_LOST: header, id, count
_MAX_RECORD = 0xFFFF  # the header's size is a u16
_PAGE = 4096
_MAX_RING = 1 << 30  # what can be mapped


class _Ring:
    """The ring of one CPU: records oldest first; an int is a count of lost records."""

    def __init__(self, size: int, overwritable: bool) -> None:
        self.size, self.overwritable = size, overwritable
        self.records: deque[bytes | int] = deque()
        self.used = self.lost = 0

    def write(self, sample: bytes) -> bool:
        """Add a record; False when there is no room for it."""
        need, room = _cost(sample), self.size
        if not self.overwritable:
            need += _LOST if self.lost else 0
            room -= self.used
        if need > room:
            self.lost += 0 if self.overwritable else 1
            return False
        if self.lost:
            self._append(self.lost)
            self.lost = 0
        self._append(sample)
        while self.used > self.size:
            self.used -= _cost(self.records.popleft())
        return True

    def take(self) -> list[bytes | int]:
        """The unread records in reading order. Those of an overwritable ring are gone from it then."""
        taken = list(self.records)
        self.records.clear()
        if self.overwritable:
            self.used = 0
            taken.reverse()
        return taken

    def free(self, record: bytes | int) -> None:
        """Give back the room of a record that was read."""
        if not self.overwritable:
            self.used -= _cost(record)

    def _append(self, record: bytes | int) -> None:
        self.records.append(record)
        self.used += _cost(record)


def _cost(record: bytes | int) -> int:
    return _LOST if isinstance(record, int) else _HEADER + 4 + len(record)


def _padded(sample: bytes) -> bytes:
    return sample.ljust(round_up(len(sample) + 4) - 4, b"\0")


class PerfEventArray(OpaqueArray):
    """A map of type PerfEventArray: for each CPU, the reader whose ring takes what is output there."""

    def __init__(self, name: str, spec: MapSpec) -> None:
        super().__init__(name, spec)
        self._readers: list[ref[PerfReader] | None] = [None] * spec.max_entries
        self._waiting: list[tuple[int, bytes]] = []

    @classmethod
    def fix_spec(cls, spec: MapSpec) -> MapSpec:
        """Key and value size 0 mean 4; there is at most one entry per CPU, and 0 entries mean all CPUs."""
        entries = min(spec.max_entries or spec.cpus, spec.cpus)
        return replace(
            spec, key_size=spec.key_size or 4, value_size=spec.value_size or 4, max_entries=entries
        )

    def output(self, data: bytes, cpu: int = 0, *, wait: bool = False) -> bool:
        """Write a record, as bpf_perf_event_output does on a CPU.

        Args:
            data: the sample.
            cpu: which CPU's ring.
            wait: when no reader is there yet, keep the record for the next one instead of losing it.

        Returns:
            Whether a ring (or the waiting list) took it.

        Raises:
            EmbedderError: no such CPU, or a sample that no record can hold (about 64 KiB).
        """
        sample = _padded(bytes(data))
        if not 0 <= cpu < self.spec.max_entries:
            raise EmbedderError(
                f"perf event array {self.name!r} has CPUs 0 to {self.spec.max_entries - 1}, not {cpu}"
            )
        if _cost(sample) > _MAX_RECORD:
            raise EmbedderError(f"a sample of {len(data)} bytes is too long for a perf record")
        at = self._readers[cpu]
        if (reader := at() if at else None) is not None:
            return reader.rings[cpu].write(sample)
        if wait:
            self._waiting.append((cpu, bytes(data)))
        return wait

    def attach(self, reader: PerfReader) -> None:
        """Have a reader take the records of all CPUs from now on, and first those that waited."""
        self._readers = [ref(reader)] * self.spec.max_entries
        waiting, self._waiting = self._waiting, []
        for cpu, data in waiting:
            self.output(data, cpu)

    def detach(self, reader: PerfReader | None = None) -> None:
        """Have nobody take records; or not ``reader``, if it is the one."""
        self._readers = [at if reader and at and at() is not reader else None for at in self._readers]


class PerfReader:
    """Reads a perf event array; what a handle of a perf reader stands for.

    Args:
        array: the map.
        size: bytes per CPU, rounded up to pages and a power of two.
        overwritable: new records replace old ones; reading wants a pause.

    Raises:
        MapError: the map is no perf event array, or the size is impossible.
    """

    def __init__(self, array: Map, size: int, overwritable: bool) -> None:
        if not isinstance(array, PerfEventArray):
            raise MapError(
                errno.EINVAL, f"map {array.name!r} is a {array.spec.type_name}, not a perf event array"
            )
        if not 1 <= size <= _MAX_RING:
            raise MapError(errno.EINVAL if size < 1 else errno.ENOMEM, f"rings of {size} bytes cannot be")
        ring_size = _PAGE << (-(-size // _PAGE) - 1).bit_length()
        self.array, self.overwritable, self.ring_size = array, overwritable, ring_size
        self.rings = [_Ring(ring_size, overwritable) for _ in range(array.spec.max_entries)]
        self.paused = self.closed = False
        self._batch: list[tuple[_Ring, deque[bytes | int]]] = []
        self._lost = 0
        self.resume()

    def pause(self) -> None:
        """Take no more records; an overwritable reader can be read now."""
        self._check_open()
        self.array.detach()
        self.paused = True

    def resume(self) -> None:
        """Take records again."""
        self._check_open()
        self.paused = False
        self.array.attach(self)

    def read(self) -> bytes | None:
        """The next sample with its padding; None when there is none.

        Raises:
            MapError: EBADF (closed), EINVAL (overwritable and not paused).
        """
        self._check_open()
        if self.overwritable and not self.paused:
            raise MapError(errno.EINVAL, "an overwritable perf reader must be paused before it is read")
        while True:
            record = self._next()
            if isinstance(record, bytes):
                return record
            if record is not None:
                self._lost += record
            elif not self._load():
                return None

    def take_lost(self) -> int:
        """How many records were lost for want of room, as far as read; counted since the last call."""
        lost, self._lost = self._lost, 0
        return lost

    def close(self) -> None:
        """Take no more records, for good. Closing twice is nothing."""
        if not self.closed:
            self.closed = True
            self._batch.clear()
            self.array.detach(self)

    def _load(self) -> bool:
        """Look at the rings anew: what is in them now is read before anything that comes later."""
        self._batch = [(ring, deque(taken)) for ring in self.rings if (taken := ring.take())]
        return bool(self._batch)

    def _next(self) -> bytes | int | None:
        while self._batch:
            ring, records = self._batch[-1]
            if records:
                record = records.popleft()
                ring.free(record)
                return record
            self._batch.pop()
        return None

    def _check_open(self) -> None:
        if self.closed:
            raise MapError(errno.EBADF, "the perf reader is closed")


class PerfEvents:
    """The program side of perf event arrays: ``gadget.perf``.

    Args:
        maps: where the arrays are registered.
    """

    def __init__(self, maps: MapRegistry) -> None:
        self._maps = maps

    def create(self, name: str, *, max_entries: int = 0) -> PerfEventArray:
        """Make and register a perf event array with one entry per CPU (or fewer)."""
        self._maps.create(name, type="PerfEventArray", max_entries=max_entries)
        return self[name]

    def output(self, name: str, data: bytes, cpu: int = 0, *, wait: bool = False) -> bool:
        """Write a record to the array of that name; see ``PerfEventArray.output``."""
        return self[name].output(data, cpu, wait=wait)

    def feed(self, name: str, records: Iterable[bytes], cpu: int = 0) -> int:
        """Write records one after the other, waiting for a reader; gives how many were taken."""
        return sum(self.output(name, record, cpu, wait=True) for record in records)

    def __getitem__(self, name: str) -> PerfEventArray:
        found = self._maps.get(name)
        if not isinstance(found, PerfEventArray):
            raise EmbedderError(f"there is no perf event array {name!r}; create it with gadget.perf.create")
        return found
