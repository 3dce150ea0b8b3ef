"""Events of this host and the protocol's: a list of elements, each with the bytes of its fields."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from ..fields import Field
from ..source import Source
from ..values import FORMATS

__all__ = ["from_wire", "to_wire"]

Element = dict[str, str]


def to_wire(source: Source, event: Any) -> list[Element]:
    """The elements of an event."""
    return [_element(source, item) for item in (event if source.type == "array" else [event])]


def _element(source: Source, event: Mapping[str, Any]) -> Element:
    fields = (field for field in source.fields if source.shown_field(field.full_name) is field)
    return {field.full_name: _bytes(field, _at(event, field.path)).hex() for field in fields}


def _at(event: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        event = event[key]
    return event


def _bytes(field: Field, value: Any) -> bytes:
    if field.kind in FORMATS:
        return struct.pack(f"<{FORMATS[field.kind]}", value)
    raw: bytes = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return raw.ljust(field.size, b"\0")


def from_wire(source: Source, packet: list[Element]) -> Any:
    """The event for Source.emit.

    Raises:
        KeyError: the source has no such field.
    """
    events = [_event(source, element) for element in packet]
    return events if source.type == "array" else events[0]


def _event(source: Source, element: Element) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for name, digits in element.items():
        field = source.shown_field(name)
        if field is None:
            raise KeyError(name)
        group = event
        for key in field.path[:-1]:
            group = group.setdefault(key, {})
        group[field.path[-1]] = _value(field, bytes.fromhex(digits))
    return event


def _value(field: Field, raw: bytes) -> Any:
    if field.kind in FORMATS:
        return struct.unpack(f"<{FORMATS[field.kind]}", raw)[0]
    return raw.decode("utf-8", "surrogateescape") if field.kind in ("String", "CString") else raw
