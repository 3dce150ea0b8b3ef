"""This host and the real Inspektor Gadget side by side: speed, starts, memory. README.md says what is measured.

The same modules and the same events on both, in turn; figures are medians.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gadget_abi import EmbedderError
from gadget_conformance.adapter import AdapterError
from tests.upstream.bench.cases import ACROSS, SPEED, WITH_DICTS, Case
from tests.upstream.bench.languages import LANGUAGES, build
from tests.upstream.bench.machine import describe
from tests.upstream.bench.measure import Bench, Effort
from tests.upstream.bench.picture import draw
from tests.upstream.bench.rows import Report, Row
from tests.upstream.bench.running import DifferentError
from tests.upstream.bench.sides import THEIR_CACHE, Sides, tidy
from tests.upstream.bench.table import SECTIONS, body, head, tail
from tests.upstream.build import RELEASES, NotHereError, adapter

NEWEST = list(RELEASES)[-1]
QUICK = Effort(rounds=1, seconds=0.01, instances=2)
NOT_HERE = 77  # exit code: this machine lacks what it takes
NO_CACHE = f"starts of what was compiled, and memory: upstream caches modules for root only, in {THEIR_CACHE}"


def arguments() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m tests.upstream.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="samples of each side (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one short sample of each side, to try it")
    names = ", ".join((*SECTIONS, *map(str.lower, LANGUAGES)))
    parser.add_argument("--only", metavar="WORD,...", default="", help=f"some of it: {names}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw the report's events")
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="show what --json wrote, and measure nothing"
    )
    parser.add_argument(
        "--missing",
        action="store_true",
        help="build everything, and say what this machine lacks, if anything",
    )
    return parser


class Chosen:
    """What --only leaves.

    Args:
        text: words with commas between them; of a kind that is not named, everything.

    Raises:
        ValueError: a word that is none.
    """

    def __init__(self, text: str) -> None:
        words = set(filter(None, text.lower().split(",")))
        guests = {guest for guest in LANGUAGES if guest.lower() in words}
        if unknown := words - set(SECTIONS) - {guest.lower() for guest in guests}:
            raise ValueError(f"--only: nothing is called {', '.join(sorted(unknown))}")
        self.sections = [section for section in SECTIONS if not words & set(SECTIONS) or section in words]
        self.guests = [guest for guest in LANGUAGES if not guests or guest in guests]

    def cases(self, cases: list[Case]) -> list[Case]:
        """Those of the guests chosen."""
        return [case for case in cases if {case.guest, case.theirs or case.guest} <= set(self.guests)]


def measure(bench: Bench, chosen: Chosen) -> Iterator[Row]:
    """The rows that are wanted, as they are measured."""
    for section, cases in (("speed", SPEED), ("across", ACROSS), ("dicts", WITH_DICTS)):
        if section in chosen.sections:
            yield from bench.speed(section, chosen.cases(cases))
    if "start" in chosen.sections:
        for guest in chosen.guests:
            yield from bench.starts(guest)
    if "memory" in chosen.sections and bench.sides.they_keep_modules:
        yield from map(bench.memory, chosen.guests)


def run(chosen: Chosen, effort: Effort) -> Report:
    """Measure, printing each row as it comes."""
    with tempfile.TemporaryDirectory() as name, tidy():
        directory, rows = Path(name), list[Row]()
        sides = Sides(adapter(NEWEST), directory)
        bench = Bench(sides, build(chosen.guests, directory), directory, effort)
        machine = describe(NEWEST)
        print(head(machine), flush=True)
        for line in body(kept(measure(bench, chosen), rows)):
            print(line, flush=True)
    return Report(machine, rows, [] if sides.they_keep_modules else [NO_CACHE])


def kept(rows: Iterator[Row], into: list[Row]) -> Iterator[Row]:
    """The rows, each put into a list on its way."""
    for row in rows:
        into.append(row)
        yield row


def missing() -> str:
    """What this machine lacks; "" if it has everything. What takes long to build is built then."""
    with tempfile.TemporaryDirectory() as name:
        try:
            adapter(NEWEST)
            build([guest for guest in LANGUAGES if guest != "Python"], Path(name))
        except NotHereError as error:
            return str(error)
    return ""


def main(argv: list[str] | None = None) -> int:
    """Measure and show, or show what was measured."""
    options = arguments().parse_args(argv)
    if options.missing:
        print(missing(), end="")
        return 0
    try:
        chosen = Chosen(options.only)
        effort = QUICK if options.quick else Effort(options.rounds)
        report = Report.read(options.report) if options.report else run(chosen, effort)
        if options.report:
            print("\n".join([head(report.machine), *body(report.rows)]))
        print("\n".join(tail(report)))
        if options.json:
            report.write(options.json)
        if options.picture:
            options.picture.write_text(draw(report), encoding="utf-8")
    except NotHereError as error:
        print(f"not here: {error}", file=sys.stderr)
        return NOT_HERE
    except (AdapterError, DifferentError, EmbedderError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
