"""What the examples have to print, computed once more in plain Python, without gadget, SDK, host or wasm.

Written from the READMEs, deliberately another way than the programs: the expected files come from here, not
from what our own host printed. `python -m tests.examples.reference` writes them anew.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Line = Event | list[Event]

EXAMPLES = Path(__file__).parents[2] / "guest-examples"


def stream(source: str) -> tuple[dict[str, Any], list[Event]]:
    """Return the schema and the events of a recorded stream."""
    with gzip.open(EXAMPLES / "data" / f"trace_{source}.jsonl.gz", "rt", encoding="utf-8") as file:
        schema, *events = map(json.loads, file)
    return schema["gadget.schema"], events


def redact() -> Iterator[Event]:
    """Home directories lose their owner's name, and every open says what it is for."""
    for recorded in stream("open")[1]:
        event = copy.deepcopy(recorded)
        parts = event["fname"].split("/")
        if len(parts) > 2 and parts[:2] == ["", "home"] and parts[2]:
            parts[2] = "***"
        yield {**event, "fname": "/".join(parts), "access": _access(event["flags"].split("|"))}


def _access(flags: list[str]) -> str:
    words = {
        "O_RDONLY": "read",
        "O_WRONLY": "write",
        "O_RDWR": "read+write",
        "O_CREAT": "create",
        "O_EXCL": "exclusive",
        "O_TRUNC": "truncate",
        "O_APPEND": "append",
        "O_DIRECTORY": "directory",
    }
    return ", ".join(words[flag] for flag in words if flag in flags)


def top_files(every: int, top: int) -> Iterator[list[Event]]:
    """The files opened most often, of every so many opens."""
    events = iter(stream("open")[1])
    while batch := list(islice(events, every or None)):
        rows = []
        names = sorted((event["fname"], event["error"]) for event in batch)
        for name, opens in groupby(names, key=lambda pair: pair[0]):
            errors = [bool(error) for _, error in opens]
            rows.append({"file": name, "opens": len(errors), "failed": sum(errors)})
        yield sorted(rows, key=lambda row: (-row["opens"], row["file"]))[:top]


def exec_storm(limit: int, window_ms: int) -> Iterator[Event]:
    """Every process that started `limit` programs within the window, once per window."""
    started: dict[int, list[int]] = {}
    for event in stream("exec")[1]:
        parent, now = event["proc"]["parent"], event["timestamp_raw"]
        times = started.setdefault(parent["pid"], [])
        if times and now > times[0] + window_ms * 1_000_000:
            times.clear()
        times.append(now)
        if len(times) == limit:
            took = (now - times[0]) // 1_000_000
            yield {
                "timestamp_raw": now,
                "comm": parent["comm"],
                "pid": parent["pid"],
                "starts": limit,
                "took_ms": took,
                "latest": event["proc"]["comm"],
            }


DEFAULT: dict[str, Callable[[], Iterator[Line]]] = {
    "redact": redact,
    "top_files": lambda: top_files(every=5000, top=10),
    "exec_storm": lambda: exec_storm(limit=50, window_ms=1000),
}
"""What each example prints with its default parameters."""

READABLE = 100
"""Lines a person may read: of a longer output, `expected.jsonl` holds at most so many, evenly spread."""


def text(line: Line) -> str:
    """Return a line as `ig run -o json` prints it: sorted keys, no spaces."""
    return json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def expected(name: str) -> tuple[str, str]:
    """Return what the files `expected.jsonl` and `expected.sha256` of an example hold."""
    lines = [text(line) + "\n" for line in DEFAULT[name]()]
    digest = hashlib.sha256("".join(lines).encode()).hexdigest()
    return "".join(lines[:: -(-len(lines) // READABLE)]), f"{digest}  -\n"


def main() -> None:
    """Write the expected files of all examples."""
    for name in DEFAULT:
        sample, digest = expected(name)
        (EXAMPLES / name / "expected.jsonl").write_text(sample, encoding="utf-8")
        (EXAMPLES / name / "expected.sha256").write_text(digest, encoding="utf-8")


if __name__ == "__main__":
    main()
