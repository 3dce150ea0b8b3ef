"""The real host's quirks of fields and arrays: as a careful host has them, and as a strict one."""

from collections.abc import Callable

import pytest
import wasmtime

from gadget_host._state import TrapError
from gadget_host.plane.layout import hot
from gadget_host.schema import FieldSchema, SourceSchema
from tests.plane.quirks import RELEASES, everywhere, expect_failure, strict
from tests.plane.rig import ABI, KINDS, EndError, Rig, profile_of

U8, U32, STRING, BYTES = (KINDS[kind] for kind in ("Uint8", "Uint32", "String", "Bytes"))
STATIC = 16
SIZE = 65536


def ways_to_read_and_write(rig: Rig, field: int, data: int) -> dict[str, Callable[[], int]]:
    """Every function that uses a field, reading and writing both sorts of values."""
    ways: dict[str, Callable[[], int]] = {
        "set scalar": lambda: rig.fieldSet(field, data, U32, 1),
        "set string": lambda: rig.fieldSet(field, data, STRING, 4 << 32 | 64),
    }
    if "fieldGet" in hot(rig.profile):
        ways["get scalar"] = lambda: rig.fieldGet(field, data, U32)
        ways["get string"] = lambda: rig.fieldGet(field, data, STRING)
    else:
        more = [0] if rig.profile.changed("error-pointer") else []
        ways["get scalar"] = lambda: rig.fieldGetScalar(field, data, U32, *more)
        ways["get buffer"] = lambda: rig.fieldGetBuffer(field, data, BYTES, 64 << 32 | 64)
    return ways


@strict
@pytest.mark.parametrize("release", ["v0.38.1", ABI.newest])
def test_quirk_scalar_error_result(release: str, strict: bool) -> None:
    """A failing fieldGetScalar gives 0; strict: the number of the field's handle, since v0.39."""
    rig = Rig(release=release, strict=strict)
    source, handle = rig.source("s", "it:Uint32")
    packet, it = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    more = [64] if release == ABI.newest else []
    shown = strict and release == ABI.newest
    for field, data, kind in (
        (it, packet, U8),
        (it, 4711, U32),
        (4711, packet, U32),
        (it, packet, 0),
        (-5, packet, U32),
    ):
        assert rig.fieldGetScalar(field, data, kind, *more) == (field & 0xFFFFFFFF if shown else 0)


@strict
@pytest.mark.parametrize("beyond", [0, 1, 4, 1 << 20])
def test_quirk_error_pointer_outside(strict: bool, beyond: int) -> None:
    """An error pointer outside the memory makes the call trap; strict: it ends the gadget."""
    rig = Rig(strict=strict)
    address = SIZE - 4 + beyond
    rig.fill()
    if not beyond:
        rig.fieldGetScalar(1, 1, U32, address)
        assert rig.get(address, 4) == b"\1\0\0\0"
        return
    with pytest.raises(EndError if strict else wasmtime.Trap) as caught:
        rig.fieldGetScalar(1, 1, U32, address)
    assert not strict or "fieldGetScalar: the error pointer lies outside" in str(caught.value)
    assert rig.image() == b"?" * SIZE


def test_quirk_error_pointer_outside_is_not_looked_at_on_success() -> None:
    """Nor is one of 0 when the call fails."""
    rig = Rig(strict=True)
    source, handle = rig.source("s", "it:Uint32")
    packet, it = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    assert rig.fieldGetScalar(it, packet, U32, SIZE) == 0
    assert rig.fieldGetScalar(it, packet, U8, 0) == it


@strict
@everywhere
def test_quirk_foreign_field(release: str, strict: bool) -> None:
    """A field on data of another source is an error; strict: it reaches the slot of its number, or traps."""
    rig = Rig(release=release, strict=strict)
    rig.fill()
    mine, _ = rig.source("mine", "a:Uint32 b:Uint32 c:Uint32")
    other, handle = rig.source("other", "x:Uint32 y:Uint32")
    packet, b, c = rig.dataSourceNewPacketSingle(handle), rig.field(mine, "b"), rig.field(mine, "c")
    rig.fieldSet(rig.field(other, "y"), packet, U32, 77)
    if strict:
        assert rig.scalar(b, packet, "Uint32") == 77
        assert rig.fieldSet(b, packet, U32, 78) != 1
        assert rig.scalar(rig.field(other, "y"), packet, "Uint32") == 78
    for field, trap in ((b, None), (c, True)):
        for call in ways_to_read_and_write(rig, field, packet).values():
            if not strict or trap:
                expect_failure(rig, call, strict)


