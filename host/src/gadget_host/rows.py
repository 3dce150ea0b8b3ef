"""Events to the data plane's rows and back: Python functions made for the layout of a source.

A row has a part per slot, in order, then the bytes of the slots whose length varies; numbers are
little-endian and nothing is aligned:

    fields   pid Uint32, comm String, ok Bool, args Bytes
    row      [pid: 4][len of comm: 4][ok: 1][len of args: 4][comm ...][args ...]

The functions are made of source text (`rowcode`): a loop over fields would take several times as long. What
they do not take (a missing key, a number that does not fit) goes through `Codec.clean`, which says what is
wrong or makes a proper event of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from .rowcode import Leaf, Slot, Tree, compile_text, completer, copier, decoder, encoder, setter, tree_of
from .schema import EventError, describe
from .values import ZEROS, canonical

__all__ = ["Codec", "Event", "Leaf", "Slot"]

Event: TypeAlias = dict[str, Any]


class Codec:
    """Encoder and decoders for the events of a source as it is now.

    Args:
        source: its name, for messages.
        slots: all slots of the source.
        wire: how many of them, the first ones, are in the rows that are encoded.
    """

    encode: Callable[[Event], bytes]
    """The row of a proper event; raises anything for another, which may yet be one for `clean`."""
    encode_clean: Callable[[Event], bytes]
    """The row of an event that `clean` returned."""
    copy: Callable[[Event], Event]
    """A copy of an event, not sharing its inner dicts."""
    complete: Callable[[Event], None]
    """Adds the zero values of the fields that are not in the rows."""
    setters: Sequence[Callable[[Event, bytes], None]]
    """By slot: puts the values in its bytes into an event."""

    def __init__(self, source: str, slots: Sequence[Slot], wire: int) -> None:
        self.source, self.slots, self.wire = source, tuple(slots), wire
        self._leaves = [leaf for slot in self.slots[:wire] for leaf in slot.all_leaves]
        self._rest = [leaf for slot in self.slots[wire:] for leaf in slot.all_leaves]
        self._unions = [number for number, slot in enumerate(self.slots[:wire]) if slot.inside]
        self._whole: dict[int, Callable[[bytes, int], tuple[Event, int]]] = {}
        text = "\n".join(
            (
                encoder("encode", self.slots[:wire], checked=True),
                encoder("encode_clean", self.slots[:wire], checked=False),
                copier(self._leaves),
                completer(self._rest),
                *(setter(number, slot) for number, slot in enumerate(self.slots)),
            )
        )
        made = compile_text(text, source)
        self.encode, self.encode_clean = made["encode"], made["encode_clean"]
        self.copy, self.complete = made["copy"], made["complete"]
        self.setters = [made[f"set_{number}"] for number in range(len(self.slots))]

    def whole(self, count: int) -> Callable[[bytes, int], tuple[Event, int]]:
        """What decodes a row of the first ``count`` slots at an offset: to the whole event, and its end."""
        if count not in self._whole:
            slots, rest = self.slots[:count], self.slots[count:]
            missing = completer([leaf for slot in rest for leaf in slot.all_leaves])
            unions = (setter(number, slot) for number, slot in enumerate(slots) if slot.inside)
            text = "\n".join((missing, *unions, decoder(slots)))
            self._whole[count] = compile_text(text, self.source)["whole"]
        return self._whole[count]

    def clean(self, event: object, index: int) -> Event:
        """A proper event, new from the ground up, with the fields that rows have and no other key.

        Missing and null values are zero, numbers get the type of their field, bytes may come as hexadecimal
        digits. What lies inside another value is what that makes it.

        Args:
            event: what is to be one.
            index: its position, for messages.

        Raises:
            EventError: a value does not fit.
        """
        if not isinstance(event, Mapping):
            raise EventError(self.source, index, "", "an object", describe(event))
        result: Event = {}
        for leaf in self._leaves:
            group = result
            for key in leaf.path[:-1]:
                group = group.setdefault(key, {})
            group[leaf.path[-1]] = self._clean_value(leaf, event, index)
        if self._unions:
            self._derive(result, event, index)
        return result

    def _derive(self, clean: Event, event: Mapping[str, Any], index: int) -> None:
        """Set what lies inside other values to what those make it; the event must say nothing else."""
        said, row = self.copy(clean), self.encode_clean(clean)
        for number in self._unions:
            self.setters[number](clean, row[self._start(number) :])
        for leaf in (leaf for number in self._unions for leaf in self.slots[number].inside):
            given, found = _at(event, leaf.path), _at(clean, leaf.path)
            if given is not None and repr(_at(said, leaf.path)) != repr(found):  # no NaN is equal to itself
                expected = f"{found!r}, as the field it lies in has it"
                raise EventError(self.source, index, leaf.name, expected, describe(given))

    def _start(self, number: int) -> int:
        """Where in a row the part of a slot starts."""
        return sum(slot.width or 4 for slot in self.slots[:number])

    def _clean_value(self, leaf: Leaf, event: Mapping[str, Any], index: int) -> object:
        value: object = event
        for depth, key in enumerate(leaf.path):
            if not isinstance(value, Mapping):
                raise EventError(
                    self.source, index, ".".join(leaf.path[:depth]), "an object", describe(value)
                )
            value = value.get(key)
            if value is None:
                return ZEROS[leaf.kind]
        try:
            return canonical(leaf.kind, value, leaf.size)
        except ValueError as error:
            raise EventError(self.source, index, leaf.name, str(error), describe(value)) from None

    def unknown_keys(self, event: Mapping[str, Any]) -> Iterator[str]:
        """The dotted keys of an event that are no fields of a row."""
        return _unknown(tree_of(self._leaves), event)

    def has(self, name: str) -> bool:
        """Whether a field beyond the rows has that key."""
        return any(leaf.path == (name,) or leaf.name == name for leaf in self._rest)


def _at(event: object, path: Sequence[str]) -> object:
    """What an event has at a path; None for nothing."""
    for key in path:
        event = event.get(key) if isinstance(event, Mapping) else None
    return event


def _unknown(tree: Tree, event: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in event.items():
        below = tree.get(key)
        if below is None:
            yield f"{prefix}{key}"
        elif isinstance(below, dict) and isinstance(value, Mapping):
            yield from _unknown(below, value, f"{prefix}{key}.")
