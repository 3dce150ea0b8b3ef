"""A session: workers in processes of their own, watched, and what they found in a table."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final

from .worker import expected

HANG: Final = 120.0
"""Seconds after which a case that says nothing is taken to hang; a healthy one takes less than one."""
ENOUGH: Final = 100_000
"""Calls from which on every function must have been reached in success and in failure."""
MOST_FAILURES: Final = 5
MOST_GROWTH: Final = 256 << 10
"""KiB by which a worker may grow after its first quarter."""


@dataclass
class Summary:
    """What a session has seen."""

    seed: int
    cases: int = 0
    calls: int = 0
    compared: int = 0
    sets: dict[str, Counter[str]] = field(default_factory=dict)
    functions: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    unsaid: Counter[str] = field(default_factory=Counter)
    pages: int = 0
    kilobytes: list[int] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    readers: dict[str, Counter[bool]] = field(default_factory=dict)
    replay: str = ""

    def again(self, number: int) -> str:
        """How to run a case again."""
        return f"python -m tests.fuzz {self.replay}--seed {self.seed} --case {number}"

    def add(self, about: dict[str, Any]) -> None:
        """A case has ended."""
        self.cases += 1
        self.calls += about["calls"]
        self.compared += about["compared"]
        row = self.sets.setdefault(about["set"], Counter())
        mode = "wild" if about["wild"] else "strict" if about["strict"] else "careful"
        row.update({"cases": 1, "calls": about["calls"], "compared": about["compared"], mode: 1})
        for name, outcome, count in about["functions"]:
            self.functions.setdefault(name, Counter())[outcome] += count
        self.reasons.update(about["reasons"])
        if about["unsaid"]:
            self.unsaid[about["unsaid"]] += 1
        self.pages = max(self.pages, about["pages"])
        self.kilobytes.append(about["kilobytes"])

    def missing(self) -> list[str]:
        """Functions that a long session did not reach in success, or in failure."""
        if self.calls < ENOUGH:
            return []
        wanted = {pair for name in self.sets for pair in expected(name)}
        return [
            f"{name}: never {outcome}"
            for name, outcome in sorted(wanted)
            if not self.functions[name][outcome]
        ]

    def growth(self) -> int:
        """KiB that the process grew by after the first quarter."""
        return self.kilobytes[-1] - self.kilobytes[len(self.kilobytes) // 4] if self.kilobytes else 0

    def reader_lines(self) -> list[str]:
        """The table of a session with readers."""
        total = sum(row.total() for row in self.readers.values())
        lines = [f"seed {self.seed}: {total:,} spoiled files", "", f"{'reader':<12}{'read':>9}{'refused':>9}"]
        return [*lines, *(f"{name:<12}{row[False]:>9,}{row[True]:>9,}" for name, row in self.readers.items())]

    def lines(self) -> list[str]:
        """The table of a session with gadgets."""
        lines = [
            f"seed {self.seed}: {self.calls:,} host calls in {self.cases:,} gadgets, {self.compared:,} results"
        ]
        lines[0] += " compared with the model"
        lines += [
            "",
            f"{'set':<8}{'gadgets':>9}{'careful':>9}{'strict':>8}{'wild':>6}{'calls':>11}{'compared':>11}",
        ]
        for name, row in sorted(self.sets.items()):
            lines.append(
                f"{name:<8}{row['cases']:>9,}{row['careful']:>9,}{row['strict']:>8,}{row['wild']:>6,}"
                f"{row['calls']:>11,}{row['compared']:>11,}"
            )
        lines += ["", f"{'function':<28}{'ok':>10}{'error':>10}{'trap':>8}"]
        for name, row in sorted(self.functions.items()):
            lines.append(f"{name:<28}{row['ok']:>10,}{row['error']:>10,}{row['trap']:>8,}")
        lines += ["", "GuestErrors"]
        lines += [f"{count:>8,}  {reason}" for reason, count in self.reasons.most_common()]
        lines += ["", "gadgets that were not compared to their end, because the semantics do not say"]
        lines += [f"{count:>8,}  {why}" for why, count in self.unsaid.most_common()]
        lines += ["", f"most pages of a data plane: {self.pages}; process grew by {self.growth():,} KiB"]
        return [*lines, *self.missing()]


class Worker:
    """A child process and what it says.

    Args:
        command: what it runs.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.said: queue.Queue[str | None] = queue.Queue()
        self._errors: list[str] = []
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True),
            threading.Thread(target=self._read_errors, args=(self.process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self.said.put(line)
        self.said.put(None)

    def _read_errors(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._errors = [*self._errors[-40:], line]

    def end(self) -> tuple[int, str]:
        """Its exit code and the last it wrote to stderr."""
        self.process.kill()
        code = self.process.wait()
        for thread in self._threads:
            thread.join()
        return code, "".join(self._errors)


def run(seed: int, calls: int, sets: Sequence[str], *, only: int | None = None) -> Summary:
    """Run gadgets; see `Summary.failures` for what went wrong."""
    summary, first = Summary(seed), only or 0
    while summary.calls < calls and len(summary.failures) < MOST_FAILURES:
        last = _work(summary, first, only, f"--calls={calls - summary.calls}", f"--sets={','.join(sets)}")
        if only is not None or last is None:
            break
        first = last + 1
    return summary


def run_readers(seed: int, inputs: int, *, only: int | None = None) -> Summary:
    """Give spoiled files to the readers."""
    summary, first = Summary(seed, replay="--readers "), only or 0
    while first < inputs and len(summary.failures) < MOST_FAILURES:
        last = _work(summary, first, only, "--readers", f"--inputs={inputs}")
        if only is not None or last is None:
            break
        first = last + 1
    return summary


def _work(summary: Summary, first: int, only: int | None, *arguments: str) -> int | None:
    command = [sys.executable, "-m", "tests.fuzz", "--worker", f"--seed={summary.seed}", f"--first={first}"]
    return watch(Worker([*command, *(["--only"] if only is not None else []), *arguments]), summary, first)


def watch(worker: Worker, summary: Summary, number: int, *, hang: float = HANG) -> int | None:
    """Listen to a worker to its end; the case that was its undoing, None when it ended well."""
    while True:
        try:
            line = worker.said.get(timeout=hang)
        except queue.Empty:
            worker.end()
            summary.failures.append(f"{summary.again(number)}: hangs for {hang:g} s")
            return number
        if line is None:
            break
        about = json.loads(line)
        number = about.get("begin", number)
        if "end" in about:
            summary.add(about)
        elif "read" in about:
            summary.readers.setdefault(about["read"], Counter())[about["refused"]] += 1
        elif "failure" in about:
            summary.failures.append(f"{summary.again(number)}: {about['about']}\n{about['what']}")
        elif "shrunk" in about:
            summary.failures[-1] += about["shrunk"]
        if len(summary.failures) >= MOST_FAILURES:
            worker.end()
            return None
    code = worker.process.wait()
    _, errors = worker.end()
    if code:
        summary.failures.append(f"{summary.again(number)}: the process died, {code}\n{errors}")
        return number
    return None
