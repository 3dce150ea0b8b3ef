"""gadget conformance: run the suite on a host."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import gadget_abi

__all__ = ["register"]

_DESCRIPTION = """\
Run the conformance suite on a host of Inspektor Gadget's wasm ABI, through an adapter: a program that
answers requests, a line of JSON each, on its standard input and output. Without --adapter the host that is
installed beside this command is asked.

Each case is run once for each signature set it applies to, as the newest release of that set. Cases that are
not required are reported when they differ, but do not count as failures."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "conformance",
        help="run the conformance suite on a host",
        description=_DESCRIPTION,
        epilog="exit code: 0 when all is as expected, 1 when not, 2 when the suite could not be run",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--adapter", metavar="CMD", help="command line of the adapter")
    parser.add_argument(
        "--strict", action="store_true", help="ask for upstream's quirks instead of careful behaviour"
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--release", metavar="V", help="only as this release (v0.34.0)")
    which.add_argument("--set", metavar="SIG", help="only this signature set (sig-2)")
    parser.add_argument("--only", metavar="PATTERN", help="only cases whose id fits, as in fields/*")
    parser.add_argument("--cases", metavar="FILE", type=Path, help="cases of your own instead of the suite's")
    parser.add_argument(
        "--expectations", metavar="FILE", type=Path, help="TOML: what is known about this host"
    )
    parser.add_argument(
        "--timeout", metavar="S", type=float, default=30.0, help="seconds for each answer (30)"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=_jobs, default=_jobs(), help="adapters at a time (one per CPU)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the results as JSON")
    parser.add_argument("--junit", metavar="FILE", type=Path, help="write the results as JUnit's XML")
    parser.add_argument("--matrix", action="store_true", help="print what is covered, and run nothing")
    parser.add_argument("--list", action="store_true", help="print the cases, and run nothing")
    parser.set_defaults(run=run)


def _jobs(text: str = "") -> int:
    """How many adapters: a number above 0, or one for each CPU, four at most."""
    number = int(text) if text else min(os.cpu_count() or 1, 4)
    if number < 1:
        raise ValueError
    return number


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from .session import conform  # not when the command line is built: every command would pay for it

    try:
        return conform(args, gadget_abi.load())
    except gadget_abi.EmbedderError as error:
        print(f"gadget conformance: {error}", file=sys.stderr)
        return 2
