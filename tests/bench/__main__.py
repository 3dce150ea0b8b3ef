"""What the data plane, the stream, the build and the start cost, each beside what it is measured against.

Both sides run in turn, several rounds; figures are medians. Machines are noisy: the ratios are what to quote.
"""

from __future__ import annotations

import argparse
import gzip
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from statistics import median

import wasmtime

import gadget
import gadget_abi
import gadget_build
from gadget_host import Gadget
from gadget_host.schema import FieldSchema, SourceSchema
from tests.bench.naive import NaiveHost

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "guest-examples"
RECORDED = EXAMPLES / "data" / "trace_open.jsonl.gz"
SCHEMA = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"), FieldSchema("fname", "String")))

# The obvious loop the stream is measured against.
PLAIN_LOOP = "import json, sys\nfor line in sys.stdin:\n    print(json.dumps(json.loads(line)))\n"

# What componentize-py alone is given: the program and a class with the world's exports.
HOOKS = (
    "gadget_init",
    "gadget_pre_start",
    "gadget_start",
    "gadget_stop",
    "gadget_post_stop",
    "data_source_callback",
)
ENTRY = "import program, wit_world\nfrom gadget import _runtime\nclass WitWorld(wit_world.WitWorld):\n"
ENTRY += "".join(f"    {hook} = staticmethod(_runtime.{hook})\n" for hook in HOOKS)


def alternate(rounds: int, *sides: Callable[[], float]) -> list[float]:
    """Run the sides in turn; the median of each."""
    samples: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, found in zip(sides, samples, strict=True):
            found.append(side())
    return [median(found) for found in samples]


