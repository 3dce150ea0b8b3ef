"""Fields of events that their source does not have, and that are therefore dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from gadget_host.schema import SourceSchema

__all__ = ["Undeclared"]

_SAMPLE: Final = 200


class Undeclared:
    """Looks for undeclared fields in a sample of the events: looking at all of them would cost too much.

    The sample is the first 200 events of a source, and the first and the last one of every batch.

    Args:
        tell: takes one message per source and field.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._known: dict[str, set[str]] = {}

    def look(self, schema: SourceSchema, events: Sequence[Any]) -> None:
        """Look at a batch, before it is emitted."""
        known = self._known.get(schema.name)
        sample: Sequence[Any] = (events[0], events[-1])
        if known is None:
            known = self._known[schema.name] = {field.name for field in schema.fields}
            sample = [*events[:_SAMPLE], events[-1]]
        for event in sample:
            for row in event if isinstance(event, list) else (event,):
                if isinstance(row, dict):
                    self._look_at(row, schema.name, known)

    def _look_at(self, row: dict[str, Any], source: str, known: set[str]) -> None:
        for name in _paths(row, known):
            if name not in known:
                known.add(name)
                self._tell(f"field {name!r} is dropped: data source {source!r} does not declare it")


def _paths(row: dict[str, Any], known: set[str], prefix: str = "") -> Iterator[str]:
    for key, value in row.items():
        name = prefix + key
        if isinstance(value, dict) and name not in known:
            yield from _paths(value, known, f"{name}.")
        else:
            yield name
