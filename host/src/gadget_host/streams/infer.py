"""A schema guessed from events, for streams that come without one.

    true, false -> Bool      1.5 -> Float64      "text" -> String      {"a": {"b": 1}} -> field "a.b"
    integers -> Int64, or Uint64 when one is beyond 2^63-1; with a fraction among them, Float64

JSON does not say whether a string was bytes in hexadecimal: it is taken for a String.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from gadget_host.schema import MOST_FIELDS, MOST_LEVELS, FieldSchema, SourceSchema

__all__ = ["Inference", "infer"]

_INT64_MAX: Final = (1 << 63) - 1
_NUMBERS: Final = ("Int64", "Uint64", "Float64")  # each takes in those before it


@dataclass(frozen=True, slots=True)
class Inference:
    """A guessed schema.

    Args:
        schema: what was found; fields in order of appearance.
        events: how many were looked at.
        left_out: fields that have no kind, and why: full name -> reason.
    """

    schema: SourceSchema
    events: int
    left_out: dict[str, str]

    def __str__(self) -> str:
        kinds = ", ".join(f"{field.name} {field.kind}" for field in self.schema.fields)
        text = f"source {self.schema.name!r} ({self.schema.type}): {kinds or 'no fields'}"
        left = "".join(f"; {name} left out: {reason}" for name, reason in self.left_out.items())
        return f"kinds inferred from {self.events} event{'' if self.events == 1 else 's'}: {text}{left}"


def infer(name: str, events: Iterable[object]) -> Inference:
    """Guess the schema of the data source `name` from some of its events.

    An array source is one whose first event is a list. Null, and what is not an event, tells nothing. Where
    values disagree (a number, then a string) the first one wins, so that the others are the bad ones.
    """
    kinds: dict[str, str] = {}
    left_out: dict[str, str] = {}
    array: bool | None = None
    count = 0
    for event in events:
        if array is None:
            array = isinstance(event, list)
        count += 1
        for row in event if isinstance(event, list) else (event,):
            if isinstance(row, dict):
                _look_at(row, kinds, left_out)
    left_out = {name: reason for name, reason in left_out.items() if name not in kinds}
    fields = tuple(FieldSchema(path, kind) for path, kind in kinds.items())
    return Inference(SourceSchema(name, "array" if array else "single", fields), count, left_out)


def _look_at(row: dict[str, Any], kinds: dict[str, str], left_out: dict[str, str]) -> None:
    for path, value in _leaves(row, "", left_out):
        kind = _kind(value)
        if kind is None:
            left_out.setdefault(path, "always null" if value is None else f"a {type(value).__name__}")
        elif path in kinds:
            kinds[path] = _merge(kinds[path], kind)
        elif len(kinds) >= MOST_FIELDS:
            left_out.setdefault(path, f"there are {MOST_FIELDS} others")
        elif not _clashes(path, kinds):
            kinds[path] = kind


def _leaves(row: dict[str, Any], prefix: str, left_out: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if "." in key:
            left_out[prefix + key] = "a dot in a name stands for a level"
        elif isinstance(value, dict) and prefix.count(".") >= MOST_LEVELS - 1:
            left_out[prefix + key] = f"more than {MOST_LEVELS} levels"
        elif isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.", left_out)
        else:
            yield prefix + key, value


def _kind(value: object) -> str | None:
    if isinstance(value, bool):
        return "Bool"
    if isinstance(value, int):
        return "Int64" if value <= _INT64_MAX else "Uint64"
    if isinstance(value, float):
        return "Float64"
    return "String" if isinstance(value, str) else None


def _merge(old: str, new: str) -> str:
    if old in _NUMBERS and new in _NUMBERS:
        return max(old, new, key=_NUMBERS.index)
    return old


def _clashes(path: str, kinds: dict[str, str]) -> bool:
    """Whether a field is already known that would have to be a value and a level at once."""
    parts = path.split(".")
    above = (".".join(parts[:count]) for count in range(1, len(parts)))
    return any(name in kinds for name in above) or any(name.startswith(path + ".") for name in kinds)
