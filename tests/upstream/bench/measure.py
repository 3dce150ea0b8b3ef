"""Measures the two hosts side by side: a sample of ours, one of theirs, and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gadget_conformance.adapter import Adapter
from tests.upstream.bench.cases import TARGETS, Case
from tests.upstream.bench.languages import as_new
from tests.upstream.bench.rows import Row
from tests.upstream.bench.running import Running
from tests.upstream.bench.sides import Sides

__all__ = ["Bench", "Effort"]

_MIB = 1 << 20
_FEW_ROUNDS = 3  # of what takes long and varies little


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Args:
        rounds: samples of each side.
        seconds: that a sample of the speed takes, about.
        instances: further ones in a process, for the memory they take.
    """

    rounds: int = 5
    seconds: float = 0.25
    instances: int = 8


@dataclass(frozen=True)
class Bench:
    """The two hosts and the guests.

    Args:
        sides: the hosts.
        modules: guests by language.
        directory: for files.
        effort: how much is measured.
    """

    sides: Sides
    modules: Mapping[str, Path]
    directory: Path
    effort: Effort

    def speed(self, section: str, cases: Iterable[Case]) -> Iterator[Row]:
        """Microseconds that an event takes."""
        with closing(self.sides.ours()) as ours, closing(self.sides.theirs()) as theirs:
            for case in cases:
                yield self._speed(section, case, ours, theirs)

    def _speed(self, section: str, case: Case, ours: Adapter, theirs: Adapter) -> Row:
        row = Row(section, case.guests, case.what, "us", _target(case))
        sides = [(self._running(ours, case, case.guest), row.ours)]
        sides += [(self._running(theirs, case, case.theirs or case.guest), row.theirs)]
        for running, _ in sides:
            running.check()
        counts = [running.prepare(self.effort.seconds) for running, _ in sides]
        for _ in range(self.effort.rounds):
            for (running, samples), count in zip(sides, counts, strict=True):
                samples.append(running.sample(count))
        return row

    def starts(self, guest: str) -> list[Row]:
        """Milliseconds from the module to the started guest, each in a fresh process: compiled there, and before."""
        names = ["cold", "compiled before"] if self.sides.they_keep_modules else ["cold"]
        rows = [Row("start", guest, name, "ms") for name in names]
        for module in islice(as_new(self.modules[guest]), min(self.effort.rounds, _FEW_ROUNDS)):
            cache = self.sides.empty_cache()
            for row in rows:
                row.ours.append(self._start(self.sides.ours(cache), guest, module))
                row.theirs.append(self._start(self.sides.theirs(), guest, module))
        return rows

    def _start(self, host: Adapter, guest: str, module: Path) -> float:
        with closing(host):
            return Running(host, Case(guest), module, self.directory).begin() * 1000

    def memory(self, guest: str) -> Row:
        """MiB that a further instance takes in a process where others run."""
        row = Row("memory", guest, "a further instance", "MiB")
        for _ in range(min(self.effort.rounds, _FEW_ROUNDS)):
            for host, samples in ((self.sides.ours(), row.ours), (self.sides.theirs(), row.theirs)):
                with closing(host):
                    running = self._running(host, Case(guest), guest)
                    running.prepare(0)
                    samples.append(running.hold(self.effort.instances) / _MIB)
        return row

    def _running(self, host: Adapter, case: Case, guest: str) -> Running:
        return Running(host, case, self.modules[guest], self.directory)


def _target(case: Case) -> float | None:
    if case.way != "records":
        return None
    return 1.0 if case.theirs else TARGETS[case.guest]
