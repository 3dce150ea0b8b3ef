"""`python -m tests.fuzz`: generated guests against the host, or spoiled files against its readers.

python -m tests.fuzz                        200,000 host calls
python -m tests.fuzz --calls 5000000        more of them
python -m tests.fuzz --seed 7 --case 12     one case again, made smaller if it fails
python -m tests.fuzz --readers              8,000 spoiled files; with --seed and --case as above
"""

from __future__ import annotations

import argparse
import random
import sys

from . import session
from .guest import ABI
from .worker import Work, read, work

CALLS = 200_000
INPUTS = 8_000
SEED = 1


def main() -> int:
    """Run a session; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=CALLS, help=f"host calls to make ({CALLS:,})")
    parser.add_argument("--seed", type=int, default=SEED, help="0 for a new one")
    parser.add_argument("--case", type=int, help="run just this case")
    parser.add_argument(
        "--sets", default=",".join(s.name for s in ABI.signature_sets), help="sig-1,sig-2,..."
    )
    parser.add_argument("--readers", action="store_true", help="spoil files instead of making host calls")
    parser.add_argument("--inputs", type=int, default=INPUTS, help=f"files to spoil ({INPUTS:,})")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        return as_worker(options)
    seed = options.seed or random.SystemRandom().randrange(1, 1 << 31)
    if options.readers:
        summary = session.run_readers(seed, options.inputs, only=options.case)
        print("\n".join(summary.reader_lines()))
    else:
        summary = session.run(seed, options.calls, options.sets.split(","), only=options.case)
        print("\n".join(summary.lines()))
    print(*(f"\nFAILURE {text}" for text in summary.failures), sep="\n", end="")
    return 1 if summary.failures or summary.missing() or summary.growth() > session.MOST_GROWTH else 0


def as_worker(options: argparse.Namespace) -> int:
    """Be the child of a session."""
    if options.readers:
        read(options.seed, options.first, options.inputs, only=options.only)
    else:
        sets = options.sets.split(",")
        work(Work(options.seed, options.first, options.calls, sets, only=options.only))
    return 0


if __name__ == "__main__":
    sys.exit(main())