@strict
def test_quirk_foreign_field_holds_for_collectors(strict: bool) -> None:
    """A collector has nothing of another source's packet; strict: what is in the slots of its own fields."""
    rig = Rig(strict=strict)
    _, handle = rig.source("mine", "a:Uint32 b:String c:Uint64")
    other, other_handle = rig.source("other", "x:Uint32 y:String")
    out = rig.registry.collect()
    packet = rig.dataSourceNewPacketSingle(other_handle)
    rig.write(rig.field(other, "y"), packet, b"text")
    assert rig.dataSourceEmitAndRelease(handle, packet) == 0
    assert out.drain() == ([{"a": 0, "b": "text", "c": 0}] if strict else [])
    assert len(rig.warned) == (0 if strict else 1)


@strict
def test_quirk_foreign_field_holds_for_events_that_are_emitted_elsewhere(strict: bool) -> None:
    """The packet of a callback, on another source: whole there, and as it was changed on its own."""
    rig = Rig(strict=strict)
    mine, _ = rig.source("mine", "a:Uint32 b:String c:Uint64")
    _, other_handle = rig.source("other", "x:Uint32 y:String")
    field, out = rig.field(mine, "a"), rig.registry.collect()

    def callback(number: int, s: int, data: int) -> None:
        rig.fieldSet(field, data, U32, 8)
        rig.dataSourceEmitAndRelease(other_handle, data)

    rig.on_callback = callback
    rig.subscribe(mine)
    mine.emit_batch([{"a": 7, "b": "text"}] * 2)
    own, foreign = {"a": 8, "b": "text", "c": 0}, {"x": 8, "y": "text"}
    assert out.drain() == ([foreign, own] if strict else [own]) * 2


