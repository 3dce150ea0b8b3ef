"""The answers of an adapter, taken apart: what does not have its shape is an AdapterError, never a crash of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .adapter import AdapterError

__all__ = ["Observation", "Packet", "handles", "memory", "observation", "sources"]

T = TypeVar("T")
Packet = list[Mapping[str, bytes]]


@dataclass(frozen=True)
class Observation:
    """What was seen in a step.

    Args:
        failed: why the step failed, None when it did not.
        logs: level and message, in order.
        events: source and packet, in order.
    """

    failed: str | None
    logs: list[tuple[int, str]]
    events: list[tuple[str, Packet]]


def observation(do: str, answer: Mapping[str, Any]) -> Observation:
    """The observation in an answer."""
    if "failed" not in answer:
        raise AdapterError(f"{do}: the answer has no 'failed'")
    failed = None if answer["failed"] is None else _get(do, answer, "failed", str)
    logs = [
        (_get(do, line, "level", int), _get(do, line, "message", str)) for line in _list(do, answer, "logs")
    ]
    events = [
        (_get(do, event, "source", str), [_element(do, item) for item in _list(do, event, "packet")])
        for event in _list(do, answer, "events")
    ]
    return Observation(failed, logs, events)


def memory(do: str, answer: Mapping[str, Any], length: int) -> bytes:
    """The bytes that were asked for."""
    data = _hex(do, _get(do, answer, "bytes", str))
    if len(data) != length:
        raise AdapterError(f"{do}: {length} bytes were asked for, and {len(data)} given")
    return data


def handles(do: str, answer: Mapping[str, Any]) -> int:
    """The number of open handles."""
    return _get(do, answer, "handles", int)


def sources(do: str, answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The descriptions of data sources."""
    found = _list(do, answer, "sources")
    for source in found:
        _get(do, source, "name", str)
        for field in _list(do, source, "fields"):
            _get(do, field, "name", str)
    return found


def _element(do: str, item: Mapping[str, Any]) -> Mapping[str, bytes]:
    return {name: _hex(do, digits) for name, digits in item.items()}


def _hex(do: str, digits: object) -> bytes:
    try:
        return bytes.fromhex(digits)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise AdapterError(f"{do}: not hexadecimal digits: {digits!r:.80}") from None


def _list(do: str, data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = _get(do, data, key, list)
    if not all(isinstance(item, dict) for item in found):
        raise AdapterError(f"{do}: {key!r} has more than objects in it")
    return found


def _get(do: str, data: Mapping[str, Any], key: str, kind: type[T]) -> T:
    found = data.get(key)
    if found is None:
        raise AdapterError(f"{do}: the answer has no {key!r}")
    if not isinstance(found, kind):
        raise AdapterError(f"{do}: {key!r} is {found!r:.80}, which is no {kind.__name__}")
    return found
