"""Sees what is emitted as the protocol wants it: the bytes of every field, as the plane holds them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from ..fields import Field
from ..gadget import Gadget
from ..plane.layout import STRUCTS, names
from ..source import Source
from ..views import ArrayView, EventView

__all__ = ["Element", "Observer"]

Element = dict[str, str]
_OBJECT: Final = STRUCTS["object"]
_SLOT: Final = STRUCTS["slot"]
_PRIORITY: Final = 10_000


class Observer:
    """A Packet subscriber behind all others.

    Args:
        gadget: whose sources it watches.
    """

    def __init__(self, gadget: Gadget) -> None:
        self._memory = gadget._runtime.plane.memory
        self._slot_bytes = int(names(gadget.profile)["slot.SIZE"])
        self._strict = gadget.profile.quirk("foreign-field")
        self._seen: list[dict[str, Any]] = []

    def watch(self, sources: Iterable[Source]) -> None:
        """Subscribe to these."""
        for source in sources:
            source.subscribe(partial(self._look, source), priority=_PRIORITY, kind="packet")

    def take(self) -> list[dict[str, Any]]:
        """The events since the last call, as an observation has them."""
        seen, self._seen = self._seen, []
        return seen

    def _look(self, source: Source, packet: EventView | ArrayView) -> None:
        # A packet of the other type has nothing that the source's fields could be read from.
        if isinstance(packet, ArrayView) == (source.type == "array") and self._readable(source, packet):
            events = list(packet) if isinstance(packet, ArrayView) else [packet]
            elements = [self._element(source, event) for event in events]
            self._seen.append({"source": source.name, "packet": elements})

    def _readable(self, source: Source, packet: EventView | ArrayView) -> bool:
        """Whether the fields of a source fit the packet: a careful host shows no packet of another source."""
        return self._strict or packet.source is source

    def _element(self, source: Source, event: EventView) -> Element:
        fields = (field for field in source.fields if source.shown_field(field.full_name) is field)
        return dict(self._values(fields, event._item))

    def _values(self, fields: Iterable[Field], element: int) -> Iterator[tuple[str, str]]:
        """The bytes of those fields that the element has room for."""
        memory = self._memory
        count = memory.u32(element + _OBJECT["count"])
        for field in fields:
            if field.slot is None or field.slot >= count:
                continue
            slot = element + _OBJECT.size + field.slot * self._slot_bytes
            held = memory.read(memory.u32(slot + _SLOT["pointer"]), memory.u32(slot + _SLOT["length"]))
            if len(held) >= field.offset + field.size:
                shown = held[field.offset : field.offset + field.size] if field.size else held
                yield field.full_name, shown.hex()
