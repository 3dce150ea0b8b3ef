"""From the protocol's packets, lists of elements that are the bytes of their fields, to this host's events."""

from __future__ import annotations

import struct
from typing import Any

from ..fields import Field
from ..source import Source
from ..values import FORMATS
from .observer import Element

__all__ = ["from_wire"]


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
