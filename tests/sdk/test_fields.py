"""Reading and writing fields of every kind."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NUMBERS = {
    "Int8": ("b", -(1 << 7), (1 << 7) - 1),
    "Int16": ("h", -(1 << 15), (1 << 15) - 1),
    "Int32": ("i", -(1 << 31), (1 << 31) - 1),
    "Int64": ("q", -(1 << 63), (1 << 63) - 1),
    "Uint8": ("B", 0, (1 << 8) - 1),
    "Uint16": ("H", 0, (1 << 16) - 1),
    "Uint32": ("I", 0, (1 << 32) - 1),
    "Uint64": ("Q", 0, (1 << 64) - 1),
}
KIND_NUMBERS = {
    "Bool": 1,
    "Int8": 2,
    "Int16": 3,
    "Int32": 4,
    "Int64": 5,
    "Uint8": 6,
    "Uint16": 7,
    "Uint32": 8,
}
KIND_NUMBERS |= {"Uint64": 9, "Float32": 10, "Float64": 11, "String": 12, "CString": 13, "Bytes": 14}

SEES_AND_SETS = """
    import gadget
    source = gadget.source("in")
    value = source.field("value", {kind})
    seen, new, errors = [], [], []

    @source.on_event
    def see(event):
        seen.append(event[value])
        for one in new:
            try:
                event[value] = one
            except Exception as error:
                errors.append(error)
"""


@pytest.fixture
def field(host: Any, run: Callable[..., Any]) -> Callable[..., Any]:
    """Read a field of raw contents, then write values to it: (what was read, contents after, errors)."""

    def field(kind: str, raw: bytes, *new: Any, declared: str = "String", size: int = 0) -> Any:
        source = host.source("in", value=(KIND_NUMBERS[declared], size))
        gadget = run(SEES_AND_SETS.format(kind=kind)).module
        gadget.new.extend(new)
        after = host.emit(source, {"value": raw})[0]["value"]
        assert host.logs == []
        return gadget.seen[0], after, gadget.errors

    return field


@pytest.mark.parametrize("kind", NUMBERS)
def test_an_integer_kind_reads_and_writes_its_extremes(field: Any, kind: str) -> None:
    """The smallest and the largest value of a kind survive reading and writing."""
    format, low, high = NUMBERS[kind]
    for old, new in ((low, high), (high, low)):
        read, after, errors = field(f"gadget.{kind}", struct.pack("<" + format, old), new, declared=kind)
        assert (read, after, errors) == (old, struct.pack("<" + format, new), [])


@pytest.mark.parametrize("kind", NUMBERS)
def test_an_integer_that_does_not_fit_is_an_overflow_error(field: Any, kind: str) -> None:
    """One more than the largest and one less than the smallest value raise, and leave the field alone."""
    format, low, high = NUMBERS[kind]
    _, after, errors = field(f"gadget.{kind}", struct.pack("<" + format, 1), low - 1, high + 1, declared=kind)
    assert after == struct.pack("<" + format, 1)
    assert [type(error) for error in errors] == [OverflowError, OverflowError]
    assert str(errors[1]) == f"field 'value' of source 'in' is gadget.{kind}: {high + 1} does not fit"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("Uint32", "7"), ("Int32", 1.5), ("Float64", "1"), ("String", b"x"), ("Bytes", "x"), ("Bytes", 5)],
)
def test_a_value_of_the_wrong_type_is_a_type_error(field: Any, kind: str, value: object) -> None:
    """A value that is not of the kind's Python type raises, and the message names field and types."""
    _, _, errors = field(f"gadget.{kind}", bytes(4 if "32" in kind else 8), value, declared="Bytes")
    python_type = {"U": "int", "I": "int", "F": "float", "S": "str", "B": "bytes"}[kind[0]]
    message = f"field 'value' of source 'in' takes {python_type}, not {type(value).__name__}"
    assert [(type(error), str(error)) for error in errors] == [(TypeError, message)]


@pytest.mark.parametrize(("raw", "value"), [(b"\0", False), (b"\1", True), (b"\2", False)])
def test_a_bool_is_true_only_for_the_byte_one(field: Any, raw: bytes, value: bool) -> None:
    """Bool reads as the ABI says: any byte but 1 is false."""
    assert field("bool", raw, declared="Bool")[0] is value


def test_a_bool_is_written_as_the_truth_of_the_value(field: Any) -> None:
    """Any true value is 1."""
    assert field("bool", b"\0", [0], declared="Bool")[1] == b"\1"


