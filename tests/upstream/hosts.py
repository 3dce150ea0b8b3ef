"""One of the two hosts, asked step by step through the conformance protocol, and what is seen of it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from gadget_conformance.adapter import Adapter
from tests.fuzz import layout as at
from tests.fuzz.layout import Entry, decode
from tests.upstream.cases import Request

__all__ = ["Host", "Seen"]

_EVERY: Final = 2  # steps
_CLOSES: Final = "the real host closes the module"


@dataclass(frozen=True)
class Seen:
    """What was observed in a step, without what hosts may word as they like.

    Args:
        reason: why it failed; "" when it did not.
        events: source and packet of each.
        raw: what the step added to the trace.
        handles: how many are open, every other step; of a gadget that failed or was stopped 0.
        closed: our host said that the real one closes the module there: the real guest goes on up to the next place
            where wazero looks whether it is closed.
    """

    reason: str
    events: Sequence[tuple[str, Any]] = ()
    raw: bytes = b""
    handles: int = 0
    closed: bool = False

    @property
    def failed(self) -> bool:
        """Whether the step did."""
        return bool(self.reason)

    @cached_property
    def trace(self) -> Sequence[Entry]:
        """The entries the step added."""
        return decode(self.raw)


class Host:
    """A host behind an adapter.

    Args:
        process: the adapter.
    """

    def __init__(self, process: Adapter) -> None:
        self.process = process
        self._top, self._steps = at.TRACE.start, 0

    def step(self, request: Request) -> Seen:
        """Take a step, and look."""
        answer = self.process.ask(**request)
        reason = answer["failed"] or ""
        if request["do"] == "load":
            self._top, self._steps = at.TRACE.start, 0
            return Seen(reason)
        events = [(event["source"], event["packet"]) for event in answer["events"]]
        self._steps += 1
        counts = not reason and request["do"] != "stop" and self._steps % _EVERY == 0
        handles = self.process.ask("handles")["handles"] if counts else 0
        closed = any(_CLOSES in text for text in [reason, *(line["message"] for line in answer["logs"])])
        return Seen(reason, events, self._trace(), handles, closed)

    def windows(self) -> Sequence[bytes]:
        """The memory that calls may read and write."""
        return [self._read(window.start, len(window)) for window in (at.LOW, at.HIGH)]

    def _trace(self) -> bytes:
        (top,) = struct.unpack("<I", self._read(at.TRACE_TOP, 4))
        start, self._top = self._top, top
        return self._read(start, top - start) if top > start else b""

    def _read(self, address: int, size: int) -> bytes:
        return bytes.fromhex(self.process.ask("read", address=address, length=size)["bytes"])
