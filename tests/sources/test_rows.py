"""The codec: any event of any layout survives the way to a row and back."""

import math
import struct
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gadget_host.rows import Codec, Leaf, Slot
from gadget_host.schema import KINDS, WIDTHS, EventError, describe
from gadget_host.values import ZEROS, canonical

INTS = {
    kind: (0, 256**width - 1) if kind.startswith("Uint") else (-(256**width) // 2, 256**width // 2 - 1)
    for kind, width in WIDTHS.items()
    if "int" in kind.lower()
}
RAW = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
TEXT = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), RAW).map(
    lambda text: text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{kind: st.integers(*limits) for kind, limits in INTS.items()},
    "Bool": st.booleans(),
    "Float32": st.floats(width=32, allow_nan=False),
    "Float64": st.floats(allow_nan=False),
    "String": TEXT,
    "CString": TEXT.map(lambda text: text.partition("\0")[0]),
    "Bytes": st.binary(max_size=20),
    "Invalid": st.binary(max_size=20),
}
PATHS = [("a",), ("b",), ("c", "a"), ("c", "b"), ("c", "d", "a"), ("e", "a"), ("f.g",), ("class",), ("'",)]


def leaf(path: tuple[str, ...], kind: str) -> Leaf:
    """A dynamic field."""
    return Leaf(".".join(path), path, kind)


def layout(kinds: list[str]) -> list[Slot]:
    """Slots with a field each, at nested paths."""
    return [Slot(WIDTHS.get(kind, 0), (leaf(path, kind),)) for path, kind in zip(PATHS, kinds, strict=False)]


