from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadget_host.schema import FieldSchema, SourceSchema
from gadget_host.streams.gojson import JsonEncoder, go_float, go_string

FIELDS = (
    FieldSchema("f", "Float64"),
    FieldSchema("p.f32", "Float32"),
    FieldSchema("p.text", "String"),
    FieldSchema("raw", "Bytes"),
    FieldSchema("n", "Uint64"),
)
SCHEMA = SourceSchema("s", "single", FIELDS)

# As Go prints them: strconv.AppendFloat with 'f' or 'e', encoding/json's cleaning of the exponent.
FLOATS = [
    (0.0, 64, "0"),
    (-0.0, 64, "-0"),
    (1.0, 64, "1"),
    (100.0, 64, "100"),
    (-1.5, 64, "-1.5"),
    (123456.789, 64, "123456.789"),
    (1e16, 64, "10000000000000000"),
    (1e20, 64, "100000000000000000000"),
    (1e21, 64, "1e+21"),
    (1.5e300, 64, "1.5e+300"),
    (1e-6, 64, "0.000001"),
    (1e-5, 64, "0.00001"),
    (9.9e-7, 64, "9.9e-7"),
    (1e-10, 64, "1e-10"),
    (5e-324, 64, "5e-324"),
    (1.7976931348623157e308, 64, "1.7976931348623157e+308"),
    (struct.unpack("f", struct.pack("f", 0.1))[0], 32, "0.1"),
    (struct.unpack("f", struct.pack("f", 1e-6))[0], 32, "0.000001"),
    (16777216.0, 32, "16777216"),
    (struct.unpack("f", b"\xff\xff\x7f\x7f")[0], 32, "3.4028235e+38"),
    (struct.unpack("f", b"\x01\x00\x00\x00")[0], 32, "1e-45"),
    (math.inf, 64, "null"),
    (-math.inf, 32, "null"),
    (math.nan, 64, "null"),
]


@pytest.mark.parametrize(("value", "bits", "text"), FLOATS)
def test_float(value: float, bits: int, text: str) -> None:
    """Floats look as Go's encoding/json writes them; what is not a number is null."""
    assert go_float(value, bits) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float64_round_trip(value: float) -> None:
    """The text of a float64 is the number again, and never longer than Python's."""
    text = go_float(value)
    assert float(text) == value
    assert sum(map(str.isdigit, text.split("e")[0].strip("0").replace(".", ""))) <= 17 + text.count("0")


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_float32_round_trip(value: float) -> None:
    """The text of a float32 is the same float32 again."""
    assert struct.pack("f", float(go_float(value, 32))) == struct.pack("f", value)


STRINGS = [
    (b"plain", b'"plain"'),
    (b'a"b\\c', rb'"a\"b\\c"'),
    (b"\n\r\t", rb'"\n\r\t"'),
    (b"\x00\x01\x08\x0b\x0c\x1f\x7f", b'"\\u0000\\u0001\\u0008\\u000b\\u000c\\u001f\x7f"'),
    (b"<a href='x'>&", b"\"<a href='x'>&\""),
    ("\u2028\u2029\u2030".encode(), '"\\u2028\\u2029\u2030"'.encode()),
    ("é 日本 🙂".encode(), '"é 日本 🙂"'.encode()),
    (b"\xff\xc3(\xe2\x82", rb'"\ufffd\ufffd(\ufffd\ufffd"'),
    ("\ufffd".encode(), '"\ufffd"'.encode()),
    (rb"\b \u2028 \\b", rb'"\\b \\u2028 \\\\b"'),
]


@pytest.mark.parametrize(("raw", "text"), STRINGS)
def test_string(raw: bytes, text: bytes) -> None:
    """Strings are escaped as upstream does it, bytes that are not UTF-8 each become \\ufffd."""
    value = raw.decode("utf-8", "surrogateescape")
    assert go_string(value).encode() == text
    assert JsonEncoder(SCHEMA).encode([{"p": {"text": value}}]) == b'{"p":{"text":' + text + b"}}\n"


def test_order_and_numbers() -> None:
    """Keys are sorted at every level, nothing is spaced, 64-bit integers are whole, bytes are hexadecimal."""
    event = {"z": True, "p": {"b": -(1 << 63), "a": (1 << 64) - 1}, "raw": b"\x00\xffA", "f": 2.0}
    assert JsonEncoder(SCHEMA).encode([event]) == (
        b'{"f":2,"p":{"a":18446744073709551615,"b":-9223372036854775808},"raw":"00ff41","z":true}\n'
    )


def test_array_events() -> None:
    """An event of an array source is one line with a JSON array, an empty one included."""
    encoder = JsonEncoder(SourceSchema("s", "array", FIELDS))
    assert encoder.encode([[{"f": 0.5}, {"f": math.nan}], []]) == b'[{"f":0.5},{"f":null}]\n[]\n'


def test_skipped_fields() -> None:
    """A field annotated json.skip is not printed."""
    skip = {"json.skip": "true"}
    schema = SourceSchema("s", "single", (FieldSchema("a.b", "Bool", skip), FieldSchema("c", "Bool", skip)))
    assert JsonEncoder(schema).encode([{"a": {"b": True, "x": 1}, "c": False}, {}]) == b'{"a":{"x":1}}\n{}\n'


def test_pretty() -> None:
    """Pretty JSON is indented by two, floats and arrays included."""
    encoder = JsonEncoder(SCHEMA, pretty=True)
    assert encoder.encode([{"p": {"f32": 1.0}, "n": 1}, [{"n": 1}]]).decode() == (
        '{\n  "n": 1,\n  "p": {\n    "f32": 1\n  }\n}\n[\n  {\n    "n": 1\n  }\n]\n'
    )


TEXT = st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))


WIDE = st.floats(allow_nan=False, allow_infinity=False)
NARROW = st.floats(width=32, allow_nan=False, allow_infinity=False)
EVENTS = st.fixed_dictionaries(
    {
        "f": WIDE,
        "n": st.integers(0, (1 << 64) - 1),
        "raw": st.binary(),
        "p": st.fixed_dictionaries({"text": TEXT, "f32": NARROW}),
    }
)


@given(st.lists(EVENTS, max_size=3))
def test_round_trip(events: list[dict[str, Any]]) -> None:
    """Every event is a line of valid JSON that holds its values again."""
    expected = [
        {
            "f": event["f"],
            "n": event["n"],
            "raw": event["raw"].hex(),
            "p": {
                "text": "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in event["p"]["text"]),
                "f32": event["p"]["f32"],
            },
        }
        for event in events
    ]
    found = [json.loads(line) for line in JsonEncoder(SCHEMA).encode(events).splitlines()]
    for event in found:  # JSON does not tell 1 from 1.0
        event["f"] = float(event["f"])
        event["p"]["f32"] = struct.unpack("f", struct.pack("f", event["p"]["f32"]))[0]
    assert found == expected


def test_foreign_value() -> None:
    """A value that is no value of a field is not printed as something else."""
    with pytest.raises(TypeError):
        JsonEncoder(SCHEMA).encode([{"n": {1, 2}}])
