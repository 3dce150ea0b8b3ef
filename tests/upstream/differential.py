"""The same generated gadgets on this host, strict, and on the real Inspektor Gadget: whatever differs is printed.

python -m tests.upstream.differential                          1,000 gadgets on every release
python -m tests.upstream.differential --cases 20000 --seed 7 --release v0.55.0 --jobs 2
python -m tests.upstream.differential --seed 7 --case 12 --release v0.55.0

Both hosts are asked through the conformance protocol, with the very same requests; compared are which steps fail,
what every call of the guest returned (its trace), its memory, the events, and the number of open handles.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gadget_conformance.adapter import Adapter, AdapterError
from tests.fuzz.guest import guest
from tests.fuzz.layout import Kind
from tests.upstream.build import RELEASES, adapter
from tests.upstream.cases import make, requests
from tests.upstream.hosts import Host, Seen
from tests.upstream.judge import Judge
from tests.upstream.repair import Life, live

OURS: Final = [sys.executable, "-m", "gadget_host.conformance"]
PATIENCE: Final = "1s"
"""How long upstream may take for a step; longer is for ever."""
WILD: Final = 0.15
"""How many gadgets may die early."""
PORTION: Final = 200
"""Gadgets that one pair of processes is asked about; upstream keeps something of each that failed."""

_SHOWN: Final = 12  # lines of a summary
_KIND: Final = re.compile(r"(?s).*? case \d+: (?:step \d+ \(\w+\): )?(\w+).*")


@dataclass
class Summary:
    """Figures of a session."""

    cases: int = 0
    whole: int = 0
    scripts: int = 0
    calls: int = 0
    events: int = 0
    classified: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)

    def add(self, other: Summary) -> None:
        """Take in the figures of another session."""
        self.cases += other.cases
        self.whole += other.whole
        self.scripts += other.scripts
        self.calls += other.calls
        self.events += other.events
        self.classified += other.classified
        self.differences += other.differences

    def saw(self, seen: Seen) -> None:
        """Count what a step did."""
        kinds = Counter(entry.kind for entry in seen.trace)
        self.scripts += kinds[Kind.HOOK] + kinds[Kind.CALLBACK]
        self.calls += kinds[Kind.CALL]
        self.events += len(seen.events)

    def ended(self, life: Life) -> None:
        """Count how a gadget ended."""
        self.whole += not (life.end or life.beyond)
        if life.beyond:
            self.classified[f"not compared: {life.beyond}"] += 1
        elif life.end:
            self.classified[f"ended in {_short(life.end)}"] += 1

    @property
    def kinds(self) -> str:
        """How many differences there are of each kind."""
        kinds = Counter(_KIND.sub(r"\1", text) for text in self.differences)
        return "".join(f", {count} of {kind}" for kind, count in kinds.most_common())

    def __str__(self) -> str:
        shown = self.classified.most_common(_SHOWN)
        rest = self.classified.total() - sum(count for _, count in shown)
        lines = [
            f"{self.cases:,} gadgets, {self.whole:,} lived to their end; {self.scripts:,} call sequences, "
            f"{self.calls:,} host calls, {self.events:,} events; {len(self.differences)} differences{self.kinds}",
            *(f"  {count:7,} {what}" for what, count in shown),
            *([f"  {rest:7,} ended otherwise"] if rest else []),
        ]
        return "\n".join(lines)


class Session:
    """Compares gadgets of one release.

    Args:
        release: of Inspektor Gadget.
        seed: of the generator.
        directory: for the module.
    """

    def __init__(self, release: str, seed: int, directory: str) -> None:
        self._release, self._seed = release, seed
        self._module = f"{directory}/{release}.wasm"
        Path(self._module).write_bytes(guest(release))
        self.summary = Summary()

    def run(self, numbers: Iterable[int]) -> Summary:
        """Compare these; the figures so far."""
        theirs = [str(adapter(self._release)), "-patience", PATIENCE]
        with Adapter(OURS) as mine, Adapter(theirs) as other:
            for number in numbers:
                self._case(number, Host(mine), Host(other))
        return self.summary

    def _case(self, number: int, ours: Host, theirs: Host) -> None:
        self.summary.cases += 1
        wild = random.Random(f"wild:{self._seed}:{number}").random() < WILD
        case = make(self._seed, number, self._release, gentle=not wild)
        try:
            life = live(case, self._module, ours, repair=not wild)
            found = self._compare(life, theirs)
        except AdapterError as error:
            found = str(error)
            ours.process.close()
            theirs.process.close()
        if found:
            self.summary.differences.append(f"{self._release} seed {self._seed} case {number}: {found}")

    def _compare(self, life: Life, theirs: Host) -> str:
        """The first difference, "" for none."""
        judge = Judge(life.case)
        comparable = life.steps[: len(life.steps) - bool(life.beyond)]
        for number, (mine, request) in enumerate(
            zip(comparable, requests(life.case, self._module), strict=False)
        ):
            self.summary.saw(mine)
            if found := judge.difference(mine, theirs.step(request)):
                return f"step {number} ({request['do']}): {found}"
            if judge.chance:
                self.summary.ended(replace(life, beyond=judge.chance))
                return ""
        if not life.beyond and life.windows != theirs.windows():
            return f"memory, in the end{life.end and f' ({life.end})'}"
        self.summary.ended(life)
        return ""


def _short(end: str) -> str:
    """Why a gadget ended, without what is different each time."""
    step, _, reason = end.partition(": ")
    words = reason.removeprefix("guest: ")
    return f"{step}: " + re.sub(r" \(an abort.*| \(byte \d+\)|\b0x[0-9a-f]+|-?\b\d+\b", "", words)[:100]


def compare(release: str, seed: int, numbers: Sequence[int]) -> Summary:
    """Compare gadgets of one release."""
    with tempfile.TemporaryDirectory() as directory:
        return Session(release, seed, directory).run(numbers)


def _portions(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[at : at + PORTION] for at in range(0, len(numbers), PORTION))


def run(releases: Sequence[str], seed: int, numbers: Sequence[int], jobs: int) -> dict[str, Summary]:
    """Compare gadgets, several at once."""
    found = {release: Summary() for release in releases}
    with ProcessPoolExecutor(jobs) as pool:
        started = [
            (release, pool.submit(compare, release, seed, portion))
            for release in releases
            for portion in _portions(numbers)
        ]
        for release, future in started:
            found[release].add(future.result())
    return found


def main() -> int:
    """Run a session; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.upstream.differential", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="gadgets for each release (1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="run just this case")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with a host of either kind (1)")
    parser.add_argument("--release", choices=RELEASES, action="append", help="all of them unless given")
    options = parser.parse_args()
    numbers = range(options.cases) if options.case is None else [options.case]
    found = run(options.release or list(RELEASES), options.seed, numbers, options.jobs)
    for release, summary in found.items():
        print(f"{release}, seed {options.seed}: {summary}")
        for text in summary.differences:
            print(f"  {text}")
    return 1 if any(summary.differences for summary in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
