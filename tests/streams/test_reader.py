from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from gadget_abi import EmbedderError
from gadget_host.schema import FieldSchema, SourceSchema, schema_to_json
from gadget_host.streams import BadLines, EventReader
from gadget_host.streams.lines import MAX_BATCH

OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"), FieldSchema("comm", "String")))
EXEC = SourceSchema("exec", "single", (FieldSchema("pid", "Uint32"),))


def header(schema: SourceSchema) -> bytes:
    """A schema line."""
    return json.dumps(schema_to_json(schema)).encode() + b"\n"


def switch(name: str) -> bytes:
    """A schema line that only names a source declared before."""
    return json.dumps({"gadget.schema": {"source": name}}).encode() + b"\n"


class Reading:
    """All that comes out of reading one stream."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.told: list[str] = []
        self.bad = BadLines(self.told.append, stop=options.pop("on_error_stop", False))
        self.events: list[tuple[str, int, Any]] = []
        self.error = ""
        self.reader = EventReader(str(path), self.bad, **options)
        try:
            self.reader.start()
            for batch in self.reader:
                self.events += [
                    (batch.source, number, event)
                    for number, event in zip(batch.numbers, batch.events, strict=True)
                ]
        except EmbedderError as error:
            self.error = str(error)
        self.reader.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the stream is."""
    return tmp_path / "events.jsonl"


def test_schema_line(path: Path) -> None:
    """The schema line declares the source whose events follow."""
    path.write_bytes(header(OPEN) + b'{"pid":1}\n{"pid":2}')
    reading = Reading(path)
    assert reading.reader.schemas == {"open": OPEN}
    assert reading.events == [("open", 2, {"pid": 1}), ("open", 3, {"pid": 2})]
    assert reading.told == []


def test_name_from_the_caller(path: Path) -> None:
    """The name the caller gives a stream counts, not that of its schema line."""
    path.write_bytes(header(OPEN) + b'{"pid":1}\n')
    reading = Reading(path, source="other")
    assert [schema.name for schema in reading.reader.schemas.values()] == ["other"]
    assert reading.events == [("other", 2, {"pid": 1})]


def test_no_schema_no_name(path: Path) -> None:
    """Events of nobody knows which source are refused with what to write."""
    path.write_bytes(b'{"pid":1}\n')
    assert Reading(path).error == (
        f"{path}: which data source is this? The stream has no schema line: name it (--input SOURCE={path})"
    )


def test_inferred_schema(path: Path) -> None:
    """Without schema line the kinds are inferred, and no event is lost by looking ahead."""
    path.write_bytes(b"".join(b'{"pid":%d}\n' % number for number in range(5000)) + b'{"late":1}\n')
    reading = Reading(path, source="open")
    assert str(reading.reader.inference) == (
        "kinds inferred from 1000 events: source 'open' (single): pid Int64"
    )
    assert [event for _, _, event in reading.events[:5000]] == [{"pid": number} for number in range(5000)]
    assert reading.events[-1] == ("open", 5001, {"late": 1})


def test_known_schema(path: Path) -> None:
    """A schema known beforehand is used, and nothing is inferred."""
    path.write_bytes(b'{"pid":1}\n')
    reading = Reading(path, source="open", schemas={"open": OPEN})
    assert (reading.reader.inference, reading.events) == (None, [("open", 1, {"pid": 1})])


@pytest.mark.parametrize("text", [b"", b"\n \r\n\t\n"], ids=["empty", "blank"])
@pytest.mark.parametrize("source", [None, "open"])
def test_nothing(path: Path, text: bytes, source: str | None) -> None:
    """A stream without lines has no events and is no error."""
    path.write_bytes(text)
    reading = Reading(path, source=source)
    assert (reading.events, reading.told, reading.error) == ([], [], "")


