"""One data source: its fields, its events, its subscribers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

from gadget_abi import EmbedderError, load

from ._state import CallError
from .collector import Batch
from .encoder import Encoder, WiderError
from .fields import Field, FieldList
from .plane.layout import TARGETS
from .plane.memory import Buffer
from .records import RecordArrays, RecordEvents
from .rows import Codec
from .schema import FieldSchema, SourceSchema, SourceType

if TYPE_CHECKING:
    from .sources import SourceRegistry

__all__ = ["TYPES", "Source", "Subscriber"]

_ENUMS: Final = load().enums
TYPES: Final[Mapping[SourceType, int]] = {
    "single": _ENUMS["SourceType"].members["Single"],
    "array": _ENUMS["SourceType"].members["Array"],
}
"""The table's numbers of the types of sources."""
_KINDS: Final = {name.lower(): number for name, number in _ENUMS["SubscriptionType"].members.items()}
_MOST: Final = 4096  # subscriptions of one source; upstream has no bound

Subscriber = Callable[[Any], object]


class Source:
    """A data source. Made by `Gadget.add_source`, or by the guest.

    Args:
        registry: the one it is in.
        schema: its name and type; fields are added afterwards.
    """

    def __init__(self, registry: SourceRegistry, schema: SourceSchema) -> None:
        self._registry, self._plane = registry, registry.plane
        self.name = schema.name
        """Its name, case-sensitive."""
        self.type: SourceType = schema.type
        """ "single" or "array"."""
        self.referenced = True
        """False once the guest has unreferenced it: it is not found by its name any more."""
        self.annotations: dict[str, str] = dict(schema.annotations)
        self.tags: list[str] = list(schema.tags)
        self.address: int = self._plane.allocate("source_new", TYPES[schema.type])
        """Where the plane keeps it."""
        self._subscriptions = 0
        self._fields = FieldList(self.name, self.address, self._plane, registry.config)

    def __repr__(self) -> str:
        return f"<Source {self.name!r}, {self.type}, {len(self.fields)} fields>"

    # -------------------------------------------------------------------------------------------- fields

    @property
    def fields(self) -> tuple[Field, ...]:
        """Its fields in order, those included that hold no value."""
        return tuple(self._fields.all)

    @property
    def schema(self) -> SourceSchema:
        """What it looks like now."""
        return SourceSchema(
            self.name,
            self.type,
            tuple(field.schema for field in self.fields),
            dict(self.annotations),
            tuple(self.tags),
        )

    def field(self, name: str, *, any_case: bool = True) -> Field | None:
        """A field by its full name, or else, in ``any_case``, one that differs in upper and lower case only."""
        return self._fields.find(name, any_case=any_case)

    def add_field(self, name: str, kind: str, **more: Any) -> Field:
        """Add a field.

        Args:
            name: its full name; dots are levels of the event.
            kind: as the ABI table names it, any case.
            more: further arguments of FieldSchema.

        Raises:
            EmbedderError: there is such a field, or no such kind.
        """
        with self._plane.lock:
            return self.add_fields((FieldSchema(name, kind, **more),))[0]

    def add_fields(self, schemas: Sequence[FieldSchema]) -> list[Field]:
        """Add fields of the host's, static members and all.

        Raises:
            EmbedderError: one does not fit the others.
        """
        return self._fields.add(schemas)

    def add_guest_field(self, name: str, kind: str) -> Field:
        """Add a field for the guest: a dot in its name means nothing.

        Raises:
            CallError: there is such a field.
        """
        return self._fields.add_flat(name, kind)

    def shown_field(self, name: str) -> Field | None:
        """A field that events show, by its exact full name."""
        return self._fields.shown.get(name)

    def is_group(self, name: str) -> bool:
        """Whether events have an object of that dotted name."""
        return name in self._fields.groups

    def codec(self, wire: int | None = None) -> Codec:
        """The codec for rows of the first ``wire`` slots; None: of all."""
        return self._fields.codec(wire)

    def unreference(self) -> None:
        """Hide it from look-ups by name, for good; whoever has it goes on using it."""
        self.referenced = False
        self._registry.unreferenced(self)

    # -------------------------------------------------------------------------------------------- events

    def emit(self, event: Any, *, unknown: Literal["error", "drop"] = "error") -> None:
        """Emit one event; see emit_batch, which is much faster for many."""
        self.emit_batch((event,), unknown=unknown)

    def emit_batch(
        self, events: Iterable[Any], *, unknown: Literal["error", "drop"] = "error", reuse: bool = False
    ) -> None:
        """Emit events, one after the other: each passes through all subscribers before the next does.

        Args:
            events: nested dicts, as `ig run -o json` prints them; lists of such for an array source. Missing
                and null fields are zero; Bytes may be hexadecimal digits.
            unknown: what to do about keys that are no fields.
            reuse: the dicts may be changed, and be what collectors give out.

        Raises:
            EventError: an event does not fit; none was delivered then.
            GuestError: the gadget cannot go on: it exceeded its deadline, or ended itself.
            EmbedderError: the gadget is closed. (One that was stopped ignores events.)
            Exception: what a Python subscriber raised; the events behind were not delivered.
        """
        with self._plane.lock:
            if self._plane.stopped:
                return
            given = list(events)
            rows, clean, wire = self._encode(given, unknown)
            self._registry.deliver(self, rows, Batch(clean, wire, reuse))

    def emit_records(self, records: Buffer, *, elements: int = 1) -> None:
        """Emit events as an eBPF program writes them: C structures, one after the other.

        Nothing is decoded but what a collector or a subscriber in Python asks for, so this is the fastest way.

        Args:
            records: whole records, in the machine's memory layout: each holds the structure of the source, as
                `offset` and `size` of its members say (of several structures and scalar fields, one after
                the other in the order in which they were added).
            elements: how many records make up a packet of an array source; the last may have fewer.

        Raises:
            EmbedderError: the source has fields of varying length, or the bytes are not whole records; nothing
                was delivered then. Or the gadget is closed.
            GuestError: as for emit_batch.
            Exception: as for emit_batch.
        """
        with self._plane.lock:
            if self._plane.stopped:
                return
            events = self._records(records)
            if self.type == "single":
                self._registry.deliver_records(self, events, self._fields.wire)
                return
            if elements < 1:
                raise EmbedderError(f"source {self.name!r}: a packet of {elements} records")
            self._registry.deliver_records(self, RecordArrays(events, elements), self._fields.wire)

    def _records(self, records: Buffer) -> RecordEvents:
        wire = self._fields.wire
        widths = [slot.width for slot in self._fields.slots[:wire]]
        if not all(widths) or not widths:
            raise EmbedderError(
                f"source {self.name!r}: records have members of fixed size only; give its fields offset and size"
            )
        data, size = memoryview(records).cast("B"), sum(widths)
        if len(data) % size:
            raise EmbedderError(f"source {self.name!r}: {len(data)} bytes are not whole records of {size}")
        return RecordEvents(data, size, self.codec(wire).whole(wire))

    def _encode(self, events: list[Any], unknown: str) -> tuple[list[bytes], list[Any], int]:
        """The rows, the events as they were encoded, and how many slots the rows have."""
        for wire in (self._fields.wire, len(self._fields.slots)):
            encoder = Encoder(self.codec(wire), unknown)
            try:
                rows = [encoder.packet(self.type, event, index) for index, event in enumerate(events)]
            except WiderError:
                continue
            for index, event in encoder.cleaned.items():
                events[index] = event
            return rows, events, wire
        raise AssertionError("rows of all slots hold every field")

    # ------------------------------------------------------------------------------------- subscriptions

    def subscribe(
        self,
        callback: Subscriber,
        *,
        priority: int = 0,
        kind: Literal["data", "array", "packet"] = "data",
    ) -> None:
        """Call a function for what is emitted, in the order of priorities, guests' subscriptions among them.

        Args:
            callback: called with an EventView (for each element, if this is an array source), or an
                ArrayView. When it returns DISCARD the event ends there, or the element leaves its array.
            priority: smaller ones are called first; equal ones in the order of subscription.
            kind: "data"; "array" for the array as a whole; "packet" for either.

        Raises:
            EmbedderError: kind "array" on a single source, or too many subscriptions.
        """
        with self._plane.lock:
            try:
                self._subscribe(_KINDS[kind], priority, "python", 0, self._registry.subscriber(callback))
            except CallError as error:
                raise EmbedderError(f"source {self.name!r}: {error.reason}") from None

    def subscribe_guest(self, kind: int, priority: int, callback: int, handle: int) -> None:
        """Call the guest's dataSourceCallback.

        Args:
            kind: a number of the table's SubscriptionType.
            priority: as for `subscribe`.
            callback: the number the guest gave.
            handle: the handle of this source that the guest gave; the callback gets it back.

        Raises:
            CallError: no such kind, or not for this source.
        """
        if kind not in _KINDS.values():
            raise CallError(f"there is no subscription type {kind}")
        self._subscribe(kind, priority, "guest", handle, callback)

    def subscribe_collector(self, number: int, priority: int) -> None:
        """Write records for a collector."""
        self._subscribe(_KINDS["packet"], priority, "collector", 0, number)

    def _subscribe(self, kind: int, priority: int, target: str, handle: int, callback: int) -> None:
        if kind == _KINDS["array"] and self.type == "single":
            raise CallError("arrays cannot be subscribed to on a single source")
        if self._subscriptions >= _MOST:
            raise CallError(f"a source has room for {_MOST} subscriptions")
        signed = (callback & (1 << 64) - 1) - (callback >> 63 & 1) * (1 << 64)
        self._plane.allocate("subscribe", self.address, kind, priority, TARGETS[target], handle, signed)
        self._subscriptions += 1
