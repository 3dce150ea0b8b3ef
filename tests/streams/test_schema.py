from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadget_abi import EmbedderError, load
from gadget_host.schema import (
    KINDS,
    EventError,
    FieldSchema,
    SourceSchema,
    SourceType,
    describe,
    kind_name,
    schema_from_json,
    schema_to_json,
)
from gadget_host.streams.inspected import ARRAY_KIND, read_schema_file

TEXT = st.text(max_size=8)
NAMES = st.lists(TEXT.filter(bool), max_size=5, unique=True)
ANNOTATIONS = st.dictionaries(TEXT, TEXT, max_size=2)


@st.composite
def schemas(draw: st.DrawFn) -> SourceSchema:
    """Any schema."""
    fields = tuple(
        FieldSchema(
            name,
            draw(st.sampled_from(KINDS)),
            draw(ANNOTATIONS),
            tuple(draw(st.lists(TEXT, max_size=2))),
            draw(st.integers(0, 63)),
            draw(st.integers(0, 99)),
            draw(st.integers(0, 99)),
            draw(st.none() | st.integers(0, 9)),
        )
        for name in draw(NAMES)
    )
    kind: SourceType = draw(st.sampled_from(["single", "array"]))
    return SourceSchema(draw(TEXT), kind, fields, draw(ANNOTATIONS), tuple(draw(st.lists(TEXT, max_size=2))))


@given(schemas())
def test_schema_line_round_trip(schema: SourceSchema) -> None:
    """A schema line holds all there is to know about a source."""
    assert schema_from_json(json.loads(json.dumps(schema_to_json(schema)))) == schema


@pytest.mark.parametrize("name", KINDS)
def test_kind_by_name_and_number(name: str) -> None:
    """A kind is known by its name in any case and by the table's number."""
    number = load().enums["Kind"].members[name]
    assert {kind_name(name), kind_name(name.upper()), kind_name(number)} == {name}


@pytest.mark.parametrize("kind", ["", "uint", "Uint128", 15, -1])
def test_unknown_kind(kind: str | int) -> None:
    """An unknown kind is refused with the kinds there are."""
    with pytest.raises(EmbedderError, match=r"unknown field kind .*: the kinds are Bool, Int8,"):
        kind_name(kind)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ([], "events:1: expected an object, found list"),
        ({}, "events:1: 'source' is missing"),
        ({"source": 1}, "events:1: 'source' is 1, which has the wrong type"),
        (
            {"source": "s", "type": "many"},
            "events:1: source 's': type is 'many', must be 'single' or 'array'",
        ),
        ({"source": "s", "fields": [{}]}, "events:1: fields[0]: 'name' is missing"),
        ({"source": "s", "fields": [{"name": "f"}]}, "events:1: fields[0]: 'kind' is missing"),
        (
            {"source": "s", "fields": [{"name": "f", "kind": "word"}]},
            "events:1: fields[0] (f): unknown field kind 'word': the kinds are " + ", ".join(KINDS[1:]),
        ),
        (
            {"source": "s", "fields": [{"name": "f", "kind": "Bool", "size": "x"}]},
            "events:1: fields[0]: 'size' is 'x', which has the wrong type",
        ),
        (
            {"source": "s", "fields": [{"name": "f", "kind": "Bool"}] * 2},
            "events:1: source 's': field 'f' is declared twice",
        ),
    ],
)
def test_malformed_schema_line(line: object, message: str) -> None:
    """A malformed schema line is refused with the place and the key."""
    with pytest.raises(EmbedderError) as error:
        schema_from_json({"gadget.schema": line}, "events:1")
    assert str(error.value) == message


def test_hidden_and_valueless_fields() -> None:
    """Hidden is what a flag or the annotation says; containers and empty fields have no value."""
    assert FieldSchema("f", "Bool", flags=4).hidden
    assert FieldSchema("f", "Bool", {"columns.hidden": "true"}).hidden
    assert not FieldSchema("f", "Bool", {"columns.hidden": "false"}).hidden
    assert [FieldSchema("f", "Bool", flags=flag).has_value for flag in (0, 1, 2, 4, 16, 32)] == [
        True, False, False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ({}, "an object"),
        ([1], "a list"),
        ("x", "'x'"),
        (-1, "-1"),
        (b"x", "b'x'"),
    ],
)
def test_describe(value: object, text: str) -> None:
    """Values are called what JSON calls them."""
    assert describe(value) == text


def test_describe_is_short() -> None:
    """A long value is cut, and its length said."""
    assert describe("x" * 1000) == "'" + "x" * 49 + "... (1002 characters)"


def test_event_error_says_where() -> None:
    """An event that does not fit is described with field, expectation and finding."""
    error = EventError("open", 3, "proc.pid", "Uint32", "-1")
    assert str(error) == "source 'open', event 3: field 'proc.pid': expected Uint32, found -1"
    assert EventError("open", 3, "", "an object", "a list").reason == "expected an object, found a list"


