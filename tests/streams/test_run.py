"""Streams through a gadget: what goes in as JSON comes out as JSON."""

from __future__ import annotations

import io
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gadget_host import Gadget
from gadget_host.schema import WIDTHS, FieldSchema, SourceSchema, schema_to_json
from gadget_host.streams import BadLines, EventReader, Output
from gadget_host.streams.inspected import schema_from_inspect
from gadget_host.streams.run import StreamRun

# Listens to both sources and does nothing, so that every event passes through the guest's callback.
LISTENER = """
(module
  (import "ig" "getDataSource" (func $source (param i64) (result i32)))
  (import "ig" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "one")
  (data (i32.const 32) "many")
  (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
  (func (export "gadgetInit") (result i32)
    (drop (call $subscribe (call $source (i64.const 0x300000010)) (i32.const 1) (i32.const 0) (i64.const 0)))
    (drop (call $subscribe (call $source (i64.const 0x400000020)) (i32.const 2) (i32.const 0) (i64.const 0)))
    (i32.const 0))
  (func (export "dataSourceCallback") (param i64 i32 i32)))
"""
FIELDS = tuple(
    FieldSchema(name, kind)
    for name, kind in {
        "bool": "Bool", "i8": "Int8", "i16": "Int16", "i32": "Int32", "i64": "Int64", "u8": "Uint8", "u16": "Uint16",
        "u32": "Uint32", "u64": "Uint64", "deep.f32": "Float32", "deep.f64": "Float64", "deep.deeper.text": "String",
        "name": "CString", "raw": "Bytes",
    }.items()
)  # fmt: skip
SCHEMAS = [SourceSchema("one", "single", FIELDS), SourceSchema("many", "array", FIELDS)]


@pytest.fixture(scope="module")
def listener() -> bytes:
    """The module of `LISTENER`."""
    return bytes(wasmtime.wat2wasm(LISTENER))


def through(listener: bytes, path: Path, *schemas: SourceSchema) -> tuple[str, list[str]]:
    """What a stream becomes on its way through the gadget, and what is said about its lines."""
    told: list[str] = []
    bad_lines = BadLines(told.append)
    out = io.BytesIO()
    reader = EventReader(str(path), bad_lines, schemas={schema.name: schema for schema in schemas})
    with Gadget.load(listener) as gadget:
        run = StreamRun(gadget, Output(out, "json"), bad_lines, told.append)
        reader.start()
        run.start(reader.schemas.values())
        run.feed(reader)
        run.finish()
    reader.close()
    assert gadget.stats.errors == 0
    return out.getvalue().decode(), told


def integers(kind: str) -> st.SearchStrategy[int]:
    """All values of an integer kind."""
    bits = 8 * WIDTHS[kind]
    return (
        st.integers(0, (1 << bits) - 1)
        if kind.startswith("U")
        else st.integers(-(1 << bits - 1), (1 << bits - 1) - 1)
    )


