"""Ten million events through a Python gadget that reads a scalar and a string and writes a string.

The guest's memory after 100,000 events and at the end must be equal: componentize-py leaks the buffer of every
byte argument unless the linker's adapters free it, and what the host allocates in the guest (link family env-malloc)
is for the guest to free.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import gadget_build
from gadget_host import Gadget
from gadget_host.schema import FieldSchema, SourceSchema

PROGRAM = Path(__file__).parent / "bench" / "program.py"
SCHEMA = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"), FieldSchema("fname", "String")))
BATCH = 10_000
MARK = 100_000


def main() -> int:
    """Run the soak; the exit code is 1 when the memory grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="default: 10,000,000")
    parser.add_argument("--abi", default="ig", help="link family: ig (default), env-dst, env-malloc")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        module = Path(directory) / "soak.wasm"
        gadget_build.build(PROGRAM, output=module, family=args.abi)
        return soak(module, args.events)


def soak(module: Path, events: int) -> int:
    """Run a module over generated events and compare its pages."""
    batch = [{"pid": n, "fname": f"/home/alice/{'d' * (n % 200)}/{n}"} for n in range(BATCH)]
    with Gadget.load(module) as gadget:
        print(gadget.decision)
        source = gadget.add_source(SCHEMA)
        gadget.start()
        begun, at_mark = time.perf_counter(), 0
        for done in range(BATCH, events + BATCH, BATCH):
            source.emit_batch(batch)
            if done == MARK:
                at_mark = gadget.stats.guest_pages
        seconds, at_end = time.perf_counter() - begun, gadget.stats.guest_pages
        errors = gadget.stats.errors
    print(f"guest pages after {MARK:,} events: {at_mark}")
    print(f"guest pages after {events:,} events: {at_end}")
    print(f"{seconds:.1f} s, {seconds / events * 1e6:.2f} us per event, {errors} errors")
    return 0 if at_mark == at_end and not errors else 1


if __name__ == "__main__":
    sys.exit(main())
