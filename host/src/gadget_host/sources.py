"""The data sources of a gadget, by name.

What happens to events is the data plane's business; here are names, tags, annotations and the layouts that
the codec and the plane are told of. The rules are those of Inspektor Gadget v0.55 (pkg/datasource).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Final, Protocol

from gadget_abi import EmbedderError

from ._state import CallError
from .collector import Batch, Collector, Records
from .fields import Field
from .plane import Plane
from .plane.layout import Status
from .plane.memory import Buffer
from .records import RecordArrays, RecordEvents
from .schema import SourceSchema
from .source import TYPES, Source, Subscriber
from .views import DISCARD, ArrayView, EventView, Lease

__all__ = [
    "DISCARD",
    "ArrayView",
    "Collector",
    "EventView",
    "Field",
    "Source",
    "SourceRegistry",
    "Subscriber",
]

_MOST: Final = 4096  # sources of one gadget; upstream has no bound
_CHUNK: Final = 4 << 20  # bytes of rows that go to the plane at once
_PORTION: Final = 1 << 20  # bytes of records that go to the plane at once
_PRINTING: Final = 10000  # priority of upstream's terminal output


class Configuration(Protocol):
    """Where annotations and tags of sources and fields come from."""

    def source_annotations(self, source: str) -> Mapping[str, str]:
        """Annotations of a source."""

    def source_tags(self, source: str) -> Sequence[str]:
        """Tags of a source."""

    def field_annotations(self, source: str, field: str) -> Mapping[str, str]:
        """Annotations of a field, by its full name."""

    def field_tags(self, source: str, field: str) -> Sequence[str]:
        """Tags of a field."""


class SourceRegistry:
    """The data sources of one gadget, by name.

    Args:
        plane: the gadget's data plane, connected.
        config: annotations and tags that sources and fields get when they are made.
    """

    def __init__(self, plane: Plane, config: Configuration | None = None) -> None:
        self.plane, self.config = plane, config
        self.all: dict[str, Source] = {}
        """Every source by name, the unreferenced ones included."""
        self.missing: list[str] = []
        """Names that the guest asked for in vain."""
        self.events_in = 0
        """Events that Python emitted."""
        self.deliveries = 0
        """Changes with everything that may change events."""
        self._by_address: dict[int, Source] = {}
        self._subscribers: list[Subscriber] = []
        self._open: list[tuple[Collector, int]] = []  # take in sources that are still to come
        self._settled = False
        self._records = Records()
        self._numbers = count(1)
        plane.records = self._records.decode
        plane.subscriber = self._call

    @property
    def events_out(self) -> int:
        """Events that collectors took."""
        return self._records.count

    def get(self, name: str, *, referenced: bool = True) -> Source | None:
        """The source of that name, if it is ``referenced`` (or whether it is or not)."""
        source = self.all.get(name)
        return source if source is not None and (source.referenced or not referenced) else None

    def at(self, address: int) -> Source:
        """The source that the plane keeps at an address."""
        return self._by_address[address]

    def add(self, schema: SourceSchema) -> Source:
        """Add a source of the embedder's.

        Raises:
            EmbedderError: there is one of that name, or a field does not fit the others.
        """
        with self.plane.lock:
            if schema.name in self.all:
                raise EmbedderError(f"there is a data source {schema.name!r} already")
            return self._add(schema)

    def create(self, name: str, type: int) -> Source:
        """Add a source of the guest's; it takes the place of one of the same name.

        Args:
            name: any text.
            type: a number of the table's SourceType.

        Raises:
            CallError: no such type, or too many sources.
        """
        kind = next((kind for kind, number in TYPES.items() if number == type), None)
        if kind is None:
            raise CallError(f"{type} is no type of a data source")
        if len(self._by_address) >= _MOST:
            raise CallError(f"there is room for {_MOST} data sources")
        return self._add(SourceSchema(name, kind))

    def _add(self, schema: SourceSchema) -> Source:
        source = Source(self, schema)
        if self.config is not None:
            source.annotations.update(self.config.source_annotations(schema.name))
            source.tags += self.config.source_tags(schema.name)
        if schema.fields:
            source.add_fields(schema.fields)
        self._by_address[source.address] = source
        self.all[schema.name] = source
        for collector, priority in self._open:
            self._collect(collector, source, priority)
        return source

    # ------------------------------------------------------------------------------------------ delivery

    def deliver(self, source: Source, rows: Sequence[bytes], batch: Batch) -> None:
        """Give rows to the plane, in portions; their records find the batch."""
        self.settle()
        start = size = 0
        for end, row in enumerate(rows, start=1):
            size += len(row)
            if size >= _CHUNK or end == len(rows):
                part = (
                    Batch(batch.events[start:end], batch.wire, batch.reuse)
                    if end - start < len(rows)
                    else batch
                )
                self._deliver(source, b"".join(rows[start:end]), part)
                start, size = end, 0

    def deliver_records(self, source: Source, events: RecordEvents | RecordArrays, wire: int) -> None:
        """Give records to the plane, in portions that stay in the processor's cache."""
        self.settle()
        for part, rows in events.portions(_PORTION):
            self._deliver(source, rows, Batch(part, wire, reuse=True))

    def _deliver(self, source: Source, data: Buffer, batch: Batch) -> None:
        number = 1 + next(self._numbers) % 0x7FFFFFFF
        self._records.batches[number] = batch
        self.events_in += len(batch.events)
        self.deliveries += 1
        try:
            self.plane.deliver(source.address, data, len(batch.events), batch.wire, number)
        finally:
            self.deliveries += 1
            del self._records.batches[number]

    def subscriber(self, callback: Subscriber) -> int:
        """The number under which the plane calls a function."""
        self._subscribers.append(callback)
        return len(self._subscribers) - 1

    def _call(self, number: int, item: int, record: int) -> int:
        lease = Lease(self)
        try:
            answer = self._subscribers[number](lease.view(item, record))
        finally:
            lease.over = True
        return Status.DISCARD if answer is DISCARD else Status.GO

    # -------------------------------------------------------------------------------------- collecting

    def collect(self, names: str | Iterable[str] | None = None, priority: int = _PRINTING) -> Collector:
        """Collect what is emitted on sources from now on.

        Args:
            names: one or several; None for all that are referenced, and those that are still made before the
                first event from Python.
            priority: those with a smaller one see an event, and may change it, before.

        Raises:
            EmbedderError: no such source.
        """
        with self.plane.lock:
            collector = Collector(self._flush)
            if names is None:
                chosen = [source for source in self.all.values() if source.referenced]
                if not self._settled:
                    self._open.append((collector, priority))
            else:
                chosen = [self._named(name) for name in ([names] if isinstance(names, str) else names)]
            for source in chosen:
                self._collect(collector, source, priority)
            return collector

    def settle(self) -> None:
        """The gadget has started: collectors of all sources take in no further ones."""
        self._settled = True
        self._open.clear()

    def unreferenced(self, source: Source) -> None:
        """A source was unreferenced: before the start, collectors of all sources leave it out."""
        for collector, _ in self._open:
            collector.leave_out(source)

    def _named(self, name: str) -> Source:
        if name not in self.all:
            known = ", ".join(map(repr, self.all)) or "none"
            raise EmbedderError(f"there is no data source {name!r}; there are: {known}")
        return self.all[name]

    def _collect(self, collector: Collector, source: Source, priority: int) -> None:
        source.subscribe_collector(self._records.add(collector, source), priority)

    def _flush(self) -> None:
        with self.plane.lock:
            self.plane.flush()