NUMBERS = {"bool": st.booleans()} | {
    field.name: integers(field.kind) for field in FIELDS if field.kind.startswith(("Int", "Uint"))
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ROWS = st.fixed_dictionaries(
    NUMBERS
    | {
        "deep": st.fixed_dictionaries(
            {
                "f32": st.floats(width=32, allow_nan=False, allow_infinity=False),
                "f64": st.floats(allow_nan=False, allow_infinity=False),
                "deeper": st.fixed_dictionaries({"text": TEXT}),
            }
        ),
        "name": TEXT.map(lambda text: text.replace("\0", "")),
        "raw": st.binary().map(bytes.hex),
    }
)
EVENTS = st.lists(
    st.tuples(st.just("one"), ROWS) | st.tuples(st.just("many"), st.lists(ROWS, max_size=3)), max_size=6
)


def as_read(value: Any) -> Any:
    """Floats as they are compared: JSON does not tell 1 from 1.0, nor is -0 another number."""
    if isinstance(value, dict):
        return {
            key: float(struct.unpack("f", struct.pack("f", item))[0])
            if key == "f32"
            else float(item)
            if key == "f64"
            else as_read(item)
            for key, item in value.items()
        }
    return [as_read(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(EVENTS)
def test_round_trip(listener: bytes, tmp_path: Path, events: list[tuple[str, Any]]) -> None:
    """Events of every kind of field, single and arrays mixed, come out equal and in order."""
    lines: list[Any] = [schema_to_json(schema) for schema in SCHEMAS]
    for source, event in events:
        lines += [{"gadget.schema": {"source": source}}, event]
    path = tmp_path / "events"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    text, told = through(listener, path, *SCHEMAS)
    assert told == []
    assert [as_read(json.loads(line)) for line in text.split("\n")[:-1]] == [
        as_read(event) for _, event in events
    ]


@pytest.fixture
def out_and_in(listener: bytes, tmp_path: Path) -> Any:
    """Sends a text through the gadget."""

    def send(text: str, *schemas: SourceSchema) -> tuple[str, list[str]]:
        path = tmp_path / "events"
        path.write_text(text, encoding="utf-8")
        return through(listener, path, *(schemas or SCHEMAS))

    return send


def test_output_is_input(out_and_in: Any) -> None:
    """What the gadget prints, it prints again when it is fed with it."""
    row = {
        "bool": True,
        "u64": (1 << 64) - 1,
        "deep": {"f32": 0.1, "f64": 1e21},
        "name": "a\u2028",
        "raw": "FF00",
    }
    header = json.dumps(schema_to_json(SCHEMAS[0])) + "\n"
    first, _ = out_and_in(header + json.dumps(row))
    assert '"f32":0.1,"f64":1e+21' in first
    assert '"raw":"ff00"' in first
    again, told = out_and_in(header + first)
    assert (again, told) == (first, [])


def test_misfits_within_arrays(out_and_in: Any) -> None:
    """A row that does not fit makes its whole array a bad line; the arrays around it come through."""
    header = json.dumps(schema_to_json(SCHEMAS[1]))
    text, told = out_and_in(f'{header}\n[{{"u8":1}}]\n[{{"u8":1}},{{"u8":256}}]\n{{"u8":1}}\n[]\n')
    assert [len(json.loads(line)) for line in text.split("\n")[:-1]] == [1, 0]
    assert [message.partition("/events:")[2].partition(", found")[0] for message in told] == [
        "3: field 'u8': expected Uint8, 0 to 255",
        "4: expected a list of objects",
    ]


def test_structures(out_and_in: Any) -> None:
    """Members of an eBPF structure, as `ig image inspect` describes it, are events like any other."""
    inspected = {
        "name": "one",
        "fields": [
            {"name": "proc", "fullName": "proc", "size": 24, "flags": 16},
            {"name": "pid", "fullName": "proc.pid", "index": 1, "size": 4, "flags": 24, "kind": 8},
            {
                "name": "comm",
                "fullName": "proc.comm",
                "index": 2,
                "offs": 8,
                "size": 16,
                "flags": 24,
                "kind": 13,
            },
            {"name": "mac", "fullName": "mac", "index": 3, "offs": 24, "size": 6, "flags": 16},
            {"name": "error", "fullName": "error", "index": 4, "payloadIndex": 1, "kind": 12},
        ],
    }
    schema = schema_from_inspect(inspected, "inspected", [])
    event = {"error": "", "mac": "0102030405ff", "proc": {"comm": "sixteen-letters!", "pid": 7}}
    header = json.dumps({"gadget.schema": {"source": "one"}}) + "\n"
    text, told = out_and_in(header + json.dumps(event), schema)
    assert (json.loads(text), told) == (event, [])
    _, told = out_and_in(header + json.dumps({"proc": {"comm": "x" * 17}}), schema)
    assert "field 'proc.comm': expected CString of at most 16 bytes, found 'xxxxx" in told[0]


def test_not_a_number(out_and_in: Any) -> None:
    """A number too large for its kind of float is a bad line, not an infinity."""
    header = json.dumps(schema_to_json(SCHEMAS[0]))
    text, told = out_and_in(f'{header}\n{{"deep":{{"f32":{math.ldexp(1, 200)}}}}}\n')
    assert text == ""
    assert "field 'deep.f32': expected Float32, and not as large, found 1.6069" in told[0]