def put(event: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Set a value in a nested dict."""
    for key in path[:-1]:
        event = event.setdefault(key, {})
    event[path[-1]] = value


@st.composite
def layouts_and_events(draw: st.DrawFn) -> tuple[list[Slot], dict[str, Any]]:
    """Slots and an event that fits them."""
    slots = layout(draw(st.lists(st.sampled_from(KINDS), max_size=len(PATHS))))
    event: dict[str, Any] = {}
    for slot in slots:
        put(event, slot.leaves[0].path, draw(VALUES[slot.leaves[0].kind]))
    return slots, event


@settings(deadline=None, max_examples=300)
@given(layouts_and_events())
def test_events_survive_the_way_to_a_row_and_back(case: tuple[list[Slot], dict[str, Any]]) -> None:
    """Encoding and decoding give the event, by the fast way and the careful one; the row ends where it should."""
    slots, event = case
    codec = Codec("s", slots, len(slots))
    assert codec.clean(event, 0) == event
    row = codec.encode_clean(event)
    try:
        assert codec.encode(event) == row
    except Exception:
        assert "\\udc" in repr(event)  # bytes that are not UTF-8 take the careful way
    assert codec.whole(len(slots))(b"before" + row + b"behind", 6) == (event, 6 + len(row))


@settings(deadline=None, max_examples=100)
@given(layouts_and_events(), st.data())
def test_slots_can_be_set_one_by_one(case: tuple[list[Slot], dict[str, Any]], data: st.DataObject) -> None:
    """Patching every slot of another event makes it this one, and leaves the copy it was made from alone."""
    slots, event = case
    codec = Codec("s", slots, len(slots))
    other = codec.clean({}, 0)
    patched = codec.copy(other)
    for number, slot in enumerate(slots):
        (field,) = slot.leaves
        value: Any = event
        for key in field.path:
            value = value[key]
        raw = codec_of_one(field).encode_clean({"x": value})
        codec.setters[number](patched, raw[0 if slot.width else 4 :])
    assert patched == event
    assert other == codec.clean({}, 0)


def codec_of_one(field: Leaf) -> Codec:
    """A codec for a single field called x."""
    return Codec("s", [Slot(WIDTHS.get(field.kind, 0), (leaf(("x",), field.kind),))], 1)


def test_rows_are_laid_out_as_documented() -> None:
    """Fixed parts in order without gaps, lengths for what varies, then its bytes."""
    slots = [
        Slot(4, (leaf(("pid",), "Uint32"),)),
        Slot(0, (leaf(("comm",), "String"),)),
        Slot(1, (leaf(("ok",), "Bool"),)),
        Slot(0, (leaf(("args",), "Bytes"),)),
    ]
    row = Codec("s", slots, 4).encode({"pid": 1, "comm": "sh", "ok": True, "args": b"\xff"})
    assert row == b"\x01\0\0\0\x02\0\0\0\x01\x01\0\0\0sh\xff"


def test_structures_keep_their_gaps() -> None:
    """Static members lie at their offsets; texts are filled up with zeros and come back without them."""
    members = (
        Leaf("s.a", ("s", "a"), "Int16", 2, 2),
        Leaf("s.text", ("s", "text"), "CString", 8, 4),
        Leaf("s.raw", ("s", "raw"), "Bytes", 12, 3),
    )
    codec = Codec("x", [Slot(16, members)], 1)
    event = {"s": {"a": -2, "text": "ab", "raw": b"xyz"}}
    row = codec.encode(event)
    assert row == b"\0\0\xfe\xff\0\0\0\0ab\0\0xyz\0"
    assert codec.whole(1)(row, 0) == (event, 16)
    codec.setters[0](event, b"\0\0\x07\0\0\0\0\0abcdXYZ\0")
    assert event == {"s": {"a": 7, "text": "abcd", "raw": b"XYZ"}}


# A union of a number, its bytes and its upper half, behind a byte and in front of a text.
UNION = Slot(
    8,
    (Leaf("u.all", ("u", "all"), "Uint64", 0, 8),),
    (Leaf("u.raw", ("u", "raw"), "Bytes", 0, 8), Leaf("high", ("high",), "Uint32", 4, 4)),
)
WITH_UNION = Codec("s", [Slot(1, (leaf(("a",), "Uint8"),)), UNION, Slot(0, (leaf(("t",), "String"),))], 3)


@pytest.mark.parametrize(
    "more", [{}, {"high": 1, "u": {"all": 0x100000002, "raw": b"\2\0\0\0\1\0\0\0"}}], ids=["derived", "given"]
)
def test_what_lies_inside_another_value_is_derived(more: dict[str, Any]) -> None:
    """An event has all the values, whether they were given or not, and the row holds their bytes once."""
    whole = {"a": 7, "high": 1, "u": {"all": 0x100000002, "raw": b"\2\0\0\0\1\0\0\0"}, "t": "x"}
    event = {"a": 7, "u": {"all": 0x100000002}, "t": "x", **more}
    with pytest.raises(Exception):  # noqa: B017, PT011 - the fast way does not look inside
        WITH_UNION.encode(event)
    clean = WITH_UNION.clean(event, 0)
    row = WITH_UNION.encode_clean(clean)
    assert clean == whole
    assert row == b"\7" + b"\2\0\0\0\1\0\0\0" + b"\1\0\0\0" + b"x"
    assert WITH_UNION.whole(3)(b"before" + row + b"behind", 6) == (whole, 6 + len(row))
    assert WITH_UNION.whole(2)(row, 0)[0] == {**whole, "t": ""}
    WITH_UNION.setters[1](clean, bytes(4) + b"\5\0\0\0")
    assert clean == {**whole, "high": 5, "u": {"all": 5 << 32, "raw": b"\0\0\0\0\5\0\0\0"}}


def test_an_event_must_not_contradict_itself() -> None:
    """A value that is not what the bytes of the one around it say is refused: it could not be kept."""
    with pytest.raises(EventError) as caught:
        WITH_UNION.clean({"high": 5}, 2)
    error = caught.value
    assert (error.index, error.field, error.expected) == (2, "high", "0, as the field it lies in has it")


def test_not_a_number_does_not_contradict_itself() -> None:
    """What was decoded can be encoded again."""
    slot = Slot(8, (Leaf("f", ("f",), "Float64", 0, 8),), (Leaf("g", ("g",), "Float64", 0, 8),))
    codec = Codec("s", [slot], 1)
    row = struct.pack("<d", math.nan)
    event, _ = codec.whole(1)(row, 0)
    assert codec.encode_clean(codec.clean(event, 0)) == row


def test_slots_that_events_do_not_show_are_blank() -> None:
    """A slot without leaves is zeros, or empty."""
    codec = Codec("x", [Slot(4, ()), Slot(0, ()), Slot(1, (leaf(("a",), "Bool"),))], 3)
    assert codec.encode({"a": True}) == bytes(8) + b"\x01"
    assert codec.whole(3)(bytes(4) + b"\x02\0\0\0" + b"\x01" + b"??", 0) == ({"a": True}, 11)


def test_fields_beyond_the_row_are_zero() -> None:
    """An event is completed with what its row has not, nested fields included."""
    slots = [Slot(1, (leaf(("a",), "Uint8"),)), *(Slot(0, (leaf((k, "x"), "String"),)) for k in "pq")]
    codec = Codec("s", [*slots, Slot(8, (leaf(("d.e",), "Float64"),))], 1)
    event = {"a": 1}
    codec.complete(event)
    assert event == {"a": 1, "p": {"x": ""}, "q": {"x": ""}, "d.e": 0.0}
    assert codec.whole(2)(b"\x02" + b"\x01\0\0\0!", 0)[0] == {
        "a": 2,
        "p": {"x": "!"},
        "q": {"x": ""},
        "d.e": 0.0,
    }
    assert codec.has("d.e")
    assert not codec.has("a")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("event", [{}, {"x": None}], ids=["missing", "null"])
def test_missing_and_null_values_are_zero(kind: str, event: dict[str, Any]) -> None:
    """The zero value of the kind stands in."""
    codec = codec_of_one(leaf(("x",), kind))
    assert codec.clean(event, 0) == {"x": ZEROS[kind]}
    with pytest.raises(Exception):  # noqa: B017, PT011 - any exception means: not by the fast way
        codec.encode(event)


WRONG: list[tuple[str, Any]] = [
    *((kind, low - 1) for kind, (low, _) in INTS.items()),
    *((kind, high + 1) for kind, (_, high) in INTS.items()),
    *product(INTS, (True, 1.0, "1", b"1", [1], {})),
    *product(["Bool"], (2, -1, 0.0, "true", [])),
    *product(["Float32", "Float64"], (True, "1.0", [])),
    ("Float32", 1e39),
    ("Float64", 10**400),
    *product(["String", "CString"], (1, True, ["a"], "\ud800", {})),
    *product(["Bytes"], (1, "xyz", "abc", [1, 2], True)),
]


@pytest.mark.parametrize(("kind", "value"), WRONG, ids=lambda case: repr(case)[:20])
def test_values_that_do_not_fit_are_refused_with_their_place(kind: str, value: object) -> None:
    """The error names source, event, field, what was expected and what was found."""
    codec = Codec("open", [Slot(WIDTHS.get(kind, 0), (leaf(("a", "x"), kind),))], 1)
    with pytest.raises(EventError) as caught:
        codec.clean({"a": {"x": value}}, 7)
    error = caught.value
    assert (error.source, error.index, error.field) == ("open", 7, "a.x")
    assert error.expected.startswith(kind)
    assert error.found == describe(value)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the fast way must not take it either
        codec.encode({"a": {"x": value}})


@pytest.mark.parametrize(
    ("kind", "value", "becomes"),
    [
        ("Bool", 1, True),
        ("Bool", 0, False),
        ("Float64", 3, 3.0),
        ("Float32", 0.1, struct.unpack("<f", struct.pack("<f", 0.1))[0]),
        ("Bytes", "00fF", b"\x00\xff"),
        ("Bytes", bytearray(b"ab"), b"ab"),
        ("String", b"ab\xff", "ab\udcff"),
        ("String", "\udcc3\udca9", "é"),
        ("CString", "ab\0cd", "ab"),
        ("Float32", math.inf, math.inf),
    ],
)
def test_values_are_put_right(kind: str, value: object, becomes: object) -> None:
    """What means the same comes back as the field's own type."""
    codec = codec_of_one(leaf(("x",), kind))
    found = codec.clean({"x": value}, 0)["x"]
    assert (found, type(found)) == (becomes, type(becomes))
    assert codec.whole(1)(codec.encode_clean({"x": found}), 0)[0] == {"x": becomes}


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("String", "abcde", "String of at most 4 bytes"),
        ("CString", "a€€", "CString of at most 4 bytes"),
        ("Bytes", b"abcde", "Bytes, at most 4 of them"),
    ],
)
def test_static_members_have_room_for_their_size(kind: str, value: object, expected: str) -> None:
    """A longer value is refused; a shorter one is filled up."""
    codec = Codec("s", [Slot(4, (Leaf("x", ("x",), kind, 0, 4),))], 1)
    with pytest.raises(EventError, match=expected):
        codec.clean({"x": value}, 0)
    with pytest.raises(Exception):  # noqa: B017, PT011 - nor by the fast way
        codec.encode({"x": value})
    assert codec.encode_clean(codec.clean({"x": value[:2]}, 0)) == canonical_bytes(value[:2])  # type: ignore[index]