def test_blank_lines_and_line_ends(path: Path) -> None:
    """Blank lines are nothing but count; carriage returns and a byte order mark are no part of an event."""
    path.write_bytes(b'\xef\xbb\xbf\r\n{"pid":1}\r\n\r\n  {"pid":2}  \n\n' + b'{"pid":3}')
    reading = Reading(path, source="open")
    assert reading.events == [("open", 2, {"pid": 1}), ("open", 4, {"pid": 2}), ("open", 6, {"pid": 3})]
    assert reading.told == []


BAD = {
    "text": (b"hello", "unexpected character, expected a JSON value (column 1)"),
    "cut": (b'{"pid": 1', "unexpected end"),
    "NaN": (b'{"pid": NaN}', "unexpected character"),
    "infinity": (b'{"pid": 1e999}', "number is infinity"),
    "two": (b'{"pid":1}{"pid":2}', "unexpected content after document"),
    "not UTF-8": (b'{"comm":"\xff"}', "UTF-8"),
    "half a surrogate pair": (rb'{"comm":"\ud800"}', "surrogate"),
    "comma at the end": (b'{"pid":1,}', ""),
    "single quotes": (b"{'pid':1}", ""),
    "too deep": (b"[" * 2000, "depth limit"),
}


@pytest.mark.parametrize(("line", "reason"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("stop", [False, True], ids=["continue", "stop"])
def test_bad_line(path: Path, line: bytes, reason: str, stop: bool) -> None:
    """A line that is not JSON is reported with file and line; the others are read, or not if it stops."""
    path.write_bytes(header(OPEN) + b'{"pid":1}\n' + line + b'\n{"pid":2}\n')
    reading = Reading(path, on_error_stop=stop)
    message = reading.error if stop else reading.told[0]
    assert message.startswith(f"{path}:3: not JSON: ")
    assert reason in message
    assert [number for _, number, _ in reading.events] == ([2] if stop else [2, 4])
    assert (reading.bad.count, reading.bad.summary()) == ((0, "") if stop else (1, "1 bad line was skipped"))


def test_many_bad_lines(path: Path) -> None:
    """Ten bad lines are shown one by one, all are counted, and the good ones between them stay together."""
    path.write_bytes(header(OPEN) + b'x\n{"pid":1}\n' * 1000)
    reading = Reading(path)
    assert len(reading.told) == 11
    assert reading.told[9:] == [
        f"{path}:20: not JSON: unexpected character, expected a JSON value (column 1)",
        "further bad lines are counted, not shown",
    ]
    assert reading.bad.summary() == "1,000 bad lines were skipped"
    assert len(reading.events) == 1000


def test_long_line(path: Path) -> None:
    """A line beyond the limit is a bad one."""
    path.write_bytes(header(OPEN) + b'{"comm":"' + b"x" * 1000 + b'"}\n{"pid":1}\n')
    reading = Reading(path, max_line=500)
    assert reading.told == [f"{path}:2: the line is longer than 500 bytes"]
    assert reading.events == [("open", 3, {"pid": 1})]


def test_cut_gzip(path: Path) -> None:
    """A stream that is cut off gives its whole lines; the end is reported where it is."""
    path.write_bytes(gzip.compress(header(OPEN) + b'{"pid":1}\n')[:-3])
    reading = Reading(path)
    assert reading.events == [("open", 2, {"pid": 1})]
    assert reading.told == [f"{path}:3: the gzip data ends early: the file is cut off"]


def test_last_of_two_keys(path: Path) -> None:
    """Where a key stands twice in an object the last one counts, as in Python's json."""
    path.write_bytes(b'{"pid":1,"pid":2}\n')
    assert Reading(path, source="open").events == [("open", 1, {"pid": 2})]


def test_several_sources_in_a_stream(path: Path) -> None:
    """Schema lines at the start declare several sources; later ones say whose events follow."""
    path.write_bytes(
        header(OPEN)
        + header(EXEC)
        + b'{"pid":1}\n'
        + switch("open")
        + b'{"pid":2}\n'
        + header(EXEC)
        + b'{"pid":3}\n'
    )
    reading = Reading(path)
    assert reading.reader.schemas == {"open": OPEN, "exec": EXEC}
    assert reading.events == [
        ("exec", 3, {"pid": 1}),
        ("open", 5, {"pid": 2}),
        ("exec", 7, {"pid": 3}),
    ]


def test_concatenated_recordings(path: Path) -> None:
    """Recordings of one source can be concatenated: their schema lines agree."""
    path.write_bytes((header(OPEN) + b'{"pid":1}\n') * 2)
    assert Reading(path).events == [("open", 2, {"pid": 1}), ("open", 4, {"pid": 1})]
    assert Reading(path, source="other").events == [("other", 2, {"pid": 1}), ("other", 4, {"pid": 1})]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            header(EXEC),
            "{path}:3: data source 'exec' is declared after the first event; declare it in the first lines, "
            "or give its events as an input of their own",
        ),
        (
            header(SourceSchema("open", "array", OPEN.fields)),
            "{path}:3: data source 'open' is declared as array, earlier as single",
        ),
        (
            header(SourceSchema("open", "single", (FieldSchema("pid", "Int64"),))),
            "{path}:3: data source 'open' is declared again, and differently: field 'pid' is Int64, "
            "earlier it was Uint32",
        ),
        (
            header(SourceSchema("open", "single", (FieldSchema("x", "Int64"),))),
            "{path}:3: data source 'open' is declared again, and differently: field 'x' is Int64, "
            "earlier it did not exist",
        ),
        (b'{"gadget.schema": {}}\n', "{path}:3: 'source' is missing"),
    ],
)
def test_schema_line_too_late(path: Path, line: bytes, message: str) -> None:
    """A schema line among the events cannot declare anything new; what came before it is read."""
    path.write_bytes(header(OPEN) + b'{"pid":1}\n' + line + b'{"pid":2}\n')
    reading = Reading(path)
    assert reading.error == message.format(path=path)
    assert reading.events == [("open", 2, {"pid": 1})]


