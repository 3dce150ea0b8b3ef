"""Collected events: from the plane's records to Python's dicts.

An event that was encoded from a dict comes back, the first time it is collected, as that dict or a copy of
it, patched with what was changed; every other one is decoded whole.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from .plane.layout import HANDLE_BITS
from .rows import Event

if TYPE_CHECKING:
    from .sources import Source

__all__ = ["Batch", "Collector", "Records"]

_RECORD: Final = struct.Struct("<5I")  # as in records.wat: bytes, collector, type, elements, origin
_PART: Final = struct.Struct("<3I")  # batch, origin, count
_CHANGE: Final = struct.Struct("<2I")  # slot, length
_ARRAY: Final = HANDLE_BITS["array"]


class Collector:
    """Takes what is emitted on its sources.

    An event is a dict, as `ig run -o json` prints it; one of an array source is a list of them.

    Args:
        flush: brings what the plane holds.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._groups: list[tuple[Source, list[Any]]] = []
        self._left_out: set[Source] = set()

    def drain(self) -> list[Any]:
        """The events since the last call, in the order of their emission."""
        return list(chain.from_iterable(events for _, events in self.drain_by_source()))

    def drain_by_source(self) -> list[tuple[Source, list[Any]]]:
        """The same with their sources: consecutive events of one source together."""
        self._flush()
        groups, self._groups = self._groups, []
        return groups

    def leave_out(self, source: Source) -> None:
        """Forget what was collected of a source, and take no more of it."""
        self._left_out.add(source)
        self._groups = [group for group in self._groups if group[0] is not source]

    def group(self, source: Source) -> list[Any]:
        """The list that the next events of a source go to."""
        if source in self._left_out:
            return []
        if not self._groups or self._groups[-1][0] is not source:
            self._groups.append((source, []))
        return self._groups[-1][1]


@dataclass(frozen=True, slots=True)
class Batch:
    """The events of one delivery as they were encoded, with how many slots; whether they may be reused."""

    events: Sequence[Any]
    wire: int
    reuse: bool


class Records:
    """Decodes records and hands the events to collectors."""

    def __init__(self) -> None:
        self.batches: dict[int, Batch] = {}
        self.count = 0
        self._collectors: list[tuple[Collector, Source]] = []

    def add(self, collector: Collector, source: Source) -> int:
        """The number under which records of a source are for a collector."""
        self._collectors.append((collector, source))
        return len(self._collectors) - 1

    def decode(self, data: bytes) -> None:
        """Decode records, from records.wat, in their order."""
        at, end, last = 0, len(data), -1
        while at < end:
            size, number, kind, elements, origin = _RECORD.unpack_from(data, at)
            if number != last:
                collector, source = self._collectors[number]
                group, last = collector.group(source), number
            if kind == _ARRAY:
                event: Any = self._array(source, data, at + _RECORD.size, elements, origin)
            else:
                event, _ = self._element(source, data, at + _RECORD.size, None)
            group.append(event)
            self.count += 1
            at += size

    def _array(self, source: Source, data: bytes, at: int, elements: int, origin: int) -> list[Event]:
        events = []
        for _ in range(elements):
            event, at = self._element(source, data, at, origin)
            events.append(event)
        return events

    def _element(self, source: Source, data: bytes, at: int, row: int | None) -> tuple[Event, int]:
        number, origin, count = _PART.unpack_from(data, at)
        at += _PART.size
        if not number:
            return source.codec().whole(count)(data, at)
        batch = self.batches[number]
        codec = source.codec(batch.wire)
        event: Event = batch.events[origin] if row is None else batch.events[row][origin]
        if not batch.reuse:
            event = codec.copy(event)
        codec.complete(event)
        for _ in range(count):
            slot, length = _CHANGE.unpack_from(data, at)
            at += _CHANGE.size
            codec.setters[slot](event, data[at : at + length])
            at += length
        return event, at