def canonical_bytes(value: str | bytes) -> bytes:
    """A value filled up to four bytes."""
    raw = value.encode() if isinstance(value, str) else value
    return raw[:4].ljust(4, b"\0")


@pytest.mark.parametrize(
    ("event", "field", "expected"),
    [
        ([1], "", "an object"),
        ("text", "", "an object"),
        (None, "", "an object"),
        ({"a": 5}, "a", "an object"),
        ({"a": [1]}, "a", "an object"),
    ],
)
def test_what_is_no_object_is_refused(event: object, field: str, expected: str) -> None:
    """An event and each of its levels is an object."""
    codec = Codec("s", [Slot(4, (leaf(("a", "x"), "Uint32"),))], 1)
    with pytest.raises(EventError) as caught:
        codec.clean(event, 3)
    assert (caught.value.field, caught.value.expected, caught.value.index) == (field, expected, 3)


def test_unknown_keys_are_found_on_every_level() -> None:
    """Their dotted names come in the order of the event."""
    codec = Codec("s", layout(["Uint8"] * len(PATHS)), len(PATHS))
    event = {"a": 1, "z": 1, "c": {"a": 1, "y": {"a": 1}, "d": {"b": 1}}, "e": 3}
    assert list(codec.unknown_keys(event)) == ["z", "c.y", "c.d.b"]


def test_the_fast_way_refuses_events_with_other_keys() -> None:
    """Neither a missing nor an additional key gets past it, on any level."""
    codec = Codec("s", [Slot(1, (leaf(("a",), "Uint8"),)), Slot(1, (leaf(("c", "a"), "Uint8"),))], 2)
    assert codec.encode({"a": 1, "c": {"a": 2}}) == b"\x01\x02"
    for event in ({"a": 1, "c": {"a": 2}, "x": 1}, {"a": 1, "c": {"a": 2, "x": 1}}, {"a": 1, "c": {}}):
        with pytest.raises(Exception):  # noqa: B017, PT011 - any exception means: not by the fast way
            codec.encode(event)


def test_canonical_values_stay_as_they_are() -> None:
    """What came out of canonical goes through it unchanged."""
    for kind, value in [("Float32", 0.1), ("CString", "a\0b"), ("Bytes", "00ff"), ("String", "\udcff")]:
        once = canonical(kind, value)
        assert canonical(kind, once) == once
