"""Events that come as an eBPF program writes them: structures, one after the other.

They go to the plane as they are. Only what somebody looks at in Python is decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from .rows import Event

__all__ = ["RecordArrays", "RecordEvents"]

_COUNT_BYTES = 4  # of the length in front of an array packet's rows, see batch.wat


class _Lazy(Sequence[Any]):
    """A sequence of which single items are looked at."""

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        numbers = range(len(self))[index]
        return [self.at(number) for number in numbers] if isinstance(numbers, range) else self.at(numbers)

    def at(self, index: int) -> Any:
        """The item, decoded."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class RecordEvents(_Lazy):
    """Records as the events of a single source.

    Args:
        data: whole records.
        size: of each, bytes.
        decode: makes an event of a record's bytes, at an offset in them.
    """

    data: memoryview
    size: int
    decode: Callable[[bytes, int], tuple[Event, int]]

    def __len__(self) -> int:
        return len(self.data) // self.size

    def at(self, index: int) -> Event:
        """The event that a record is."""
        start = index * self.size
        return self.decode(bytes(self.data[start : start + self.size]), 0)[0]

    def part(self, start: int, stop: int) -> RecordEvents:
        """Some of them."""
        return RecordEvents(self.data[start * self.size : stop * self.size], self.size, self.decode)

    def portions(self, most: int) -> Iterator[tuple[RecordEvents, memoryview]]:
        """Portions of at most so many bytes, or one record, with the rows that the plane is given."""
        step = max(1, most // self.size)
        for start in range(0, len(self), step):
            found = self.part(start, start + step)
            yield found, found.data


@dataclass(frozen=True, slots=True)
class RecordArrays(_Lazy):
    """Records as the packets of an array source.

    Args:
        records: all of them.
        elements: in each packet; in the last one, what is left.
    """

    records: RecordEvents
    elements: int

    def __len__(self) -> int:
        return -(-len(self.records) // self.elements)

    def at(self, index: int) -> RecordEvents:
        """The elements of a packet."""
        return self.records.part(index * self.elements, (index + 1) * self.elements)

    def portions(self, most: int) -> Iterator[tuple[RecordArrays, bytes]]:
        """As those of the records; a packet is not parted."""
        step = self.elements * max(1, most // (self.elements * self.records.size + _COUNT_BYTES))
        for start in range(0, len(self.records), step):
            found = RecordArrays(self.records.part(start, start + step), self.elements)
            yield found, found.rows()

    def rows(self) -> bytes:
        """The packets as the plane reads them, see batch.wat."""
        data, size = bytes(self.records.data), self.elements * self.records.size
        whole = len(data) - len(data) % size
        packets = [b"", *(data[at : at + size] for at in range(0, whole, size))]
        rest = [_count(len(self.records) % self.elements), data[whole:]] if whole < len(data) else []
        return b"".join([_count(self.elements).join(packets), *rest])


def _count(elements: int) -> bytes:
    return elements.to_bytes(_COUNT_BYTES, "little")
