"""The shape of a data source: its name, its type and its fields.

A schema is what a recorded stream lacks: `ig run -o json` prints values without their kinds, so a stream that
can be replayed carries its schema as its first line

    {"gadget.schema": {"source": "open", "type": "single", "fields": [{"name": "pid", "kind": "Uint32"}]}}

or has it beside it, as `ig image inspect --show-datasources -o json` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from gadget_abi import EmbedderError, load

__all__ = [
    "KINDS",
    "MOST_FIELDS",
    "MOST_LEVELS",
    "SCHEMA_KEY",
    "USUAL_ANNOTATIONS",
    "WIDTHS",
    "EventError",
    "FieldSchema",
    "Keys",
    "SourceSchema",
    "SourceType",
    "describe",
    "kind_name",
    "schema_from_json",
    "schema_to_json",
]

SourceType = Literal["single", "array"]
SCHEMA_KEY: Final = "gadget.schema"

_ENUMS: Final = load().enums
KINDS: Final = tuple(_ENUMS["Kind"].members)
"""Names of the field kinds, in the order of their numbers."""
WIDTHS: Final = _ENUMS["Kind"].widths
"""Bytes of a value, by kind; a kind that is not in it has values of any length."""

USUAL_ANNOTATIONS: Final[Mapping[str, str]] = {
    "columns.width": "16",
    "columns.ellipsis": "end",
    "columns.alignment": "left",
}
"""What upstream gives every field that is added, unless told otherwise (pkg/datasource/columns.go).

It says nothing about a field, so fields here do not hold it; who describes them as upstream does adds it.
"""

MOST_FIELDS: Final = 4096
"""Fields of one source; upstream has no bound."""
MOST_LEVELS: Final = 64
"""Levels of an event; upstream has no bound."""
_MOST_BYTES: Final = 1 << 20  # of a structure in an event; neither

_KIND_BY_LOWER: Final = {name.lower(): name for name in KINDS}
_KIND_BY_NUMBER: Final = {number: name for name, number in _ENUMS["Kind"].members.items()}
_FLAGS: Final = _ENUMS["FieldFlags"].members


class EventError(EmbedderError):
    """An event does not fit the schema of its source.

    Args:
        source: name of the data source.
        index: position of the event in the batch it came in.
        field: full name of the field; empty when it is the event as a whole.
        expected: the kind, or what an event must be.
        found: the value, as `describe` has it.
    """

    def __init__(self, source: str, index: int, field: str, expected: str, found: str) -> None:
        self.source, self.index, self.field = source, index, field
        self.expected, self.found = expected, found
        super().__init__(f"source {source!r}, event {index}: {self.reason}")

    @property
    def reason(self) -> str:
        """What is wrong, without the place."""
        where = f"field {self.field!r}: " if self.field else ""
        return f"{where}expected {self.expected}, found {self.found}"


def describe(value: object) -> str:
    """A value as JSON calls it, short enough for an error message: true, null, an object, 'text', 7."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"


def kind_name(kind: str | int) -> str:
    """The table's spelling of a kind given by name (any case) or by number.

    Raises:
        EmbedderError: no such kind.
    """
    name = _KIND_BY_LOWER.get(kind.lower()) if isinstance(kind, str) else _KIND_BY_NUMBER.get(kind)
    if name is None:
        raise EmbedderError(f"unknown field kind {kind!r}: the kinds are {', '.join(KINDS[1:])}")
    return name


@dataclass(frozen=True, slots=True)
class FieldSchema:
    """One field of a data source.

    Args:
        name: full name; the dots of "proc.comm" are levels of the event: `{"proc": {"comm": ...}}`.
        kind: a name of `KINDS`, any case.
        annotations: how to show it (`columns.width`, `columns.hidden`, ...), as gadget.yaml spells them.
        tags: as upstream's field tags, in order.
        flags: bits of the table's `FieldFlags`.
        offset: bytes from the start of the payload it is a member of; static members only.
        size: bytes; 0 for a field with a payload of its own.
        payload: which payload of the row holds it, where upstream said so; static members share one.
    """

    name: str
    kind: str
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()
    flags: int = 0
    offset: int = 0
    size: int = 0
    payload: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", kind_name(self.kind))
        if min(self.flags, self.offset, self.size) < 0 or self.offset + self.size > _MOST_BYTES:
            raise EmbedderError(
                f"field {self.name!r}: flags {self.flags}, offset {self.offset}, size {self.size}: "
                f"none is below 0, and a structure has at most {_MOST_BYTES} bytes"
            )

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to the value in an event."""
        return tuple(self.name.split("."))

    @property
    def hidden(self) -> bool:
        """Not shown in tables unless asked for; access and emission are the same."""
        return self.flag("Hidden") or self.annotations.get("columns.hidden") == "true"

    @property
    def has_value(self) -> bool:
        """False for the fields that only group others, and those taken out of the name index."""
        return not (self.flag("Empty") or self.flag("Container") or self.flag("Unreferenced"))

    def flag(self, name: str) -> bool:
        """Whether a flag of the table's `FieldFlags` is set: "Empty", "Hidden", "StaticMember", ..."""
        return bool(self.flags & _FLAGS[name])


