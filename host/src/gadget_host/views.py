"""What a Python subscriber is handed: the very data in the plane, to look at and to change.

Reading decodes a copy of the row, once; writing goes to the plane, which decides what a field takes: what a
subscriber does to an event is what a guest could do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, overload

from gadget_abi import EmbedderError

from .plane.layout import HANDLE_BITS, REASONS, STRUCTS
from .rows import Event
from .schema import KINDS, WIDTHS, describe
from .values import canonical, to_bits, to_bytes

if TYPE_CHECKING:
    from .sources import Field, Source, SourceRegistry

__all__ = ["DISCARD", "ArrayView", "Discard", "EventView", "Lease"]

_CONTROL, _OBJECT = STRUCTS["control"], STRUCTS["object"]


class Discard(Enum):
    """The type of DISCARD."""

    DISCARD = "discard"


DISCARD: Final = Discard.DISCARD
"""A subscriber that returns this drops the event: those behind it do not see it."""


class Lease:
    """How long the views of one call of a subscriber hold: until it returns.

    Args:
        registry: the gadget's sources.
    """

    def __init__(self, registry: SourceRegistry) -> None:
        self.registry = registry
        self.plane = registry.plane
        self.over = False

    def view(self, item: int, record: int) -> EventView | ArrayView:
        """A view of an object of the plane.

        Args:
            item: its address.
            record: that of its encoded value, 0 for an array.
        """
        source = self.registry.at(self.plane.memory.u32(item + _OBJECT["source"]))
        if self.plane.memory.u32(item + _OBJECT["type"]) == HANDLE_BITS["array"]:
            return ArrayView(self, source, item)
        return EventView(self, source, item, self.record(record))

    def record(self, record: int) -> bytes:
        """A copy of a record that was just written."""
        if not record:
            raise EmbedderError("the memory for events is exhausted")
        row, end = record + STRUCTS["part"].size, self.plane.memory.u32(_CONTROL["record_end"])
        return self.plane.memory.read(row, end - row)

    def check(self) -> None:
        """Raises EmbedderError when the call is over."""
        if self.over:
            raise EmbedderError(
                "this event was handed to a subscriber that has returned; copy what is to be kept"
            )


class _Level(MutableMapping[str, Any]):
    """One level of an event: its fields, and levels below."""

    def _dict(self) -> Event:
        raise NotImplementedError

    def _set(self, keys: tuple[str, ...], value: object) -> None:
        raise NotImplementedError

    def _below(self, keys: tuple[str, ...], value: object) -> Any:
        raise NotImplementedError

    def __getitem__(self, key: str) -> Any:
        found = self._dict()
        if key in found:
            return self._below((key,), found[key])
        if "." not in key:
            raise KeyError(key)
        keys = tuple(key.split("."))
        for part in keys:
            if not isinstance(found, dict) or part not in found:
                raise KeyError(key)
            found = found[part]
        return self._below(keys, found)

    def __setitem__(self, key: str, value: object) -> None:
        self._set((key,), value)

    def __delitem__(self, key: str) -> None:
        raise EmbedderError(f"field {key!r} cannot be taken out of an event; set it to an empty value")

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._dict()))

    def __len__(self) -> int:
        return len(self._dict())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._dict()!r}>"


class EventView(_Level):
    """An event in the plane, as the nested dict it would come out as; its fields also by their full names.

    It is good until the subscriber it was handed to returns; afterwards every use raises EmbedderError.
    """

    def __init__(self, lease: Lease, source: Source, item: int, record: bytes) -> None:
        self._lease, self._item, self._record = lease, item, record
        self._event: Event | None = None
        self._made = lease.registry.deliveries
        self.source = source
        """The data source it belongs to."""

    def to_dict(self) -> Event:
        """A copy that may be kept."""
        return self.source.codec().copy(self._dict())

    def _dict(self) -> Event:
        self._lease.check()
        deliveries = self._lease.registry.deliveries
        if self._made != deliveries:  # something ran that may have changed it
            self._event, self._made = None, deliveries
            self._record = self._lease.record(self._lease.plane.call("record_of", self._item))
        if self._event is None:
            count = self._lease.plane.memory.u32(self._item + _OBJECT["count"])
            self._event, _ = self.source.codec().whole(count)(self._record, 0)
        return self._event

    def _below(self, keys: tuple[str, ...], value: object) -> Any:
        return _GroupView(self, keys) if isinstance(value, dict) else value

    def _set(self, keys: tuple[str, ...], value: object) -> None:
        self._lease.check()
        name = ".".join(keys)
        field = self.source.shown_field(name)
        if field is None and isinstance(value, Mapping) and self.source.is_group(name):
            for key, part in value.items():
                self._set((*keys, key), part)
            return
        if field is None:
            raise EmbedderError(f"source {self.source.name!r} has no field {name!r}")
        self._write(field, value)

    def _write(self, field: Field, value: Any) -> None:
        try:
            value = canonical(field.kind, value, field.size)
        except ValueError as error:
            raise EmbedderError(
                f"field {field.full_name!r}: expected {error}, found {describe(value)}"
            ) from None
        plane = self._lease.plane
        if field.kind in WIDTHS:
            kind, bits = KINDS.index(field.kind), to_bits(field.kind, value)
            why = plane.call("view_set_scalar", field.address, self._item, kind, bits)
        else:
            raw = to_bytes(value)
            why = plane.call("view_set_bytes", field.address, self._item, plane.input(raw), len(raw))
        if why:
            reason = list(REASONS.values())[why - 1]
            raise EmbedderError(f"field {field.full_name!r}: {reason}")
        self._made = -1


class _GroupView(_Level):
    """A level of an event below the first."""

    def __init__(self, view: EventView, keys: tuple[str, ...]) -> None:
        self._view, self._keys = view, keys

    def _dict(self) -> Event:
        found = self._view._dict()
        for key in self._keys:
            found = found[key]
        return found

    def _below(self, keys: tuple[str, ...], value: object) -> Any:
        return self._view._below((*self._keys, *keys), value)

    def _set(self, keys: tuple[str, ...], value: object) -> None:
        self._view._set((*self._keys, *keys), value)


class ArrayView(Sequence[EventView]):
    """An array packet in the plane; good as long as an EventView is."""

    def __init__(self, lease: Lease, source: Source, item: int) -> None:
        self._lease, self._item = lease, item
        self._views: dict[int, EventView] = {}
        self.source = source
        """The data source it belongs to."""

    def append(self, event: Mapping[str, Any]) -> None:
        """Add an element; fields that are missing are zero.

        Raises:
            EmbedderError: a value does not fit, or a key is no field; nothing is added then.
        """
        self._lease.check()
        unknown = next(self.source.codec().unknown_keys(event), None)
        if unknown is not None:
            raise EmbedderError(f"source {self.source.name!r} has no field {unknown!r}")
        values = self.source.codec().clean(event, len(self))
        if not self._lease.plane.call("array_extend", self._item):
            raise EmbedderError("the memory for events is exhausted")
        self[-1].update({key: value for key, value in values.items() if value})

    def __delitem__(self, index: int) -> None:
        """Take an element out of the array."""
        index = self._index(index)
        gone = self._views.pop(self._address(index), None)
        self._lease.plane.call("array_remove", self._item, index)
        if gone is not None and all(self._address(i) != gone._item for i in range(len(self))):
            gone._lease = _OVER

    @overload
    def __getitem__(self, index: int) -> EventView: ...
    @overload
    def __getitem__(self, index: slice) -> list[EventView]: ...
    def __getitem__(self, index: int | slice) -> EventView | list[EventView]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        item = self._address(self._index(index))
        if item not in self._views:
            record = self._lease.record(self._lease.plane.call("record_of", item))
            source = self._lease.registry.at(self._lease.plane.memory.u32(item + _OBJECT["source"]))
            self._views[item] = EventView(self._lease, source, item, record)
        return self._views[item]

    def __len__(self) -> int:
        self._lease.check()
        return self._lease.plane.memory.u32(self._item + _OBJECT["count"])

    def to_list(self) -> list[Event]:
        """Copies of the elements, that may be kept."""
        return [view.to_dict() for view in self]

    def _index(self, index: int) -> int:
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"element {index} of an array of {count}")
        return index % count

    def _address(self, index: int) -> int:
        memory = self._lease.plane.memory
        return memory.u32(memory.u32(self._item + _OBJECT["items"]) + 4 * index)


class _Over(Lease):
    """What a removed element's view holds."""

    def __init__(self) -> None:
        self.over = True


_OVER: Final = _Over()
