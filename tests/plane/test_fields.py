"""Fields read and written through the guest: kinds at their extremes, widths, buffers, addresses."""

import struct

import pytest
import wasmtime

from gadget_host.schema import FieldSchema, SourceSchema
from tests.plane.rig import KINDS, WIDTHS, Rig

I64 = (1 << 64) - 1
SCALARS = [kind for kind in KINDS if kind in WIDTHS]
BYTES = {
    "empty": b"",
    "one byte": b"x",
    "eight bytes, the most a slot holds itself": b"12345678",
    "nine bytes": b"123456789",
    "NUL inside": b"a\0b\0",
    "invalid UTF-8": b"\xff\xfe\x80",
    "multi-byte": "grüße, 世界 \N{SNAKE}".encode(),
}
EXTREMES = {
    "Bool": [0, 1],
    "Float32": [0, 0x7F800000, 0x7FC00001, 0x00000001, 0x80000000],
    "Float64": [0, 0x7FF0000000000000, 0x7FF8000000000001, 1, 1 << 63],
}


def extremes(kind: str) -> list[int]:
    """Values a scalar kind can hold, as 64 bits."""
    if kind in EXTREMES:
        return EXTREMES[kind]
    bits = 8 * WIDTHS[kind]
    if kind.startswith("Uint"):
        return [0, 1, (1 << bits) - 1, 1 << bits - 1]
    return [0, 1, (1 << bits - 1) - 1, -(1 << bits - 1), -1]


def signed(value: int) -> int:
    """64 bits as wasmtime gives them to Python."""
    return int(struct.unpack("<q", struct.pack("<Q", value & I64))[0])


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind in SCALARS for value in extremes(kind)])
def test_a_scalar_comes_back_as_it_was_set(rig: Rig, kind: str, value: int) -> None:
    """Every scalar kind holds its extremes; signed ones come back sign-extended."""
    source, handle = rig.source("s", f"before:String it:{kind} after:Uint64")
    packet = rig.dataSourceNewPacketSingle(handle)
    it, after = rig.field(source, "it"), rig.field(source, "after")
    assert rig.fieldSet(it, packet, KINDS[kind], signed(value)) == 0
    assert rig.fieldGetScalar(it, packet, KINDS[kind], 0) == signed(value)
    assert rig.scalar(after, packet, "Uint64") == 0
    assert rig.warned == []


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind in SCALARS for value in extremes(kind)])
def test_the_guest_reads_the_scalar_that_python_emitted(rig: Rig, kind: str, value: int) -> None:
    """A row's scalar reaches the guest with its bits unchanged."""
    raw = struct.pack("<q", signed(value))
    letter = {"Bool": "?", "Float32": "f", "Float64": "d"}.get(kind)
    given = struct.unpack_from(f"<{letter}", raw)[0] if letter else value
    source, _ = rig.source("s", f"it:{kind}")
    field, seen = rig.field(source, "it"), list[int | None]()
    rig.on_callback = lambda callback, handle, data: seen.append(rig.scalar(field, data, kind))
    rig.subscribe(source)
    source.emit({"it": given})
    nan = given != given  # Python's pack may choose another NaN
    assert seen == [signed(value)] or (nan and (seen[0] or 0) & 0x7F800000)


@pytest.mark.parametrize("kind", [kind for kind in SCALARS if kind != "Bool"])
def test_values_are_truncated_to_the_width(rig: Rig, kind: str) -> None:
    """Only the low bytes of a value are written."""
    source, handle = rig.source("s", f"it:{kind}")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.fieldSet(field, packet, KINDS[kind], signed(0x1122334455667788)) == 0
    assert rig.read(field, packet) == struct.pack("<Q", 0x1122334455667788)[: WIDTHS[kind]]


@pytest.mark.parametrize(("given", "stored"), [(0, 0), (1, 1), (2, 1), (256, 1), (-1, 1), (1 << 62, 1)])
def test_bool_stores_zero_or_one(rig: Rig, given: int, stored: int) -> None:
    """Any value but 0 is stored as 1."""
    source, handle = rig.source("s", "it:Bool")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.fieldSet(field, packet, KINDS["Bool"], given) == 0
    assert rig.read(field, packet) == bytes([stored])


