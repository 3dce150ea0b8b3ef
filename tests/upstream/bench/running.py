"""One case in the process of one host: begun, looked at, timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from gadget_conformance.adapter import Adapter
from tests.upstream.bench.cases import SOURCE, Case

__all__ = ["DifferentError", "Running"]

_FEW: Final = 64  # records that are looked at
_SHORTEST: Final = 0.05  # seconds that tell how long a sample will take
_WARMING: Final = 5  # a fifth of a sample's events come before it
_MORE: Final = 1  # the SDK of Python asks once again for a text that its buffer is too small for
_GO_LIVES: Final = 64 << 20  # bytes of text; see README.md
_SHOWN: Final = 80  # characters of a text that is not as expected


class DifferentError(Exception):
    """A host did not do the work that is to be timed."""


class Running:
    """A case that a host runs.

    Args:
        host: its process.
        case: what is run.
        module: the guest.
        directory: for the file of records.
    """

    def __init__(self, host: Adapter, case: Case, module: Path, directory: Path) -> None:
        self._host, self._case, self._module = host, case, module
        self._records = directory / "records"
        self._request: dict[str, Any] = {
            "module": str(module),
            "setup": case.setup,
            "source": SOURCE,
            "file": str(self._records),
            "elements": case.elements,
            "way": case.way,
        }

    def begin(self) -> float:
        """Begin the guest, with nothing of ours between it and its host; seconds from its module to its start."""
        return self._begin(plain=True)

    def _begin(self, *, plain: bool) -> float:
        return float(self._host.ask("begin", **self._request, plain=plain)["seconds"])

    def check(self) -> None:
        """Look at what comes out for a few records.

        Raises:
            DifferentError: not what the guest is to make of them.
        """
        self._begin(plain=False)
        records = self._case.records(_FEW)
        found = self._emit(records, 1)["events"]
        elements = [element for event in found for element in event["packet"]]
        for number, (element, expected) in enumerate(
            zip(elements, self._case.expected(records), strict=False)
        ):
            self._must_be(expected, element, f"record {number}")
        self._must_be(len(list(self._case.expected(records))), len(elements), "number of events")

    def prepare(self, seconds: float) -> int:
        """Write the records, and begin the guest.

        Returns:
            How many times they are to be emitted for a sample to take about so many seconds.
        """
        self.begin()
        self._write(self._case.records())
        count = 1
        while (taken := self._again(count)) < min(_SHORTEST, seconds):
            count *= 2
        return max(1, min(round(seconds * count / taken), self._most))

    def sample(self, count: int) -> float:
        """Begin the guest, warm it, emit the records so many times; microseconds for each event."""
        self.begin()
        self._again(max(1, count // _WARMING))
        return self._again(count) / (count * self._number) * 1e6

    def hold(self, count: int) -> float:
        """Run further guests beside this one; bytes that each takes."""
        return float(self._host.ask("hold", **self._request, plain=True, count=count)["bytes"]) / count

    # ------------------------------------------------------------------------------------------------ records

    @property
    def _most(self) -> int:
        """How many times a guest can be given the records."""
        text = self._number * self._case.size * (self._case.calls // 3)
        return _GO_LIVES // text if text and self._module.stem == "go" else 1 << 30

    def _write(self, records: bytes) -> None:
        self._records.write_bytes(records)
        self._number = len(records) // (4 + self._case.size)
        self._last = next(iter(self._case.expected(records[-4 - self._case.size :])))

    def _emit(self, records: bytes, count: int) -> dict[str, Any]:
        self._write(records)
        return self._host.ask("bench", **self._request, count=count)

    def _again(self, count: int) -> float:
        """Seconds that emitting the records so many times takes."""
        answer = self._host.ask("bench", **self._request, count=count)
        events = count * self._number
        self._must_be(events, answer["seen"], "number of events")
        if "calls" in answer:
            more = answer["calls"] - events * self._case.calls
            self._must_be(0, 0 if 0 <= more <= _MORE else more, "further host calls")
        if "last" in answer:
            self._must_be("".join(self._last.values()), answer["last"], "last event")
        return float(answer["seconds"])

    def _must_be(self, expected: object, found: object, what: str) -> None:
        if found != expected:
            where = f"{self._host.hello.name}, {self._case.guest}, {self._case.what}"
            texts = (str(value)[:_SHOWN] for value in (expected, found))
            raise DifferentError(f"{where}: {what}: expected {', found '.join(texts)}")