@pytest.mark.parametrize(("kind", "format"), [("Float32", "<f"), ("Float64", "<d")])
@pytest.mark.parametrize("value", [0.0, -0.0, 1.5, -2.25, float("inf"), float("-inf")])
def test_a_float_kind_reads_and_writes(field: Any, kind: str, format: str, value: float) -> None:
    """Numbers that both widths can hold survive, infinities and the sign of zero included."""
    raw = struct.pack(format, value)
    read, after, errors = field(f"gadget.{kind}", raw, value, declared=kind)
    assert (struct.pack(format, read), after, errors) == (raw, raw, [])


def test_a_float_that_does_not_fit_32_bits_is_an_overflow_error(field: Any) -> None:
    """1e300 is no Float32."""
    _, after, errors = field("gadget.Float32", bytes(4), 1e300, declared="Float32")
    assert (after, [type(error) for error in errors]) == (bytes(4), [OverflowError])


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("int", b"\xff", 255),
        ("int", b"\xff\xff", 65535),
        ("int", b"\x01\0\0\0", 1),
        ("int", b"\xff" * 8, (1 << 64) - 1),
        ("float", struct.pack("<f", 0.5), 0.5),
        ("float", struct.pack("<d", 0.1), 0.1),
    ],
)
def test_int_and_float_find_the_width_of_an_existing_field(
    field: Any, host: Any, kind: str, raw: bytes, value: float
) -> None:
    """The first access looks at the field's bytes; integers are unsigned."""
    read, after, errors = field(kind, raw, value, declared="Bytes")
    assert (read, after, errors) == (value, raw, [])


def test_the_width_is_looked_for_once(host: Any, run: Any) -> None:
    """From the second event on, a field declared as int costs one call to read."""
    source = host.source("in", value=8)
    gadget = run(SEES_AND_SETS.format(kind="int"))
    for _ in range(3):
        host.emit(source, {"value": b"\7\0\0\0"})
    assert gadget.module.seen == [7, 7, 7]
    assert [c for c in host.calls if c.startswith("field_get_")] == ["field_get_buffer"] + [
        "field_get_scalar"
    ] * 3


def test_int_on_a_field_that_holds_none_is_a_host_error(host: Any, run: Any) -> None:
    """A field of three bytes is no integer, and the log says so."""
    source = host.source("in", value=14)
    run(SEES_AND_SETS.format(kind="int"))
    host.emit(source, {"value": b"abc"})
    expected = "HostError: field 'value' of source 'in' holds no int of [1, 2, 4, 8] bytes (fieldGetBuffer)"
    assert expected in host.logs[0][1]


TEXTS = [
    ("", b""),
    ("abc", b"abc"),
    ("a\0b", b"a\0b"),
    ("h\u00e9 \u20ac \U0001f600", "h\u00e9 \u20ac \U0001f600".encode()),
    ("\udcff\udc80x", b"\xff\x80x"),
    ("x" * (1 << 20), b"x" * (1 << 20)),
]


@pytest.mark.parametrize(("text", "raw"), TEXTS)
def test_a_string_kind_reads_and_writes_any_text(field: Any, text: str, raw: bytes) -> None:
    """Empty, NUL inside, multi-byte, not UTF-8, a mebibyte: all survive, byte for byte."""
    read, after, errors = field("gadget.String", raw, text)
    assert (read == text, after == raw, errors) == (True, True, [])


@pytest.mark.parametrize("raw", [b"bash" + bytes(12), b"bash\0garbage\xff\xfe!!", b"bash"])
@pytest.mark.parametrize("kind", ["str", "gadget.CString"])
def test_str_reads_an_existing_field_up_to_the_first_nul(field: Any, kind: str, raw: bytes) -> None:
    """Behind the NUL of an eBPF program's char array stands padding, or what was there before."""
    assert field(kind, raw)[0] == "bash"


def test_str_fills_a_field_of_fixed_size_up_with_zeros(field: Any) -> None:
    """A shorter string is padded by the host; what stood there before is gone."""
    read, after, errors = field("str", b"longer", "sh", declared="CString", size=8)
    assert (read, after, errors) == ("longer", b"sh" + bytes(6), [])


def test_a_string_too_long_for_a_field_of_fixed_size_is_a_host_error(field: Any, load: Any) -> None:
    """The field stays as it was and the message says what was to be written where."""
    _, after, errors = field("str", b"init", "x" * 17, declared="CString", size=16)
    assert after == b"init" + bytes(12)
    expected = (
        "the host refuses a str of length 17 for field 'value' of source 'in' as gadget.CString (fieldSet)"
    )
    assert [str(error) for error in errors] == [expected]