@pytest.mark.parametrize(("byte", "read"), [(0, 0), (1, 1), (2, 0), (255, 0)])
def test_bool_is_true_for_the_byte_one_only(rig: Rig, byte: int, read: int) -> None:
    """Another byte than 1 reads as false."""
    source, handle = rig.source("s", "it:Uint8")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.fieldSet(field, packet, KINDS["Uint8"], byte) == 0
    assert rig.scalar(field, packet, "Bool") == read


@pytest.mark.parametrize("access", SCALARS)
@pytest.mark.parametrize("declared", SCALARS)
def test_the_kind_of_an_access_decides_the_width(rig: Rig, declared: str, access: str) -> None:
    """A field is read and written as any kind of its width, and as no other."""
    source, handle = rig.source("s", f"it:{declared}")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    fits = WIDTHS[declared] == WIDTHS[access]
    assert rig.fieldSet(field, packet, KINDS[access], 1) == (0 if fits else 1)
    assert rig.scalar(field, packet, access) == (1 if fits else None)


@pytest.mark.parametrize("kind", [KINDS["Invalid"], KINDS["CString"], 15, 1 << 30, -1])
def test_kinds_that_cannot_be_accessed_are_errors(rig: Rig, kind: int) -> None:
    """Invalid, CString and numbers that are no kind are refused by all three functions."""
    source, handle = rig.source("s", "it:Uint32 text:String")
    packet = rig.dataSourceNewPacketSingle(handle)
    for name in ("it", "text"):
        field = rig.field(source, name)
        rig.put(16, bytes(4))
        assert rig.fieldGetScalar(field, packet, kind, 16) == 0
        assert rig.get(16, 4) == b"\x01\0\0\0"
        assert rig.fieldGetBuffer(field, packet, kind, 8 << 32 | 64) == -1
        assert rig.fieldSet(field, packet, kind, 0) == 1
    assert len(rig.warned) == 6


@pytest.mark.parametrize("kind", ["String", "Bytes"])
def test_fields_that_hold_no_scalar_refuse_one_until_they_have_its_width(rig: Rig, kind: str) -> None:
    """An empty String takes no Uint32; one that holds four bytes does."""
    source, handle = rig.source("s", f"it:{kind}")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.fieldSet(field, packet, KINDS["Uint32"], 7) == 1
    assert rig.write(field, packet, b"abcd") == 0
    assert rig.fieldSet(field, packet, KINDS["Uint32"], 0x64636261 + 1) == 0
    assert rig.read(field, packet) == b"bbcd"
    assert rig.scalar(field, packet, "Uint32") == 0x64636262


def test_a_scalar_field_replaced_by_other_bytes_refuses_its_own_kind(rig: Rig) -> None:
    """A Uint32 set to three bytes is three bytes, until it is replaced again; collected, it is zero."""
    source, handle = rig.source("s", "it:Uint32")
    out = rig.registry.collect("s")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.write(field, packet, b"abc") == 0
    assert rig.scalar(field, packet, "Uint32") is None
    assert rig.read(field, packet) == b"abc"
    assert rig.dataSourceEmitAndRelease(handle, packet) == 0
    assert out.drain() == [{"it": 0}]


@pytest.mark.parametrize("kind", ["String", "Bytes"])
@pytest.mark.parametrize("value", BYTES.values(), ids=BYTES)
@pytest.mark.parametrize("declared", ["String", "Bytes", "CString", "Uint32", "Invalid"])
def test_bytes_come_back_as_they_were_set(rig: Rig, declared: str, value: bytes, kind: str) -> None:
    """A field of any declared kind takes bytes of any length, and gives them back unchanged."""
    source, handle = rig.source("s", f"it:{declared}")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.fieldSet(field, packet, KINDS[kind], rig.put(100, value)) == 0
    rig.put(100, b"\xee" * 64)
    assert rig.read(field, packet) == value


