"""A small, slow model of Inspektor Gadget's data sources: what fields, data and packets do.

Written from a description of the documented semantics, for these tests alone; it shares no code with the host's
data plane. Where a careful host and upstream differ, `Rules` asks the profile by the quirk's id.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from gadget_abi import Profile

EMPTY, CONTAINER, UNREFERENCED = 1, 2, 32
BOOL, INT8, INT16, INT32, INT64 = range(1, 6)
STRING, CSTRING, BYTES = 12, 13, 14
LAST_KIND = 14
WIDTHS: Final = dict(enumerate((1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8), start=1))
FORMATS: Final = dict(enumerate("BbhiqBHIQfd", start=1))
U32, U64 = 0xFFFFFFFF, (1 << 64) - 1


class Failed(Exception):  # noqa: N818 - an outcome
    """The call answers its error value."""


class Trapped(Exception):  # noqa: N818 - an outcome
    """The guest traps in the call."""


class Ended(Exception):  # noqa: N818 - an outcome
    """The gadget is at its end: it cannot be called any more."""


class Unsaid(Exception):  # noqa: N818 - an outcome
    """The semantics do not say what happens; from here on there is nothing to compare."""


class Memory:
    """The guest's memory as it must be.

    Args:
        size: bytes.
        own: what belongs to the interpreter, which calls are not to be pointed at.
    """

    def __init__(self, size: int, own: range) -> None:
        self.data = bytearray(size)
        self._own = own
        self.unknown: list[range] = []
        """What was written by calls whose results are not modelled."""

    def holds(self, address: int, size: int) -> bool:
        """Whether a range lies inside; one of no bytes may begin at the very end."""
        return address + size <= len(self.data)

    def read(self, address: int, size: int) -> bytes:
        """Bytes of a range; Failed outside the memory."""
        if not self.holds(address, size):
            raise Failed
        if size and (_meet(address, size, self._own) or any(_meet(address, size, r) for r in self.unknown)):
            raise Unsaid("what lies there is not modelled")
        return bytes(self.data[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        """Write all of it or nothing: Failed outside the memory."""
        if not self.holds(address, len(data)):
            raise Failed
        if data and _meet(address, len(data), self._own):
            raise Unsaid("the interpreter's own memory is overwritten")
        self.data[address : address + len(data)] = data


def _meet(address: int, size: int, other: range) -> bool:
    return address < other.stop and other.start < address + size


@dataclass(eq=False)
class Source:
    """A data source.

    `blanks` has for each slot of a new element how many zero bytes it begins with; None for a structure.
    """

    name: str
    is_array: bool
    fields: list[Field] = field(default_factory=list)
    blanks: list[int | None] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    subscriptions: list[Subscription] = field(default_factory=list)
    referenced: bool = True

    def find(self, name: str, *, ignore_case: bool) -> Field | None:
        """A field by its full name."""
        named = [item for item in self.fields if not item.flags & UNREFERENCED]
        exact = [item for item in named if item.name == name]
        folded = [item for item in named if item.name.lower() == name.lower()] if ignore_case else []
        if len(folded) > 1 and not exact:
            raise Unsaid("any of several fields that differ in case")
        return next(iter([*exact, *folded]), None)

    def add(self, name: str, kind: int) -> Field:
        """Add a dynamic field."""
        width = WIDTHS.get(kind, 0)
        self.blanks.append(width)
        self.widths.append(width)
        new = Field(self, name, kind, slot=len(self.blanks) - 1, path=(name,))
        self.fields.append(new)
        return new

    def add_structure(self, members: list[tuple[str, int, int, int]]) -> None:
        """Add static members, (full name, kind, offset, size), that share one slot."""
        self.blanks.append(None)
        self.widths.append(max(offset + size for _, _, offset, size in members))
        for name, kind, offset, size in members:
            path = tuple(name.split("."))
            self.fields.append(
                Field(self, name, kind, len(self.blanks) - 1, path, offset, size, flags=16 | 8)
            )

    def add_empty(self, name: str) -> None:
        """Add a field that holds no value."""
        self.fields.append(Field(self, name, 0, None, (name,), flags=EMPTY | CONTAINER))


@dataclass(eq=False)
class Field:
    """A field: its place in the elements of its source. `size` is 0 for a dynamic one."""

    source: Source
    name: str
    kind: int
    slot: int | None
    path: tuple[str, ...]
    offset: int = 0
    size: int = 0
    flags: int = 0

    @property
    def has_value(self) -> bool:
        """Whether events show it."""
        return not self.flags & (EMPTY | CONTAINER | UNREFERENCED)


@dataclass(eq=False)
class Alias:
    """Bytes that are the guest's own memory."""

    memory: Memory
    address: int
    size: int
    pages: int


Content: TypeAlias = "bytes | Alias | None"


@dataclass(eq=False)
class Element:
    """One row of values; a packet of its own (single) or for an array."""

    source: Source
    slots: list[Content]
    single: bool

    @classmethod
    def new(cls, source: Source, *, single: bool) -> Element:
        """An element as a guest makes it."""
        return cls(source, [None if n is None else bytes(n) for n in source.blanks], single)


@dataclass(eq=False)
class Array:
    """An array packet."""

    source: Source
    elements: list[Element] = field(default_factory=list)


@dataclass(eq=False)
class Subscription:
    """Who is called: a guest's callback (its number, the source's handle, the hook that asked), or Python."""

    kind: int
    priority: int
    callback: int = 0
    handle: int = 0
    python: Any = None
    phase: str = ""


