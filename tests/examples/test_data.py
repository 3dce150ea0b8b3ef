"""The recorded streams keep the promises of guest-examples/data/README.md."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.examples.reference import EXAMPLES, Event, stream

SOURCES = ("open", "exec")
RANGES = {"Uint32": (0, 2**32 - 1), "Uint64": (0, 2**64 - 1), "Int32": (-(2**31), 2**31 - 1)}

PLACES = re.compile(
    r"/(bin|dev|etc|home|lib|lib64|proc|root|srv/demo|sys/devices|tmp|usr|var)(/|$)|/$|[^/]|$"
)
"""Where names of the stage can be: in its directories, or relative."""

FOREIGN = re.compile(r"/usr/local|dist-packages/.|\.pyenv|[\w.]+\.(com|net|io)/|https?://(?!127\.0\.0\.1)")
"""What would be of the machine the streams were recorded on, not of the stage."""


@cache
def events(source: str) -> list[Event]:
    """The events of a recorded stream."""
    return stream(source)[1]


def leaves(event: Event, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The full names and values of an event's fields."""
    for name, value in event.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


@pytest.mark.parametrize(("source", "count"), [("open", 20_000), ("exec", 2_000)])
def test_there_are_enough_events(source: str, count: int) -> None:
    """At least 20,000 opens and 2,000 execs were recorded, and the README says how many."""
    assert len(events(source)) >= count
    assert f"| `{source}` | {len(events(source))} |" in (EXAMPLES / "data" / "README.md").read_text()


@pytest.mark.parametrize("source", SOURCES)
def test_every_event_fits_the_schema(source: str) -> None:
    """Each event has the fields of the schema line, no others, with values of their kinds."""
    schema, recorded = stream(source)
    assert (schema["source"], schema["type"]) == (source, "single")
    kinds = {field["name"]: field["kind"] for field in schema["fields"]}
    for event in recorded:
        values = dict(leaves(event))
        assert values.keys() == kinds.keys()
        for name, value in values.items():
            if kinds[name] in ("String", "CString"):
                assert type(value) is str, name
                assert kinds[name] == "String" or "\0" not in value, name
            else:
                low, high = RANGES[kinds[name]]
                assert type(value) is int, name
                assert low <= value <= high, name


@pytest.mark.parametrize("source", SOURCES)
def test_the_file_is_as_ig_prints_it(source: str) -> None:
    """Sorted keys and no spaces, one object a line; packed without a time, and small."""
    raw = (EXAMPLES / "data" / f"trace_{source}.jsonl.gz").read_bytes()
    assert raw[4:8] == bytes(4), "the gzip header holds a time"
    assert len(raw) < 1_500_000
    for line in gzip.decompress(raw).decode().splitlines():
        assert line == json.dumps(json.loads(line), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("source", SOURCES)
def test_raw_values_and_their_texts_agree(source: str) -> None:
    """An error has a name, a failed open no descriptor, and a timestamp two forms."""
    for event in events(source):
        assert (event["error"] == "") == (event["error_raw"] == 0)
        assert event["timestamp"].endswith(f".{event['timestamp_raw'] % 10**9:09d}Z")
        assert not (event["error"] and event.get("fd"))


def test_what_was_promised_happened() -> None:
    """There are failures of many sorts, homes, several users and several mount namespaces."""
    errors = Counter(event["error"] for event in events("open"))
    assert {
        "ENOENT",
        "EACCES",
        "EEXIST",
        "EISDIR",
        "ELOOP",
        "EMFILE",
        "ENAMETOOLONG",
        "ENOTDIR",
    } <= errors.keys()
    assert sum(event["fname"].startswith("/home/") for event in events("open")) > 2_000
    for source in SOURCES:
        assert len({event["proc"]["creds"]["uid"] for event in events(source)}) == 6
        assert len({event["proc"]["mntns_id"] for event in events(source)}) == 3
    assert {"ENOENT", "EACCES"} <= {event["error"] for event in events("exec")}


def test_both_streams_are_of_the_same_processes() -> None:
    """A process that opened a file under a name of its own was seen to start."""
    started = {
        (event["proc"]["pid"], event["proc"]["comm"]) for event in events("exec") if not event["error"]
    }
    opened = {(event["proc"]["pid"], event["proc"]["comm"]) for event in events("open")}
    assert len(opened & started) > 0.9 * len(started)


def test_nothing_of_the_machine_is_in_the_streams() -> None:
    """All names are of the stage: no path, host or package of the machine around it."""
    for event in events("open"):
        assert PLACES.match(event["fname"]), event["fname"]
        assert not FOREIGN.search(event["fname"]), event["fname"]
    for event in events("exec"):
        assert not FOREIGN.search(event["args"]), event["args"]