def test_a_mebibyte_passes_through_a_field(rig: Rig) -> None:
    """One MiB comes from Python, is read and written by the guest, and comes out."""
    rig.memory.grow(rig.store, 40)
    given, written = bytes(range(256)) * 4096, bytes(reversed(range(256))) * 4096
    source, _ = rig.source("s", "it:Bytes")
    field, out = rig.field(source, "it"), rig.registry.collect("s")

    def callback(number: int, handle: int, data: int) -> None:
        assert rig.fieldGetBuffer(field, data, KINDS["Bytes"], 1 << 52 | 65536) == 1 << 20
        assert rig.get(65536, 1 << 20) == given
        assert rig.fieldSet(field, data, KINDS["Bytes"], rig.put(65536, written)) == 0

    rig.on_callback = callback
    rig.subscribe(source)
    source.emit({"it": given})
    assert out.drain() == [{"it": written}]


@pytest.mark.parametrize(
    ("room", "copied"),
    [(12, True), (11, True), (10, False), (1, False), (0, False)],
    ids=["larger", "exactly full", "one short", "one byte", "zero"],
)
def test_a_buffer_takes_all_or_nothing(rig: Rig, room: int, copied: bool) -> None:
    """A value that fits is copied without terminator; else nothing is written; the rest of memory stays as it was."""
    value = b"hello world"
    source, handle = rig.source("s", "it:String")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    rig.write(field, packet, value)
    rig.fill()
    expected = bytearray(rig.image())
    if copied:
        expected[1000 : 1000 + len(value)] = value
    result = rig.fieldGetBuffer(field, packet, KINDS["String"], room << 32 | 1000)
    assert result == (len(value) if copied else -1)
    assert rig.image() == expected


@pytest.mark.parametrize("value", [b"", b"x", b"0123456789"])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_buffer_at_the_end_of_memory(rig: Rig, value: bytes, beyond: int) -> None:
    """The last byte of memory can be written; one byte further is an error that changes nothing."""
    source, handle = rig.source("s", "it:String")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    rig.write(field, packet, value)
    rig.fill()
    expected = bytearray(rig.image())
    address = rig.size - len(value) + beyond
    if beyond <= 0:
        expected[address : address + len(value)] = value
    result = rig.fieldGetBuffer(field, packet, KINDS["String"], len(value) << 32 | address)
    assert result == (len(value) if beyond <= 0 else -1)
    assert rig.image() == expected


@pytest.mark.parametrize("length", [0, 1, 10])
@pytest.mark.parametrize("beyond", [-1, 0, 1])
def test_a_value_at_the_end_of_memory(rig: Rig, length: int, beyond: int) -> None:
    """The last byte of memory can be read; one byte further is an error, even for no bytes, and changes nothing."""
    source, handle = rig.source("s", "it:String")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    rig.write(field, packet, b"before")
    rig.fill()
    result = rig.fieldSet(field, packet, KINDS["String"], length << 32 | (rig.size - length + beyond))
    assert result == (0 if beyond <= 0 else 1)
    assert rig.read(field, packet) == (b"?" * length if beyond <= 0 else b"before")


@pytest.mark.parametrize("address", [0xFFFFFFFF, 0x80000000, 65537])
@pytest.mark.parametrize("length", [0, 1, 0xFFFFFFFF])
def test_addresses_far_beyond_memory_do_not_wrap(rig: Rig, address: int, length: int) -> None:
    """Address plus length is not taken modulo 2**32."""
    source, handle = rig.source("s", "it:String")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    rig.fill()
    packed = signed(length << 32 | address)
    assert rig.fieldSet(field, packet, KINDS["String"], packed) == 1
    assert rig.fieldGetBuffer(field, packet, KINDS["String"], packed) == -1
    assert rig.image() == b"?" * rig.size
    assert rig.warned == [
        "fieldSet: address and length lie outside the guest's memory",
        "fieldGetBuffer: address and length lie outside the guest's memory",
    ]


