"""`python3 -m record`: run the workload on its stages and write the two recorded streams.

Run as root in guest-examples/data. The streams depend on the machine and its kernel: every run differs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from . import events, ptrace, stage
from .tracer import Tracer

_SCRIPTS = ("devbox", "ci", "web")


def main() -> int:
    """Record and write; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python3 -m record", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(), help="directory for the two .jsonl.gz files")
    parser.add_argument("--only", choices=_SCRIPTS, help="run one part of the workload only")
    arguments = parser.parse_args()
    if os.geteuid():
        parser.error("needs root: it mounts, changes users and traces them")
    streams = record((arguments.only,) if arguments.only else _SCRIPTS)
    for source, stream in streams.items():
        path = arguments.output / f"trace_{source}.jsonl.gz"
        write(path, source, stream)
        print(f"{path}: {len(stream)} events, {path.stat().st_size} bytes", file=sys.stderr)
    print(f"kernel {platform.release()} {platform.machine()}", file=sys.stderr)
    return 0


def record(scripts: tuple[str, ...]) -> dict[str, list[events.Event]]:
    """Run the scripts at the same time, each on a stage of its own, and return what they did by source."""
    streams: dict[str, list[events.Event]] = {source: [] for source in events.FIELDS}
    with tempfile.TemporaryDirectory(prefix="stage-") as directory:
        started = [stage.start(Path(directory) / script, f"{script}.sh") for script in scripts]
        for pid, _ in started:
            ptrace.seize(pid)
        for _, go in started:
            os.write(go, b"!")
            os.close(go)
        Tracer(lambda source, event: streams[source].append(event)).run()
    return streams


def write(path: Path, source: str, stream: list[events.Event]) -> None:
    """Write a stream as `ig run -o json` does (sorted keys, no spaces), after its schema line."""
    lines = [events.schema_line(source), *stream]
    text = "".join(
        json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n" for line in lines
    )
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode("utf-8", "replace"))


if __name__ == "__main__":
    raise SystemExit(main())
