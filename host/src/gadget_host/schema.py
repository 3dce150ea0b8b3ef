"""The shape of a data source: its name, its type and its fields.

A schema is what a recorded stream lacks: `ig run -o json` prints values without their kinds, so a stream that can
be replayed carries its schema as its first line

    {"gadget.schema": {"source": "open", "type": "single", "fields": [{"name": "pid", "kind": "Uint32"}]}}

or has it beside it, as `ig image inspect --show-datasources -o json` prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from gadget_abi import EmbedderError

SourceType = Literal["single", "array"]

KINDS: Final = (
    "Invalid", "Bool", "Int8", "Int16", "Int32", "Int64", "Uint8", "Uint16", "Uint32", "Uint64",
    "Float32", "Float64", "String", "CString", "Bytes",
)  # fmt: skip
"""Field kinds in the order of their numbers (Inspektor Gadget, `api.Kind`)."""

_KIND_BY_LOWER: Final = {name.lower(): name for name in KINDS}

FLAG_EMPTY: Final = 1
FLAG_CONTAINER: Final = 2
FLAG_HIDDEN: Final = 4
FLAG_HAS_PARENT: Final = 8
FLAG_STATIC_MEMBER: Final = 16
FLAG_UNREFERENCED: Final = 32


def kind_name(kind: str | int) -> str:
    """The table's spelling of a kind given by name (any case) or by number.

    Raises:
        EmbedderError: no such kind.
    """
    if isinstance(kind, int) and not isinstance(kind, bool) and 0 <= kind < len(KINDS):
        return KINDS[kind]
    name = _KIND_BY_LOWER.get(kind.lower()) if isinstance(kind, str) else None
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
        flags: bits of upstream's field flags (`FLAG_*`).
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

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to the value in an event."""
        return tuple(self.name.split("."))

    @property
    def hidden(self) -> bool:
        """Not shown in tables unless asked for; access and emission are the same."""
        return bool(self.flags & FLAG_HIDDEN) or self.annotations.get("columns.hidden") == "true"

    @property
    def has_value(self) -> bool:
        """False for the fields that only group others, and those taken out of the name index."""
        return not self.flags & (FLAG_EMPTY | FLAG_CONTAINER | FLAG_UNREFERENCED)


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