def test_name_for_several_sources(path: Path) -> None:
    """One name cannot stand for a stream of two sources."""
    path.write_bytes(header(OPEN) + header(EXEC))
    assert Reading(path, source="mine").error == (
        f"{path}:2: a second data source, 'exec', in a stream that was given the name 'mine'; "
        f"give it without a name (--input {path})"
    )


def test_big_batches_are_cut(path: Path) -> None:
    """A batch never has more events than a batch of lines, and keeps their numbers."""
    path.write_bytes(b"{}\n" * (MAX_BATCH + 10))
    reader = EventReader(str(path), BadLines(print), source="s", schemas={"s": SourceSchema("s", "single")})
    batches = list(reader)
    assert [len(batch.events) for batch in batches] == [MAX_BATCH, 10]
    assert batches[1].numbers[0] == MAX_BATCH + 1
    reader.close()


def test_live_stream(tmp_path: Path) -> None:
    """Events of a pipe are there as soon as they are written; kinds are inferred from those that were."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    turns = threading.Semaphore(0)

    def write() -> None:
        with fifo.open("wb", buffering=0) as pipe:
            for number in range(3):
                pipe.write(b'{"pid":%d}\n' % number)
                assert turns.acquire(timeout=10)

    writer = threading.Thread(target=write)
    writer.start()
    reader = EventReader(str(fifo), BadLines(print), source="open")
    reader.start()
    assert reader.inference is not None
    assert reader.inference.events == 1
    seen = []
    for batch in reader:
        seen += batch.events
        turns.release()
    writer.join()
    reader.close()
    assert seen == [{"pid": 0}, {"pid": 1}, {"pid": 2}]


def test_live_stream_of_a_known_source(tmp_path: Path) -> None:
    """With a known schema nothing is waited for before the start; a schema line on the way is understood."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDWR)
    reader = EventReader(str(fifo), BadLines(print), source="mine", schemas={"mine": OPEN})
    reader.start()  # nothing has been written yet
    os.write(end, header(OPEN) + b'{"pid":1}\n')
    batch = next(iter(reader))
    assert (batch.source, batch.events, list(batch.numbers)) == ("mine", [{"pid": 1}], [2])
    reader.close()
    os.close(end)