def test_a_null_pointer_is_the_empty_string(rig: Rig) -> None:
    """Length 0 at address 0 empties a field, as String and as Bytes."""
    source, handle = rig.source("s", "it:String")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    for kind in ("String", "Bytes"):
        rig.write(field, packet, b"text")
        assert rig.fieldSet(field, packet, KINDS[kind], 0) == 0
        assert rig.read(field, packet) == b""


def test_the_error_pointer_is_written_on_failure_only(rig: Rig) -> None:
    """Failure writes a u32 1 and returns 0; success leaves what is there; 0 means that nobody asks."""
    source, handle = rig.source("s", "it:Uint32")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    rig.fill()
    assert rig.fieldGetScalar(field, packet, KINDS["Uint32"], 500) == 0
    assert rig.image() == b"?" * rig.size
    assert rig.fieldGetScalar(field, packet, KINDS["Uint64"], 0) == 0
    assert rig.image() == b"?" * rig.size
    assert rig.fieldGetScalar(field, packet, KINDS["Uint64"], 500) == 0
    expected = bytearray(b"?" * rig.size)
    expected[500:504] = b"\x01\0\0\0"
    assert rig.image() == expected
    assert rig.fieldGetScalar(field, packet, KINDS["Uint64"], rig.size - 4) == 0
    expected[-4:] = b"\x01\0\0\0"
    assert rig.image() == expected


@pytest.mark.parametrize("beyond", [-3, -1, 0, 1 << 20])
def test_an_error_pointer_out_of_bounds_traps(rig: Rig, beyond: int) -> None:
    """Where an error cannot be reported the guest ends, but only if there is one to report."""
    source, handle = rig.source("s", "it:Uint32")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.fieldGetScalar(field, packet, KINDS["Uint32"], rig.size + beyond) == 0
    with pytest.raises(wasmtime.Trap, match="out of bounds"):
        rig.fieldGetScalar(field, packet, KINDS["Uint64"], rig.size + beyond)


def test_a_field_of_another_source_is_an_error(rig: Rig) -> None:
    """Data belongs to its source; a field of another one does not reach another field's bytes in it."""
    _, mine = rig.source("mine", "it:Uint32")
    other, _ = rig.source("other", "it:Uint32")
    packet, field = rig.dataSourceNewPacketSingle(mine), rig.field(other, "it")
    assert rig.scalar(field, packet, "Uint32") is None
    assert rig.fieldSet(field, packet, KINDS["Uint32"], 1) == 1
    assert rig.read(field, packet) is None
    assert {line.partition(": ")[2] for line in rig.warned} == {
        "the field belongs to another data source than the data"
    }


def test_data_made_before_a_field_was_added_does_not_have_it(rig: Rig) -> None:
    """Nothing is laid out again: access to the new field fails, that to the old ones goes on."""
    source, handle = rig.source("s", "old:Uint32")
    out = rig.registry.collect("s")
    packet = rig.dataSourceNewPacketSingle(handle)
    new = rig.plane.new_handle("field", source.add_guest_field("new", "Uint32"))
    old = rig.field(source, "old")
    assert rig.scalar(new, packet, "Uint32") is None
    assert rig.fieldSet(new, packet, KINDS["Uint32"], 1) == 1
    assert rig.fieldSet(old, packet, KINDS["Uint32"], 5) == 0
    assert rig.dataSourceEmitAndRelease(handle, packet) == 0
    later = rig.dataSourceNewPacketSingle(handle)
    assert rig.fieldSet(new, later, KINDS["Uint32"], 9) == 0
    assert rig.dataSourceEmitAndRelease(handle, later) == 0
    assert out.drain() == [{"old": 5, "new": 0}, {"old": 0, "new": 9}]


STATIC = SourceSchema(
    "s",
    "single",
    (
        FieldSchema("pid", "Uint32", offset=4, size=4, payload=0),
        FieldSchema("comm", "String", offset=8, size=8, payload=0),
        FieldSchema("path", "CString", offset=16, size=4, payload=0),
        FieldSchema("raw", "Bytes", offset=20, size=4, payload=0),
        FieldSchema("own", "String"),
    ),
)