# What Go's encoding/json prints of upstream's []*api.DataSource: zero values are absent.
INSPECTED: list[dict[str, Any]] = [
    {
        "id": 1,
        "name": "open",
        "type": 1,
        "fields": [
            {"name": "proc", "fullName": "proc", "index": 1, "size": 24, "flags": 16, "kind": 14, "offs": 8},
            {
                "name": "comm", "fullName": "proc.comm", "index": 2, "offs": 8, "size": 16, "flags": 24,
                "kind": 13, "parent": 1, "annotations": {"columns.width": "16"}, "tags": ["name:comm"],
            },
            {"name": "timestamp_raw", "fullName": "timestamp_raw", "size": 8, "flags": 20, "kind": 9},
            {"name": "gone", "fullName": "gone", "index": 3, "flags": 32, "kind": 8},
            {"name": "raw", "fullName": "raw", "index": 4, "offs": 24, "size": 6, "flags": 16},
            {"name": "stack", "fullName": "stack", "index": 5, "kind": ARRAY_KIND | 9},
            {"name": "err", "fullName": "err", "index": 6, "payloadIndex": 1, "kind": 12},
            {"name": "k8s", "fullName": "k8s", "index": 7, "flags": 5},
            {"name": "node", "fullName": "k8s.node", "index": 8, "payloadIndex": 2, "flags": 12, "kind": 12,
             "parent": 7},
        ],
        "annotations": {"cli.default-output-mode": "json"},
    },
    {"id": 2, "name": "top", "type": 2},
]  # fmt: skip


@pytest.mark.parametrize("shape", ["list", "gadget info", "one"])
def test_inspected_schema(tmp_path: Path, shape: str) -> None:
    """The output of `ig image inspect --show-datasources` describes sources, members and raw bytes."""
    path = tmp_path / "schema.json"
    data = {"list": INSPECTED, "gadget info": {"dataSources": INSPECTED}, "one": INSPECTED[0]}[shape]
    path.write_text(json.dumps(data))
    found, notes = read_schema_file(str(path))
    assert found[0] == SourceSchema(
        "open",
        "single",
        (
            FieldSchema("timestamp_raw", "Uint64", flags=20, size=8, payload=0),
            FieldSchema("proc", "Bytes", flags=17, offset=8, size=24, payload=0),
            FieldSchema("proc.comm", "CString", {"columns.width": "16"}, ("name:comm",), 24, 8, 16, 0),
            FieldSchema("raw", "Bytes", flags=16, offset=24, size=6, payload=0),
            FieldSchema("err", "String", payload=1),
            FieldSchema("k8s", "Invalid", flags=5, payload=0),
            FieldSchema("k8s.node", "String", flags=12, payload=2),
        ),
        {"cli.default-output-mode": "json"},
    )
    assert found[1:] == ([] if shape == "one" else [SourceSchema("top", "array")])
    assert notes == [
        f"{path}: data source 'open': field 'stack' is an array of Uint64; it is left out",
    ]


def test_schema_file_of_schema_lines(tmp_path: Path) -> None:
    """A recording, or just its schema lines, does as a schema file."""
    schema = [
        SourceSchema("open", "single", (FieldSchema("pid", "Uint32"),)),
        SourceSchema("top", "array", (FieldSchema("count", "Uint64"),)),
    ]
    path = tmp_path / "open.jsonl"
    path.write_text("\n".join(json.dumps(schema_to_json(item)) for item in schema) + '\n{"pid": 1}\n')
    assert read_schema_file(str(path)) == (schema, [])
    path.write_text(json.dumps(schema_to_json(schema[0])))
    assert read_schema_file(str(path)) == (schema[:1], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot read {path}: No such file or directory"),
        ("{", "{path}: not JSON: "),
        ('{"pid": 1}\n{"pid": 2}', "{path}: not JSON: "),
        ("7", "{path}: expected a list of data sources, found int"),
        ("[]", "{path}: describes no data source"),
        ('{"pid": 1}', "{path}: not a data source as `ig image inspect --show-datasources` prints it"),
        ('[{"name": "s", "type": 3}]', "{path}: data source 's': 'type' is 3, must be one of "),
        (
            '[{"name": "s", "fields": [1]}]',
            "{path}: data source 's': fields[0]: expected an object, found int",
        ),
        ('[{"name": "s", "fields": [{}]}]', "{path}: data source 's': a field has no 'fullName'"),
        (
            '[{"name": "s", "fields": [{"name": "f", "kind": 99}]}]',
            "{path}: data source 's': field 'f': unknown field kind 99: ",
        ),
    ],
)
def test_malformed_schema_file(tmp_path: Path, text: str | None, message: str) -> None:
    """A file that describes nothing is refused with its name and what is wrong."""
    path = tmp_path / "schema.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(EmbedderError) as error:
        read_schema_file(str(path))
    assert str(error.value).startswith(message.format(path=path))