@dataclass(frozen=True, slots=True)
class SourceSchema:
    """One data source: its name, its type and its fields in order.

    Args:
        name: as the guest looks it up; case-sensitive.
        type: "single" (an event is one row) or "array" (an event is a list of rows).
        fields: in the order of their indexes; full names are unique.
        annotations: of the source (`cli.clear-screen-before`, ...).
        tags: of the source.
    """

    name: str
    type: SourceType
    fields: tuple[FieldSchema, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.type not in ("single", "array"):
            raise EmbedderError(f"source {self.name!r}: type is {self.type!r}, must be 'single' or 'array'")
        object.__setattr__(self, "fields", tuple(self.fields))
        seen: set[str] = set()
        for item in self.fields:
            if item.name in seen:
                raise EmbedderError(f"source {self.name!r}: field {item.name!r} is declared twice")
            seen.add(item.name)

    def __iter__(self) -> Iterator[FieldSchema]:
        return iter(self.fields)

    def get(self, name: str) -> FieldSchema | None:
        """The field of that full name, or None."""
        return next((item for item in self.fields if item.name == name), None)


def schema_to_json(schema: SourceSchema) -> dict[str, Any]:
    """What a schema line holds: `{"gadget.schema": {"source": ..., "type": ..., "fields": [...]}}`."""
    described: dict[str, Any] = {"source": schema.name, "type": schema.type}
    described["fields"] = [_field_to_json(item) for item in schema.fields]
    if schema.annotations:
        described["annotations"] = dict(schema.annotations)
    if schema.tags:
        described["tags"] = list(schema.tags)
    return {SCHEMA_KEY: described}


def _field_to_json(item: FieldSchema) -> dict[str, Any]:
    described: dict[str, Any] = {"name": item.name, "kind": item.kind}
    optional = {
        "annotations": dict(item.annotations),
        "tags": list(item.tags),
        "flags": item.flags,
        "offset": item.offset,
        "size": item.size,
    }
    described.update((key, value) for key, value in optional.items() if value)
    if item.payload is not None:
        described["payload"] = item.payload
    return described


def schema_from_json(data: object, where: str = SCHEMA_KEY) -> SourceSchema:
    """Read what `schema_to_json` writes: either the whole line's object or what is under its key.

    Only `source` is needed, and `name` and `kind` of a field; keys that are not known are ignored.

    Raises:
        EmbedderError: naming `where` and the key that is missing or of the wrong type.
    """
    if isinstance(data, dict) and SCHEMA_KEY in data:
        data = data[SCHEMA_KEY]
    row = Keys(data, where)
    fields = tuple(
        _field_from_json(item, f"{where}: fields[{n}]") for n, item in enumerate(row.get("fields", list, []))
    )
    name, kind = row.get("source", str), cast(SourceType, row.get("type", str, "single"))
    try:
        return SourceSchema(name, kind, fields, row.texts("annotations"), row.strings("tags"))
    except EmbedderError as error:
        raise EmbedderError(f"{where}: {error}") from None


def _field_from_json(data: object, where: str) -> FieldSchema:
    row = Keys(data, where)
    name, kind = row.get("name", str), row.get("kind", (str, int))
    texts, tags = row.texts("annotations"), row.strings("tags")
    flags, offset, size = (row.get(key, int, 0) for key in ("flags", "offset", "size"))
    payload = row.get("payload", int) if row.data.get("payload") is not None else None
    try:
        return FieldSchema(name, kind, texts, tags, flags, offset, size, payload)
    except EmbedderError as error:
        raise EmbedderError(f"{where} ({name}): {error}") from None


class Keys:
    """A JSON object whose keys are read with their types checked.

    Args:
        data: what should be an object.
        where: what messages call it.

    Raises:
        EmbedderError: it is none; from the methods, that a key is missing or has the wrong type.
    """

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise EmbedderError(f"{where}: expected an object, found {type(data).__name__}")
        self.data, self.where = data, where

    def get(self, key: str, kind: Any, default: Any = None) -> Any:
        """The value of a key, of that type or types; the default where it is missing or null."""
        value = self.data.get(key)
        value = default if value is None else value
        if value is None:
            raise EmbedderError(f"{self.where}: {key!r} is missing")
        if not isinstance(value, kind) or isinstance(value, bool):
            raise EmbedderError(f"{self.where}: {key!r} is {value!r}, which has the wrong type")
        return value

    def texts(self, key: str) -> dict[str, str]:
        """An object of texts; whatever else is in it is made one."""
        return {str(name): str(text) for name, text in self.get(key, dict, {}).items()}

    def strings(self, key: str) -> tuple[str, ...]:
        """A list of texts; whatever else is in it is made one."""
        return tuple(str(item) for item in self.get(key, list, []))