@pytest.mark.parametrize(
    ("name", "value", "stored"),
    [
        ("comm", b"12345678", b"12345678"),
        ("comm", b"123", b"123\0\0\0\0\0"),
        ("comm", b"", bytes(8)),
        ("comm", b"123456789", None),
        ("path", b"ab", b"ab\0\0"),
        ("raw", b"wxyz", b"wxyz"),
        ("raw", b"wxy", None),
        ("raw", b"", None),
        ("raw", b"vwxyz", None),
        ("pid", b"1234", b"1234"),
        ("pid", b"123", None),
    ],
)
def test_static_members_keep_their_size(rig: Rig, name: str, value: bytes, stored: bytes | None) -> None:
    """Exactly as long is copied; a shorter text is filled with zeros; anything else is an error without effect."""
    source = rig.registry.add(STATIC)
    field, answers = rig.field(source, name), []
    others = [rig.field(source, other) for other in ("pid", "comm", "path", "raw") if other != name]
    event = {"pid": 0x34333231, "comm": "comm5678", "path": "path", "raw": b"raw4", "own": "x"}

    def callback(number: int, handle: int, data: int) -> None:
        before, neighbours = rig.read(field, data), [rig.read(other, data) for other in others]
        answers.append(rig.write(field, data, value))
        assert rig.read(field, data) == (before if stored is None else stored)
        assert neighbours == [rig.read(other, data) for other in others]

    rig.on_callback = callback
    rig.subscribe(source)
    source.emit(event)
    assert answers == [1 if stored is None else 0]


def test_static_members_are_written_in_place_and_collected(rig: Rig) -> None:
    """A scalar in a structure is changed where it is, and comes out with its neighbours."""
    source = rig.registry.add(STATIC)
    field, out = rig.field(source, "pid"), rig.registry.collect("s")
    rig.on_callback = lambda number, handle, data: rig.fieldSet(field, data, KINDS["Uint32"], 77)
    rig.subscribe(source)
    source.emit({"pid": 1, "comm": "sh", "path": "/", "raw": b"raw4", "own": "mine"})
    assert out.drain() == [{"pid": 77, "comm": "sh", "path": "/", "raw": b"raw4", "own": "mine"}]


def test_packets_of_the_guest_have_no_static_members(rig: Rig) -> None:
    """A packet the guest makes cannot hold them: access is an error, the other fields work."""
    source = rig.registry.add(STATIC)
    packet = rig.dataSourceNewPacketSingle(rig.plane.new_handle("source", source))
    field = rig.field(source, "pid")
    assert rig.scalar(field, packet, "Uint32") is None
    assert rig.fieldSet(field, packet, KINDS["Uint32"], 1) == 1
    assert rig.write(rig.field(source, "comm"), packet, b"sh") == 1
    assert rig.read(field, packet) is None
    assert rig.write(rig.field(source, "own"), packet, b"mine") == 0


def test_an_empty_field_has_no_bytes(rig: Rig) -> None:
    """An empty field reads as no bytes, holds no scalar and takes no value."""
    schema = SourceSchema(
        "s", "single", (FieldSchema("group", "Invalid", flags=1), FieldSchema("it", "Uint32"))
    )
    source = rig.registry.add(schema)
    packet = rig.dataSourceNewPacketSingle(rig.plane.new_handle("source", source))
    field = rig.field(source, "group")
    assert rig.read(field, packet) == b""
    assert rig.scalar(field, packet, "Uint8") is None
    assert rig.write(field, packet, b"x") == 1
    assert rig.fieldSet(field, packet, KINDS["Uint8"], 1) == 1


def test_a_fields_bytes_are_a_copy_of_the_guests(rig: Rig) -> None:
    """What the guest does to its memory afterwards does not change the field, nor a scalar write its memory."""
    source, handle = rig.source("s", "it:Bytes")
    packet, field = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    rig.fieldSet(field, packet, KINDS["Bytes"], rig.put(100, b"abcd"))
    rig.put(100, b"wxyz")
    assert rig.read(field, packet) == b"abcd"
    assert rig.fieldSet(field, packet, KINDS["Uint32"], 0) == 0
    assert rig.get(100, 4) == b"wxyz"