@strict
def test_quirk_foreign_field_shows_no_collector_an_array_for_an_event(strict: bool) -> None:
    """A packet of the wrong type is left out with a warning in any host."""
    rig = Rig(strict=strict)
    _, handle = rig.source("single", "a:Uint32")
    _, array_handle = rig.source("array", "a:Uint32", "array")
    out = rig.registry.collect()
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketArray(array_handle)) == 0
    assert rig.dataSourceEmitAndRelease(array_handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert out.drain() == []
    assert len(rig.warned) == 2


@strict
@everywhere
def test_quirk_older_packet(release: str, strict: bool) -> None:
    """A field that was added after the packet was made is an error on it; strict: a trap."""
    rig = Rig(release=release, strict=strict)
    source, handle = rig.source("s", "it:Uint32")
    packet = rig.dataSourceNewPacketSingle(handle)
    source.add_field("late", "Uint32")
    for call in ways_to_read_and_write(rig, rig.field(source, "late"), packet).values():
        expect_failure(rig, call, strict)
    assert rig.scalar(rig.field(source, "it"), packet, "Uint32") == 0
    fresh = rig.dataSourceNewPacketSingle(handle)
    assert rig.scalar(rig.field(source, "late"), fresh, "Uint32") == 0


@strict
@everywhere
def test_quirk_static_field_of_new_packet(release: str, strict: bool) -> None:
    """A member of an eBPF structure is an error on a packet the guest made; strict: a trap."""
    rig = Rig(release=release, strict=strict)
    rig.fill()
    fields = (FieldSchema("pid", "Uint32", size=4, offset=4, flags=STATIC),)
    source = rig.registry.add(SourceSchema("s", "single", fields))
    handle, field = rig.plane.new_handle("source", source), rig.field(source, "pid")
    packet = rig.dataSourceNewPacketSingle(handle)
    for call in ways_to_read_and_write(rig, field, packet).values():
        expect_failure(rig, call, strict)
    seen: list[int | None] = []
    rig.on_callback = lambda number, s, data: seen.append(rig.scalar(field, data, "Uint32"))
    rig.subscribe(source)
    source.emit({"pid": 5})
    assert seen == [5]


def test_quirk_static_field_of_new_packet_does_not_come_before_the_length() -> None:
    """A value that no such member could take is an error in a strict host, too."""
    rig = Rig(strict=True)
    fields = (
        FieldSchema("comm", "CString", size=4, flags=STATIC),
        FieldSchema("n", "Uint32", size=4, offset=4, flags=STATIC),
    )
    source = rig.registry.add(SourceSchema("s", "single", fields))
    packet = rig.dataSourceNewPacketSingle(rig.plane.new_handle("source", source))
    comm, number = rig.field(source, "comm"), rig.field(source, "n")
    assert rig.write(comm, packet, b"12345") == 1
    assert rig.write(number, packet, b"123") == 1
    for field, value in ((comm, b"123"), (comm, b"1234"), (number, b"1234")):
        with pytest.raises(TrapError, match="member of a structure"):
            rig.write(field, packet, value)


def test_quirks_of_fields_do_not_come_before_other_errors() -> None:
    """A strict host, too, first looks at the handles, the kind and the value's address."""
    rig = Rig(strict=True)
    source, handle = rig.source("s", "it:Uint32")
    packet = rig.dataSourceNewPacketSingle(handle)
    source.add_field("late", "Uint32")
    late = rig.field(source, "late")
    assert rig.fieldSet(late, packet, 0, 0) == 1
    assert rig.fieldSet(late, packet, STRING, 4 << 32 | SIZE) == 1
    assert rig.fieldGetBuffer(late, packet, U32, 4 << 32) == -1
    assert rig.fieldGetScalar(late, packet, STRING, 0) == late
    assert rig.fieldSet(late, 4711, U32, 0) == 1


@strict
@everywhere
def test_quirk_append_single_packet(release: str, strict: bool) -> None:
    """A single packet cannot be appended; strict: trying to is a trap."""
    rig = Rig(release=release, strict=strict)
    _, handle = rig.source("s", "it:Uint32", "array")
    _, single_handle = rig.source("single", "it:Uint32")
    array, packet = rig.dataSourceNewPacketArray(handle), rig.dataSourceNewPacketSingle(single_handle)
    expect_failure(rig, lambda: rig.dataArrayAppend(array, packet), strict, (1,))
    expect_failure(rig, lambda: rig.dataArrayAppend(array, 4711), False, (1,))
    expect_failure(rig, lambda: rig.dataArrayAppend(packet, packet), False, (1,))
    assert rig.dataArrayLen(array) == 0
    assert rig.dataSourceRelease(single_handle, packet) == 0


@strict
@everywhere
def test_quirk_append_foreign_data(release: str, strict: bool) -> None:
    """An element of another source cannot be appended; strict: it can, and is what is in its slots."""
    rig = Rig(release=release, strict=strict)
    mine, handle = rig.source("mine", "a:Uint32 b:String", "array")
    other, other_handle = rig.source("other", "x:Uint32 y:String z:Uint64", "array")
    small, small_handle = rig.source("small", "x:Uint32", "array")
    wrong, wrong_handle = rig.source("wrong", "x:Uint8 y:String", "array")
    out = rig.registry.collect("mine")
    array = rig.dataSourceNewPacketArray(handle)
    answers = []
    for number, (source, its_handle) in enumerate(
        ((mine, handle), (other, other_handle), (small, small_handle), (wrong, wrong_handle))
    ):
        data = rig.dataArrayNew(rig.dataSourceNewPacketArray(its_handle))
        first = source.fields[0]
        rig.fieldSet(rig.field(source, first.full_name), data, KINDS[first.kind], number + 1)
        if len(source.fields) > 1:
            rig.write(rig.field(source, source.fields[1].full_name), data, b"text of %d" % number)
        answers.append(rig.dataArrayAppend(array, data))
    assert answers == ([0, 0, 0, 0] if strict else [0, 1, 1, 1])
    assert rig.dataArrayLen(array) == (4 if strict else 1)
    rig.dataSourceEmitAndRelease(handle, array)
    expected = [
        {"a": 1, "b": "text of 0"},
        {"a": 2, "b": "text of 1"},
        {"a": 3, "b": ""},
        {"a": 0, "b": "text of 3"},
    ]
    assert out.drain() == [expected if strict else expected[:1]]


def test_quirk_append_foreign_data_is_seen_by_python_as_what_it_is() -> None:
    """A Python subscriber gets events of the source that the element belongs to."""
    rig = Rig(strict=True)
    mine, handle = rig.source("mine", "a:Uint32", "array")
    _, other_handle = rig.source("other", "x:Uint64 y:String", "array")
    array = rig.dataSourceNewPacketArray(handle)
    for its_handle in (handle, other_handle):
        rig.dataArrayAppend(array, rig.dataArrayNew(rig.dataSourceNewPacketArray(its_handle)))
    seen: list[object] = []
    mine.subscribe(lambda array: seen.extend(array.to_list()), kind="array")
    mine.subscribe(lambda event: seen.append(event.to_dict()))
    assert rig.dataSourceEmitAndRelease(handle, array) == 0
    assert seen == [{"a": 0}, {"x": 0, "y": ""}] * 2


@strict
@pytest.mark.parametrize("capacity", [4, 5, 100])
def test_quirk_destination_bounds(strict: bool, capacity: int) -> None:
    """All of a destination lies in memory; strict: what is written of it does."""
    rig = Rig(strict=strict)
    source, handle = rig.source("s", "it:String")
    field, packet = rig.field(source, "it"), rig.dataSourceNewPacketSingle(handle)
    rig.write(field, packet, b"abcd")
    rig.fill()
    works = strict or capacity == 4
    assert rig.fieldGetBuffer(field, packet, STRING, capacity << 32 | SIZE - 4) == (4 if works else -1)
    assert rig.get(SIZE - 5, 5) == (b"?abcd" if works else b"?????")
    assert rig.fieldGetBuffer(field, packet, STRING, 4 << 32 | SIZE - 3) == -1
    assert rig.fieldGetBuffer(field, packet, STRING, 3 << 32 | 64) == -1
    rig.write(field, packet, b"")
    assert rig.fieldGetBuffer(field, packet, STRING, SIZE) == 0
    assert rig.fieldGetBuffer(field, packet, STRING, SIZE + 1) == -1
    assert rig.fieldGetBuffer(field, packet, STRING, 9 << 32 | SIZE) == (0 if strict else -1)


@strict
@pytest.mark.parametrize("log_level", [0, 2, 4])
def test_quirk_should_log_wraps(strict: bool, log_level: int) -> None:
    """Levels that are none are not logged; strict: the last two numbers are."""
    rig = Rig(strict=strict, log_level=log_level)
    assert [rig.gadgetShouldLog(level) for level in range(6)] == [
        int(level <= log_level) for level in range(5)
    ] + [0]
    assert [rig.gadgetShouldLog(level) for level in (-1, -2)] == [int(strict)] * 2
    assert [rig.gadgetShouldLog(level) for level in (-3, -1 << 31, (1 << 31) - 1)] == [0] * 3


@pytest.mark.parametrize("release", ["v0.38.1", ABI.newest])
def test_quirk_no_memory(release: str) -> None:
    """Without a memory, functions that are given a pointer trap; others work, and a pointer of 0 is empty."""
    rig = Rig(release=release, strict=True, memory=False)
    source, handle = rig.source("s", "it:Uint32 text:String")
    field, text, packet = (
        rig.field(source, "it"),
        rig.field(source, "text"),
        rig.dataSourceNewPacketSingle(handle),
    )
    more = [0] if release == ABI.newest else []
    assert rig.fieldSet(field, packet, U32, 7) in (0, field)
    assert rig.fieldGetScalar(field, packet, U32, *more) == 7
    assert rig.fieldSet(text, packet, STRING, 0) in (0, text)
    assert rig.fieldGetBuffer(text, packet, STRING, 0) == 0
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    for call in (
        lambda: rig.fieldSet(text, packet, STRING, 1),
        lambda: rig.fieldSet(text, packet, STRING, 1 << 32),
        lambda: rig.fieldGetBuffer(text, packet, STRING, 64),
    ):
        expect_failure(rig, call, True)
    if more:
        with pytest.raises(TrapError, match="outside the guest's memory"):
            rig.fieldGetScalar(field, packet, U8, 64)


@pytest.mark.parametrize("quirk", sorted(ABI.quirks))
def test_only_strict_hosts_of_the_right_releases_show_a_quirk(quirk: str) -> None:
    """A careful profile has none; a strict one has those of its release."""
    row = ABI.quirks[quirk]
    for release in RELEASES:
        assert not profile_of(release).quirk(quirk)
        assert profile_of(release, True).quirk(quirk) == row.covers(release)