@dataclass(frozen=True)
class Rules:
    """What an access does, in one release, careful or strict."""

    profile: Profile

    def slip(self, quirk: str) -> Exception:
        """What comes of a mistake that upstream traps on."""
        return Trapped() if self.profile.quirk(quirk) else Failed()

    def bytes_of(self, item: Field, element: Element) -> bytes:
        """The raw bytes of a field in an element."""
        whole = self._slot(item, element)
        return whole if not item.size else whole[item.offset : item.offset + item.size]

    def _slot(self, item: Field, element: Element) -> bytes:
        """The whole slot a field is in, which has room for it."""
        foreign = item.source is not element.source
        if foreign and not self.profile.quirk("foreign-field"):
            raise Failed
        if item.slot is None:
            return b""
        if item.slot >= len(element.slots):
            raise self.slip("foreign-field" if foreign else "older-packet")
        whole = content(element.slots[item.slot])
        if item.size and item.offset + item.size > len(whole):
            if foreign and whole:
                raise Unsaid("Go's capacity of the slice decides")
            raise self.slip("foreign-field" if foreign else "static-field-of-new-packet")
        return whole

    def scalar(self, item: Field, element: Element, kind: int) -> int:
        """A scalar as 64 bits."""
        if kind not in WIDTHS:
            raise Failed
        raw = self.bytes_of(item, element)
        if len(raw) != WIDTHS[kind]:
            raise Failed
        if kind == BOOL:
            return int(raw == b"\x01")
        return int.from_bytes(raw, "little", signed=INT8 <= kind <= INT64) & U64

    def set_scalar(self, item: Field, element: Element, kind: int, value: int) -> None:
        """Write a scalar in place."""
        if kind not in WIDTHS:
            raise Failed
        if len(self.bytes_of(item, element)) != WIDTHS[kind]:
            raise Failed
        number = int(value != 0) if kind == BOOL else value
        self._put(item, element, (number & U64).to_bytes(8, "little")[: WIDTHS[kind]])

    def set_bytes(self, item: Field, element: Element, value: Content) -> None:
        """Write a String or Bytes value: any length into a dynamic field, the right one into a static."""
        if item.slot is None and (item.source is element.source or self.profile.quirk("foreign-field")):
            raise Failed
        new = content(value)
        if item.size and (
            len(new) > item.size or (len(new) < item.size and item.kind not in (STRING, CSTRING))
        ):
            raise Failed
        self._slot(item, element)
        if item.size:
            self._put(item, element, new.ljust(item.size, b"\0"))
        else:
            assert item.slot is not None
            element.slots[item.slot] = value

    def _put(self, item: Field, element: Element, data: bytes) -> None:
        assert item.slot is not None
        old, start = element.slots[item.slot], item.offset if item.size else 0
        if isinstance(old, Alias):
            old.memory.write(old.address + start, data)
        else:
            assert old is not None
            element.slots[item.slot] = old[:start] + data + old[start + len(data) :]


def content(slot: Content) -> bytes:
    """The bytes in a slot, as of now."""
    if isinstance(slot, Alias):
        if slot.pages != len(slot.memory.data):
            raise Unsaid("the memory has grown under an alias")
        return slot.memory.read(slot.address, slot.size)
    return slot or b""


def event_of(source: Source, element: Element) -> dict[str, Any]:
    """An element as a collector of a source gives it out: a scalar without its right length is zero."""
    event: dict[str, Any] = {}
    for item in source.fields:
        if not item.has_value:
            continue
        assert item.slot is not None
        raw = content(element.slots[item.slot]) if item.slot < len(element.slots) else b""
        if element.source is not source and len(raw) < (item.offset + item.size or WIDTHS.get(item.kind, 0)):
            raise Unsaid("what a collector makes of data of another source")
        if item.size:
            raw = raw[item.offset : item.offset + item.size]
        level = event
        for key in item.path[:-1]:
            level = level.setdefault(key, {})
        level[item.path[-1]] = _decoded(item, raw)
    return event


def _decoded(item: Field, raw: bytes) -> Any:
    if item.kind in FORMATS:
        whole = raw if len(raw) == WIDTHS[item.kind] else bytes(WIDTHS[item.kind])
        (number,) = struct.unpack(f"<{FORMATS[item.kind]}", whole)
        return number == 1 if item.kind == BOOL else number
    if item.kind == CSTRING:
        raw = raw.partition(b"\0")[0]
    elif item.kind == STRING and item.size:
        raw = raw.rstrip(b"\0")
    else:
        raw = raw.ljust(item.size, b"\0")
    return raw.decode("utf-8", "surrogateescape") if item.kind in (STRING, CSTRING) else raw


def same(expected: Any, actual: Any) -> bool:
    """Whether two values of events are equal, NaN being NaN and true not being 1."""
    if type(expected) is not type(actual):
        return False
    if isinstance(expected, float):
        return expected == actual or (math.isnan(expected) and math.isnan(actual))
    if isinstance(expected, list):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    if isinstance(expected, dict):  # fields added since show as zero
        return all(key in actual and same(value, actual[key]) for key, value in expected.items()) and not any(
            map(_holds_something, (actual[key] for key in actual.keys() - expected.keys()))
        )
    return bool(expected == actual)


def _holds_something(value: Any) -> bool:
    return any(map(_holds_something, value.values())) if isinstance(value, dict) else bool(value)
