"""What is compared: which guest does what to which events."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tests.upstream.bench.languages import LANGUAGES

__all__ = ["ACROSS", "ELEMENTS", "SOURCE", "SPEED", "TARGETS", "WITH_DICTS", "Case", "Way"]

SOURCE = "events"
ELEMENTS = 16  # in a packet of an array source
TARGETS = {"WAT": 20.0, "C": 20.0, "Go": 10.0, "Python": 5.0}
"""How many times as many events a second as upstream are asked for."""

_RECORDS = 2000  # of a file at most,
_BYTES = 1 << 20  # and about so many bytes; both a multiple of what a packet has
_PATH = "/home/alice/projects/weather/2026/november/"

Way = Literal["records", "from dicts", "into dicts"]


@dataclass(frozen=True)
class Case:
    """One guest and its events.

    Args:
        guest: its language.
        calls: host calls for each event.
        size: bytes of the text in an event.
        type: of the source.
        theirs: language of the guest on the other host; the same unless given.
        way: how events come in and out on our side.
    """

    guest: str
    calls: int = 3
    size: int = 16
    type: Literal["single", "array"] = "single"
    theirs: str = ""
    way: Way = "records"

    @property
    def guests(self) -> str:
        """The guest, or the guests of both hosts, ours first."""
        return f"{self.guest} / {self.theirs}" if self.theirs else self.guest

    @property
    def what(self) -> str:
        """What it does, in words."""
        kind = f", arrays of {ELEMENTS}" if self.type == "array" else ""
        way = "" if self.way == "records" else f", {self.way}"
        return f"{self.calls} calls, {self.size} bytes{kind}{way}"

    @property
    def elements(self) -> int:
        """Records that make a packet."""
        return ELEMENTS if self.type == "array" else 1

    @property
    def setup(self) -> dict[str, Any]:
        """What the hosts set up: the source, and the guest's parameters."""
        members = [
            {"name": "pid", "kind": "Uint32", "offset": 0, "size": 4},
            {"name": "text", "kind": "CString", "offset": 4, "size": self.size},
        ]
        structure = {"size": 4 + self.size, "members": members}
        return {
            "log_level": "Warn",
            "params": {"calls": str(self.calls), "size": str(self.size)},
            "sources": [{"name": SOURCE, "type": self.type, "structs": [structure]}],
        }

    def records(self, most: int = _RECORDS) -> bytes:
        """Records as an eBPF program writes them, whole packets."""
        count = min(most, _BYTES // (4 + self.size))
        text = (_PATH * (self.size // len(_PATH) + 1)).encode()
        form = struct.Struct(f"<I{self.size}s")
        return b"".join(form.pack(number * 7919, text) for number in range(count - count % ELEMENTS))

    def expected(self, records: bytes) -> Iterable[dict[str, str]]:
        """What comes of records: in each round of three calls the text moves on by a digit of the process ID."""
        rounds = self.calls // 3
        for number, text in struct.iter_unpack(f"<I{self.size}s", records):
            moved = text[rounds:] + str(number % 10).encode() * rounds
            yield {"pid": struct.pack("<I", number).hex(), "text": moved.hex()}


SPEED = [
    case
    for guest in LANGUAGES
    for case in (
        *(Case(guest, calls=calls) for calls in (0, 3, 20)),
        *(Case(guest, size=size) for size in (256, 4096)),
        Case(guest, type="array"),
    )
]
ACROSS = [Case("Python", calls=calls, theirs="Go") for calls in (3, 20)]
WITH_DICTS = [Case(guest, way=way) for guest in LANGUAGES for way in ("from dicts", "into dicts")]