def elapsed(action: Callable[[], object]) -> float:
    """Seconds an action takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


def report(what: str, ours: float, other: float, unit: str, ratio: float, target: str) -> None:
    """One line: what, ours, the other side, their ratio and the target."""
    print(f"{what:<44} {ours:>9.3f} {other:>9.3f} {unit:<3} {ratio:>8.2f}x  {target}", flush=True)


def host_calls(name: str, module: Path, events: int, rounds: int, target: str) -> None:
    """One event with three host calls: the data plane against Python callbacks."""
    rows = [{"pid": n, "fname": f"/home/alice/file-{n}"} for n in range(5_000)]
    naive = NaiveHost(module)
    few = [dict(row) for row in rows[: max(200, events // 100)]]

    def one_by_one() -> None:
        for event in few:
            naive.emit(event)

    def obvious() -> float:
        return elapsed(one_by_one) / len(few) * 1e6

    with Gadget.load(module) as running:
        source = running.add_source(SCHEMA)
        running.start()

        def batches() -> None:
            for _ in range(events // len(rows)):
                source.emit_batch(rows)

        def in_wasm() -> float:
            before = running.stats.seconds_guest
            batches()
            return (running.stats.seconds_guest - before) / events * 1e6

        def whole() -> float:
            return elapsed(batches) / events * 1e6

        batches()  # warm
        plain, inside, outside = alternate(rounds, obvious, in_wasm, whole)
    report(f"{name}, event in wasm", inside, plain, "us", plain / inside, target)
    report(f"{name}, with encoding from dicts", outside, plain, "us", plain / outside, "")


def stream(module: Path, directory: Path, rounds: int, copies: int) -> None:
    """JSON Lines in, gadget, JSON Lines out, against a loop over the json module; whole processes."""
    lines = gzip.decompress(RECORDED.read_bytes()).splitlines(keepends=True)
    plain, with_schema = directory / "plain.jsonl", directory / "events.jsonl"
    plain.write_bytes(b"".join(lines[1:]) * copies)
    with_schema.write_bytes(lines[0] + plain.read_bytes())
    run = [
        sys.executable,
        "-m",
        "gadget_abi.cli",
        "run",
        str(module),
        "--input",
        f"open={with_schema}",
        "-o",
        "json",
    ]

    def loop() -> float:
        with plain.open() as source:
            command = [sys.executable, "-c", PLAIN_LOOP]
            return elapsed(
                lambda: subprocess.run(command, stdin=source, stdout=subprocess.DEVNULL, check=True)
            )

    def ours() -> float:
        quiet = subprocess.DEVNULL
        return elapsed(lambda: subprocess.run(run, check=True, stdout=quiet, stderr=quiet))

    ours()  # compile into the cache
    theirs, mine = alternate(rounds, loop, ours)
    events = (len(lines) - 1) * copies
    report(f"JSON Lines through redact, {events:,} events", mine, theirs, "s", mine / theirs, "at most 3x")
    print(f"{'':<44} {mine / events * 1e6:>9.2f} {theirs / events * 1e6:>9.2f} us  per event")


@contextmanager
def cache_in(directory: Path) -> Iterator[None]:
    """Have every cache below a directory."""
    before = os.environ.get("GADGET_CACHE_DIR")
    os.environ["GADGET_CACHE_DIR"] = str(directory)
    try:
        yield
    finally:
        os.environ.pop("GADGET_CACHE_DIR")
        if before is not None:
            os.environ["GADGET_CACHE_DIR"] = before


def builds(directory: Path, rounds: int) -> None:
    """gadget build, cold and cached, against componentize-py alone over the same program."""
    program = EXAMPLES / "redact"
    wit = directory / "world.wit"
    wit.write_bytes((files("gadget_abi") / "data" / "gadget.wit").read_bytes())
    app = directory / "app"
    app.mkdir()
    (app / "entry.py").write_text(ENTRY)
    shutil.copytree(gadget.__path__[0], app / "gadget")
    paths = ["-p", str(app), "-p", str(program)]
    script = "import componentize_py; componentize_py.script()"
    command = [sys.executable, "-c", script, "-d", str(wit), "-w", "gadget", "componentize", "--stub-wasi"]
    command += [*paths, "entry", "-o", str(directory / "component.wasm")]
    numbers = iter(range(1000))

    def alone() -> float:
        return elapsed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))

    def build(cache: Path) -> float:
        output = str(directory / "built.wasm")
        ours = [sys.executable, "-m", "gadget_abi.cli", "build", str(program), "-o", output]
        with cache_in(cache):
            return elapsed(lambda: subprocess.run(ours, check=True, stdout=subprocess.DEVNULL))

    def cold() -> float:
        return build(directory / f"cold-{next(numbers)}")

    def warm() -> float:
        return build(directory / "warm")

    warm()
    base, first, again = alternate(rounds, alone, cold, warm)
    report("gadget build, cold cache", first, base, "s", first / base, "at most 1.5x")
    report("gadget build, runtime cached", again, base, "s", again / base, "at most 1.2x")


def starts(module: Path, directory: Path, rounds: int) -> None:
    """Loading a Python gadget: compiled now, against compiled before."""
    numbers = iter(range(1000))

    def start(cache: Path) -> float:
        def load() -> None:
            with Gadget.load(module) as running:
                running.add_source(SCHEMA)
                running.start()

        with cache_in(cache):
            return elapsed(load)

    def cold() -> float:
        return start(directory / f"start-{next(numbers)}")

    def cached() -> float:
        return start(directory / "started")

    cached()
    first, again = alternate(rounds, cold, cached)
    report("start of a Python gadget, cached", again, first, "s", first / again, "other side: compiled anew")


def main() -> int:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each pair (default: 5)")
    parser.add_argument(
        "--copies", type=int, default=10, help="times the recorded events are repeated (default: 10)"
    )
    args = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}", end=", ")
    print(
        f"wasmtime {version('wasmtime')}, ABI to {gadget_abi.load().newest}; medians of {args.rounds} rounds"
    )
    print(f"{'':<44} {'ours':>9} {'other':>9} {'':<3} {'ratio':>9}  target")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        raw, python, redact = (directory / f"{n}.wasm" for n in ("raw", "python", "redact"))
        raw.write_bytes(wasmtime.wat2wasm((HERE / "guest.wat").read_text()))
        gadget_build.build(HERE / "program.py", output=python)
        gadget_build.build(EXAMPLES / "redact", output=redact)
        host_calls("raw guest", raw, 500_000, args.rounds, "at least 300x")
        host_calls("Python gadget", python, 100_000, args.rounds, "at least 10x")
        stream(redact, directory, args.rounds, args.copies)
        builds(directory, args.rounds)
        starts(python, directory, args.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