@pytest.mark.parametrize(
    "new", [b"", b"\0\1\xff", bytearray(b"ab"), memoryview(b"abcd")[1:3], bytes(1 << 20)]
)
def test_bytes_reads_and_writes_anything(field: Any, new: Any) -> None:
    """Bytes-like values of any length are written as they are."""
    read, after, errors = field("bytes", b"\xff\0", new, declared="Bytes")
    assert (read, after == bytes(new), errors) == (b"\xff\0", True, [])


@pytest.mark.parametrize(
    "length", [0, 1, 1023, 1024, 1025, 16383, 16384, 16385, 131072, 131073, (1 << 20) - 1, 1 << 20]
)
@pytest.mark.parametrize("kind", ["str", "bytes"])
def test_buffers_grow_to_what_a_field_holds(field: Any, kind: str, length: int) -> None:
    """Nobody says how long a value may be: up to a mebibyte it is read whole."""
    assert len(field(kind, b"y" * length)[0]) == length


def test_a_value_longer_than_a_mebibyte_is_a_host_error(host: Any, run: Any) -> None:
    """The host does not say that a buffer is too short; after a mebibyte the SDK gives up."""
    source = host.source("in", value=12)
    run(SEES_AND_SETS.format(kind="str"))
    host.emit(source, {"value": bytes((1 << 20) + 1)})
    expected = (
        "cannot read field 'value' of source 'in': it is not a field of this event, or longer than 1 MiB "
        "or the memory that is left"
    )
    assert expected in host.logs[0][1]


def test_a_buffer_that_grew_stays_large(host: Any, run: Any) -> None:
    """The second long string costs one call."""
    source = host.source("in", value=12)
    run(SEES_AND_SETS.format(kind="str"))
    for _ in range(2):
        host.emit(source, {"value": b"z" * 1100})
    assert host.calls.count("field_get_buffer") == 3


@pytest.mark.parametrize("kind", ["gadget.Uint32", "gadget.Int32", "bool", "gadget.Float32"])
def test_a_kind_of_the_wrong_width_is_a_host_error(host: Any, run: Any, kind: str) -> None:
    """The message names the field and the kind it was read as."""
    source = host.source("in", value=9)
    run(SEES_AND_SETS.format(kind=kind))
    host.emit(source, {"value": bytes(8)})
    name = {"bool": "gadget.Bool"}.get(kind, kind)
    assert f"cannot read field 'value' of source 'in' as {name}: is it" in host.logs[0][1]


@pytest.mark.parametrize(
    ("type", "kind"),
    [("str", "String"), ("bytes", "Bytes"), ("bool", "Bool"), ("int", "Int64"), ("float", "Float64")],
)
def test_a_new_field_of_a_python_type_has_the_widest_kind(host: Any, load: Any, type: str, kind: str) -> None:
    """What a gadget adds can hold any value of the type."""
    load(f"import gadget\nsource = gadget.new_source('out')\nsource.add_field('x', {type})\n").start()
    assert [field.kind for field in host.sources["out"].fields] == [KIND_NUMBERS[kind]]


@pytest.mark.parametrize("kind", KIND_NUMBERS)
def test_a_new_field_has_the_kind_that_was_asked_for(host: Any, load: Any, kind: str) -> None:
    """All kinds can be added."""
    load(f"import gadget\nsource = gadget.new_source('out')\nsource.add_field('x', gadget.{kind})\n").start()
    assert [field.kind for field in host.sources["out"].fields] == [KIND_NUMBERS[kind]]


@pytest.mark.parametrize("kind", ["list", "'Uint32'", "8", "[]", "None"])
def test_what_is_no_kind_is_a_type_error_at_the_declaration(load: Any, kind: str) -> None:
    """The message lists the kinds."""
    with pytest.raises(
        TypeError, match=r"not a kind of field: .*gadget\.Bool, gadget\.Int8, .*gadget\.Bytes$"
    ):
        load(f"import gadget\ngadget.source('in').field('x', {kind})\n")


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(raw=st.binary(max_size=600))
def test_any_bytes_survive_as_text(host: Any, run: Any, raw: bytes) -> None:
    """Reading a String and writing it back changes nothing, whatever the bytes."""
    if "in" not in host.sources:
        host.source("in", value=12)
        host.copier = run(
            """
            import gadget
            source = gadget.source("in")
            value = source.field("value", gadget.String)

            @source.on_event
            def copy(event):
                event[value] = event[value]
            """
        )
    assert host.emit(host.sources["in"], {"value": raw}) == [{"value": raw}]
    assert host.logs == []
