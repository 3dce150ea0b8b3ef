"""From a batch of events, as people write them, to rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .rows import Codec, Event
from .schema import EventError, SourceType, describe

__all__ = ["Encoder", "WiderError"]


class WiderError(Exception):
    """An event has a field that the rows have not: one the guest added."""


class Encoder:
    """Encodes the events of one batch, and keeps those that had to be put right.

    Args:
        codec: of the source.
        unknown: "error" or "drop".
    """

    def __init__(self, codec: Codec, unknown: str) -> None:
        self._codec, self._unknown = codec, unknown
        self.cleaned: dict[int, Any] = {}

    def packet(self, kind: SourceType, event: Any, index: int) -> bytes:
        """The row of an event, or the rows of a list of them behind their number."""
        if kind == "single":
            try:
                return self._codec.encode(event)
            except Exception:
                self.cleaned[index] = clean = self._clean(event, index)
                return self._codec.encode_clean(clean)
        if not isinstance(event, list | tuple):
            raise EventError(self._codec.source, index, "", "a list of objects", describe(event))
        rows, clean_rows = [len(event).to_bytes(4, "little")], list(event)
        for number, element in enumerate(event):
            try:
                rows.append(self._codec.encode(element))
            except Exception:
                clean_rows[number] = clean = self._clean(element, index)
                rows.append(self._codec.encode_clean(clean))
        self.cleaned[index] = clean_rows
        return b"".join(rows)

    def _clean(self, event: Any, index: int) -> Event:
        if isinstance(event, Mapping):
            for key in self._codec.unknown_keys(event):
                if self._codec.has(key):
                    raise WiderError
                if self._unknown == "error":
                    raise EventError(self._codec.source, index, key, "a field of the source", "no such field")
        return self._codec.clean(event, index)
