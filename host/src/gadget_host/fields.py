"""The fields of a data source and where they are in its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gadget_abi import EmbedderError, load

from ._state import CallError
from .plane import Plane
from .rows import Codec, Leaf, Slot
from .schema import KINDS, MOST_FIELDS, MOST_LEVELS, WIDTHS, FieldSchema

if TYPE_CHECKING:
    from .sources import Configuration

__all__ = ["Field", "FieldList"]

_FLAGS: Final = load().enums["FieldFlags"].members
_NO_SLOT: Final = 0xFFFFFFFF


@dataclass(eq=False, slots=True)
class Field:
    """A field of a data source.

    Args:
        full_name: its name with those of its parents, dotted.
        kind: as the ABI table names it.
        index: its position among the source's fields.
        slot: the slot that holds it; None when it holds no value.
        offset: of a static member, in its slot.
        size: bytes of a static member; 0 for the others.
        flags: bits of the table's FieldFlags.
        path: the keys that lead to it in an event.
        address: where the plane keeps it.
    """

    full_name: str
    kind: str
    index: int
    slot: int | None
    offset: int
    size: int
    flags: int
    path: tuple[str, ...]
    address: int
    annotations: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)

    @property
    def hidden(self) -> bool:
        """Not shown in tables unless asked for."""
        return bool(self.flags & _FLAGS["Hidden"])

    @property
    def schema(self) -> FieldSchema:
        """What it looks like now."""
        return FieldSchema(
            self.full_name,
            self.kind,
            dict(self.annotations),
            tuple(self.tags),
            self.flags,
            self.offset,
            self.size,
            self.slot,
        )


class FieldList:
    """The fields of one source, in order, and the slots they need.

    Args:
        source: its name, for messages.
        address: where the plane keeps it.
        plane: is told of slots and fields.
        config: annotations and tags that fields get.
    """

    def __init__(self, source: str, address: int, plane: Plane, config: Configuration | None) -> None:
        self._source, self._address, self._plane, self._config = source, address, plane, config
        self.all: list[Field] = []
        self.slots: list[Slot] = []
        self.wire = 0
        """How many slots hold all fields that were not added by the guest."""
        self.shown: dict[str, Field] = {}
        """Those that events show, by full name."""
        self.groups: set[str] = set()
        """Dotted names of the objects in events."""
        self._index: dict[str, Field] = {}
        self._codecs: dict[int, Codec] = {}

    def find(self, name: str, *, any_case: bool) -> Field | None:
        """By full name; if there is none, in ``any_case`` (v0.49) ignoring case."""
        exact = self._index.get(name)
        if exact is not None or not any_case:
            return exact
        folded = name.lower()
        return next((field for full, field in self._index.items() if full.lower() == folded), None)

    def codec(self, wire: int | None) -> Codec:
        """The codec for rows of the first ``wire`` slots; None: of all."""
        wire = len(self.slots) if wire is None else wire
        if wire not in self._codecs:
            self._codecs[wire] = Codec(self._source, self.slots, wire)
        return self._codecs[wire]

    def add_flat(self, name: str, kind: str) -> Field:
        """Add a field whose name is one key of events, whatever is in it.

        Raises:
            CallError: the name is taken, or there are too many fields.
        """
        if self._is_taken(name):
            raise CallError(f"there is a field {name!r} already")
        if len(self.all) >= MOST_FIELDS:
            raise CallError(f"a data source has room for {MOST_FIELDS} fields")
        schema = FieldSchema(name, kind)
        return self._register(schema, (name,), self._add_slot(schema, (name,)))

    def add(self, schemas: Sequence[FieldSchema]) -> list[Field]:
        """Add fields of the host's, whose dots are levels of events.

        Raises:
            EmbedderError: one does not fit the others.
        """
        if len(self.all) + len(schemas) > MOST_FIELDS:
            raise EmbedderError(f"source {self._source!r}: it has room for {MOST_FIELDS} fields")
        if any(len(schema.path) > MOST_LEVELS for schema in schemas):
            raise EmbedderError(f"source {self._source!r}: a field is more than {MOST_LEVELS} levels deep")
        values = {schema.name for schema in schemas if schema.has_value} | set(self.shown)
        paths = {schema.name: _path(schema.name, values) for schema in schemas}
        for schema in schemas:
            self._check(schema)
        structures = self._add_structures([schema for schema in schemas if schema.size], paths)
        added = []
        for schema in schemas:
            slot = (
                structures.get(schema.payload) if schema.size else self._add_slot(schema, paths[schema.name])
            )
            added.append(self._register(schema, paths[schema.name], slot))
        self.wire = len(self.slots)
        return added

    def _check(self, schema: FieldSchema) -> None:
        where = f"source {self._source!r}: field {schema.name!r}"
        if not schema.flag("Unreferenced") and schema.name in self._index:
            raise EmbedderError(f"{where} is there already")
        if schema.has_value and schema.name in self.groups:
            raise EmbedderError(f"{where} has the name of an object that other fields are in")
        if schema.size and WIDTHS.get(schema.kind, schema.size) != schema.size:
            raise EmbedderError(f"{where} is of kind {schema.kind}, which does not have {schema.size} bytes")

    def _is_taken(self, name: str) -> bool:
        return name in self._index or name in self.groups

    def _add_structures(
        self, members: Sequence[FieldSchema], paths: Mapping[str, tuple[str, ...]]
    ) -> dict[int | None, int | None]:
        """A slot for each payload that static members share."""
        found: dict[int | None, int | None] = {}
        for payload in dict.fromkeys(member.payload for member in members):
            own = [member for member in members if member.payload == payload]
            outer, inside = self._split([member for member in own if member.has_value])
            width = max(member.offset + member.size for member in own)
            leaves = [
                tuple(Leaf(m.name, paths[m.name], m.kind, m.offset, m.size) for m in members)
                for members in (outer, inside)
            ]
            found[payload] = self._new_slot(Slot(width, *leaves), 0)
        return found

    def _split(self, members: Sequence[FieldSchema]) -> tuple[list[FieldSchema], list[FieldSchema]]:
        """The members that hold all of a structure's bytes, by offset, and those that lie inside one of them."""
        outer: list[FieldSchema] = []
        inside: list[FieldSchema] = []
        for member in sorted(members, key=lambda member: (member.offset, -member.size)):
            end = outer[-1].offset + outer[-1].size if outer else 0
            if member.offset >= end:
                outer.append(member)
            elif member.offset + member.size <= end:
                inside.append(member)
            else:
                raise EmbedderError(
                    f"source {self._source!r}: fields {outer[-1].name!r} and {member.name!r} overlap in part"
                )
        return outer, inside

    def _add_slot(self, schema: FieldSchema, path: tuple[str, ...]) -> int | None:
        """A slot for a field that does not share one; None when it holds nothing."""
        if schema.flag("Empty"):
            return None
        width = WIDTHS.get(schema.kind, 0)
        leaves = (Leaf(schema.name, path, schema.kind),) if schema.has_value else ()
        return self._new_slot(Slot(width, leaves), width)

    def _new_slot(self, slot: Slot, blank: int) -> int:
        self._plane.allocate("source_add_slot", self._address, slot.width, blank)
        self.slots.append(slot)
        self._codecs.clear()
        return len(self.slots) - 1

    def _register(self, schema: FieldSchema, path: tuple[str, ...], slot: int | None) -> Field:
        new = Field(
            schema.name, schema.kind, len(self.all), slot, schema.offset, schema.size, schema.flags, path, 0
        )
        new.annotations, new.tags = dict(schema.annotations), list(schema.tags)
        if self._config is not None:
            new.annotations.update(self._config.field_annotations(self._source, schema.name))
            new.tags += self._config.field_tags(self._source, schema.name)
        if new.annotations.get("columns.hidden") == "true":
            new.flags |= _FLAGS["Hidden"]
        number = _NO_SLOT if slot is None else slot
        kind = KINDS.index(schema.kind)
        new.address = self._plane.allocate(
            "field_new", self._address, number, new.offset, new.size, kind, new.flags
        )
        self.all.append(new)
        if not schema.flag("Unreferenced"):
            self._index[schema.name] = new
        if schema.has_value:
            self.shown[schema.name] = new
            self.groups.update(".".join(path[:depth]) for depth in range(1, len(path)))
        return new


def _path(name: str, values: set[str]) -> tuple[str, ...]:
    """The keys that lead to a field in an event; one key where a part of the name is a field with a value."""
    keys = tuple(name.split("."))
    inner = (".".join(keys[:depth]) for depth in range(1, len(keys)))
    return (name,) if any(part in values for part in inner) else keys
