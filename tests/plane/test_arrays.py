"""Array packets of the guest: elements added, found, changed, kept."""

from typing import Any

import pytest

from tests.plane.rig import KINDS, Rig

U32 = KINDS["Uint32"]


def array_of(rig: Rig, handle: int, field: int, values: list[int]) -> int:
    """A packet with elements of these values."""
    array = rig.dataSourceNewPacketArray(handle)
    for value in values:
        data = rig.dataArrayNew(array)
        assert rig.fieldSet(field, data, U32, value) == 0
        assert rig.dataArrayAppend(array, data) == 0
    return int(array)


def test_an_array_starts_empty_and_grows_by_appending(rig: Rig) -> None:
    """A new element is not in the array before it is appended; then its own handle is gone."""
    source, handle = rig.source("s", "it:Uint32 text:String", "array")
    text = rig.field(source, "text")
    array = rig.dataSourceNewPacketArray(handle)
    assert rig.dataArrayLen(array) == 0
    data = rig.dataArrayNew(array)
    assert rig.write(text, data, b"before appending") == 0
    assert rig.dataArrayLen(array) == 0
    assert rig.dataArrayAppend(array, data) == 0
    assert rig.dataArrayLen(array) == 1
    assert rig.write(text, data, b"x") == 1
    assert rig.read(text, rig.dataArrayGet(array, 0)) == b"before appending"


def test_emitted_arrays_come_out_as_lists(rig: Rig) -> None:
    """An array packet is one event, a list of its elements in order; an empty one is an empty list."""
    source, handle = rig.source("s", "it:Uint32", "array")
    out, field = rig.registry.collect("s"), rig.field(source, "it")
    for values in ([3, 1, 2], [], list(range(1000))):
        assert rig.dataSourceEmitAndRelease(handle, array_of(rig, handle, field, values)) == 0
    assert out.drain() == [[{"it": v} for v in values] for values in ([3, 1, 2], [], range(1000))]
    assert rig.plane.live_handles() == 2


@pytest.mark.parametrize("index", [-1, 3, 1 << 15, 1 << 31 - 1, -(1 << 31)])
def test_an_index_outside_the_array_gives_no_handle(rig: Rig, index: int) -> None:
    """The index is signed; only 0 to length - 1 are elements."""
    source, handle = rig.source("s", "it:Uint32", "array")
    array = array_of(rig, handle, rig.field(source, "it"), [1, 2, 3])
    assert rig.dataArrayGet(array, index) == 0
    assert rig.warned == [f"dataArrayGet: there is no element {index}"]


def test_element_handles_are_computed_from_array_and_index(rig: Rig) -> None:
    """0x80000000 | index << 16 | array: not in the table, good while the array's handle is."""
    source, handle = rig.source("s", "it:Uint32", "array")
    field = rig.field(source, "it")
    array = array_of(rig, handle, field, [10, 11, 12])
    live = rig.plane.live_handles()
    element = rig.dataArrayGet(array, 2)
    assert element & 0xFFFFFFFF == 0x80000000 | 2 << 16 | array
    assert rig.plane.live_handles() == live
    assert rig.scalar(field, element, "Uint32") == 12
    assert rig.fieldSet(field, element, U32, 99) == 0
    assert rig.scalar(field, rig.dataArrayGet(array, 2), "Uint32") == 99
    assert rig.dataSourceRelease(handle, array) == 0
    assert rig.scalar(field, element, "Uint32") is None


def test_elements_beyond_what_a_handle_can_carry_are_refused(rig: Rig) -> None:
    """An element handle has 15 bits of index; the others can be emitted but not be addressed."""
    source, _ = rig.source("s", "it:Uint32", "array")
    handles: list[int] = []
    rig.on_callback = lambda callback, s, array: handles.extend(
        rig.dataArrayGet(array, index) for index in (32767, 32768, 32769)
    )
    rig.subscribe(source, kind=2)
    source.emit([{"it": number} for number in range(32769)])
    assert [bool(found) for found in handles] == [True, False, False]
    assert [line.split(":")[1] for line in rig.warned] == [
        " element 32768 cannot be addressed",
        " there is no element 32769",
    ]


def test_an_element_may_be_in_the_array_twice(rig: Rig) -> None:
    """An element of an array, appended to it again, is the same element: both change together."""
    source, handle = rig.source("s", "it:Uint32", "array")
    field, out = rig.field(source, "it"), rig.registry.collect("s")
    array = array_of(rig, handle, field, [5])

    def append_to_itself(number: int, s: int, data: int) -> None:
        if number == 1:
            assert rig.dataArrayAppend(array, data) == 0
        elif number == 2:
            assert rig.fieldSet(field, rig.dataArrayGet(data, 0), U32, 6) == 0

    rig.on_callback = append_to_itself
    rig.subscribe(source, callback=1)
    rig.subscribe(source, callback=2, kind=2)
    source.emit([{"it": 7}])
    assert rig.dataArrayLen(array) == 2
    assert rig.scalar(field, rig.dataArrayGet(array, 1), "Uint32") == 6
    rig.on_callback = lambda *_: None
    assert rig.dataSourceEmitAndRelease(handle, array) == 0
    assert out.drain() == [[{"it": 6}], [{"it": 5}, {"it": 6}]]


def test_an_event_of_python_may_outlive_its_delivery_in_an_array(rig: Rig) -> None:
    """An element appended to another array keeps its values when the rows it came from are gone."""
    source, handle = rig.source("s", "it:Uint32 text:String blob:Bytes", "array")
    kept, out = rig.dataSourceNewPacketArray(handle), rig.registry.collect("s")
    field = rig.field(source, "it")

    def callback(number: int, s: int, data: int) -> None:
        value = rig.fieldGetScalar(field, data, U32, 0)
        assert rig.fieldSet(field, data, U32, value + 1) == 0
        assert rig.dataArrayAppend(kept, data) == 0

    rig.on_callback = callback
    rig.subscribe(source)
    events: list[list[dict[str, Any]]] = [
        [{"it": n, "text": "t" * n, "blob": bytes([n]) * 9}] for n in range(20)
    ]
    for event in events:
        source.emit(event)
    changed = [{**event, "it": event["it"] + 1} for (event,) in events]
    assert out.drain() == [[event] for event in changed]
    rig.on_callback = lambda *_: None
    assert rig.dataSourceEmitAndRelease(handle, kept) == 0
    assert out.drain() == [changed]


def test_elements_belong_to_their_source(rig: Rig) -> None:
    """Data of another source is not appended."""
    _, mine = rig.source("mine", "it:Uint32", "array")
    _, other = rig.source("other", "it:Uint32", "array")
    array = rig.dataSourceNewPacketArray(mine)
    data = rig.dataArrayNew(rig.dataSourceNewPacketArray(other))
    assert rig.dataArrayAppend(array, data) == 1
    assert rig.dataArrayLen(array) == 0
    assert rig.warned == [
        f"dataArrayAppend: the data of handle {data} belongs to another data source than the array"
    ]


def test_releasing_an_element_drops_its_handle_only(rig: Rig) -> None:
    """dataArrayRelease gives up data that was not appended; the array stays as it is."""
    source, handle = rig.source("s", "it:Uint32", "array")
    array = array_of(rig, handle, rig.field(source, "it"), [1])
    data = rig.dataArrayNew(array)
    assert rig.dataArrayRelease(array, data) == 0
    assert rig.dataArrayRelease(array, data) == 1
    assert rig.dataArrayAppend(array, data) == 1
    assert rig.dataArrayLen(array) == 1
