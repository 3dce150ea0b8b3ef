"""The handle table: every kind, released, reused, of the wrong kind, 4096 of them."""

from collections.abc import Callable

import pytest

from gadget_host.plane.layout import STRUCTS
from gadget_host.schema import FieldSchema, SourceSchema
from tests.plane.rig import KINDS, Rig

MOST = 4096
U32 = KINDS["Uint32"]


def one_of_each(rig: Rig) -> dict[str, int]:
    """Live handles of every kind, and numbers that are none."""
    fields = (FieldSchema("it", "Uint32"),)
    singles = rig.registry.add(SourceSchema("singles", "single", fields))
    arrays = rig.registry.add(SourceSchema("arrays", "array", fields))
    single, array = (rig.plane.new_handle("source", source) for source in (singles, arrays))
    packet = rig.dataSourceNewPacketArray(array)
    rig.dataArrayAppend(packet, rig.dataArrayNew(packet))
    return {
        "source of single": single,
        "source of array": array,
        "field": rig.field(singles, "it"),
        "single": rig.dataSourceNewPacketSingle(single),
        "array": packet,
        "data": rig.dataArrayNew(packet),
        "element": rig.dataArrayGet(packet, 0),
        "map": rig.plane.new_handle("map", object()),
        "perf reader": rig.plane.new_handle("perf-reader", object()),
        "released": rig.dataSourceNewPacketSingle(single),
        "zero": 0,
        "never given": 4711,
        "beyond 16 bits": single + (1 << 16),
        "same entry of the table": single + MOST,
        "negative": -1,
        "element of no array": -0x80000000 | single,
        "element beyond the array": -0x80000000 | 1 << 16 | packet,
    }


CALLS: dict[str, tuple[set[str], int, Callable[[Rig, int, dict[str, int]], int]]] = {
    "fieldGetScalar field": ({"field"}, 0, lambda rig, bad, h: rig.fieldGetScalar(bad, h["single"], U32, 0)),
    "fieldGetScalar data": (
        {"single", "data", "element"},
        0,
        lambda rig, bad, h: rig.fieldGetScalar(h["field"], bad, U32, 0),
    ),
    "fieldGetBuffer field": (
        {"field"},
        -1,
        lambda rig, bad, h: rig.fieldGetBuffer(bad, h["single"], KINDS["Bytes"], 8 << 32 | 64),
    ),
    "fieldGetBuffer data": (
        {"single", "data", "element"},
        -1,
        lambda rig, bad, h: rig.fieldGetBuffer(h["field"], bad, KINDS["Bytes"], 8 << 32 | 64),
    ),
    "fieldSet field": ({"field"}, 1, lambda rig, bad, h: rig.fieldSet(bad, h["single"], U32, 0)),
    "fieldSet data": (
        {"single", "data", "element"},
        1,
        lambda rig, bad, h: rig.fieldSet(h["field"], bad, U32, 0),
    ),
    "dataArrayNew": ({"array"}, 0, lambda rig, bad, h: rig.dataArrayNew(bad)),
    "dataArrayAppend array": ({"array"}, 1, lambda rig, bad, h: rig.dataArrayAppend(bad, h["data"])),
    "dataArrayAppend data": ({"data"}, 1, lambda rig, bad, h: rig.dataArrayAppend(h["array"], bad)),
    "dataArrayRelease array": ({"array"}, 1, lambda rig, bad, h: rig.dataArrayRelease(bad, h["data"])),
    "dataArrayRelease data": (
        {"data", "single"},
        1,
        lambda rig, bad, h: rig.dataArrayRelease(h["array"], bad),
    ),
    "dataArrayLen": ({"array"}, 0, lambda rig, bad, h: rig.dataArrayLen(bad)),
    "dataArrayGet": ({"array"}, 0, lambda rig, bad, h: rig.dataArrayGet(bad, 0)),
    "dataSourceNewPacketSingle": (
        {"source of single"},
        0,
        lambda rig, bad, h: rig.dataSourceNewPacketSingle(bad),
    ),
    "dataSourceNewPacketArray": (
        {"source of array"},
        0,
        lambda rig, bad, h: rig.dataSourceNewPacketArray(bad),
    ),
    "dataSourceRelease source": (
        {"source of single", "source of array"},
        1,
        lambda rig, bad, h: rig.dataSourceRelease(bad, h["single"]),
    ),
    "dataSourceRelease packet": (
        {"single", "array"},
        1,
        lambda rig, bad, h: rig.dataSourceRelease(h["source of single"], bad),
    ),
    "dataSourceEmitAndRelease source": (
        {"source of single", "source of array"},
        1,
        lambda rig, bad, h: rig.dataSourceEmitAndRelease(bad, h["single"]),
    ),
    "dataSourceEmitAndRelease packet": (
        {"single", "array"},
        1,
        lambda rig, bad, h: rig.dataSourceEmitAndRelease(h["source of single"], bad),
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_handle_of_the_wrong_kind_is_an_error_everywhere(rig: Rig, call: str) -> None:
    """Each function takes the kinds it is for; every other number gives its error value, a warning, and no effect."""
    good, error, function = CALLS[call]
    handles = one_of_each(rig)
    rig.dataSourceRelease(handles["source of single"], handles["released"])
    for kind, handle in handles.items():
        if kind in good:
            continue
        live = rig.plane.live_handles()
        assert function(rig, handle, handles) == error, kind
        assert rig.plane.live_handles() == live, kind
        (warning,) = rig.warned
        assert warning.startswith(call.split()[0] + ": "), kind


@pytest.mark.parametrize("call", CALLS)
def test_a_handle_of_the_right_kind_is_taken(call: str) -> None:
    """The kinds a function is for do not make it warn."""
    for kind in CALLS[call][0]:
        rig = Rig()
        handles = one_of_each(rig)
        source = "source of array" if kind in ("data", "element", "array") else "source of single"
        owner = rig.registry.all["arrays" if source == "source of array" else "singles"]
        handles["field"] = rig.field(owner, "it") if kind in ("data", "element") else handles["field"]
        CALLS[call][2](rig, handles[kind], handles)
        assert rig.warned == [], kind


def test_the_warning_says_what_a_handle_is(rig: Rig) -> None:
    """A field given for an array is called a field; a number that is no handle is only called what it is not."""
    handles = one_of_each(rig)
    rig.dataArrayLen(handles["field"])
    rig.dataArrayLen(4711)
    rig.dataArrayLen(handles["element"])
    assert rig.warned == [
        f"dataArrayLen: handle {handles['field']} is not an array packet but a field",
        "dataArrayLen: handle 4711 is not an array packet",
        f"dataArrayLen: handle {handles['element'] & 0xFFFFFFFF} is not an array packet",
    ]


def test_numbers_count_up_and_are_not_reused_at_once(rig: Rig) -> None:
    """Each handle is the last plus one, released ones included."""
    _, source = rig.source("s")
    for number in range(source + 1, source + 100):
        packet = rig.dataSourceNewPacketSingle(source)
        assert packet == number
        assert rig.dataSourceRelease(source, packet) == 0
        assert rig.dataSourceRelease(source, packet) == 1


def test_numbers_stay_below_two_to_the_sixteenth(rig: Rig) -> None:
    """After 65535 comes 1, live numbers are skipped, and array elements keep working."""
    source, handle = rig.source("s", "it:Uint32", "array")
    field, kept = rig.field(source, "it"), rig.dataSourceNewPacketArray(handle)
    rig.dataArrayAppend(kept, rig.dataArrayNew(kept))
    rig.plane.memory.set_u32(STRUCTS["control"]["last_handle"], 0xFF00)
    numbers = []
    for _ in range(0x200):
        numbers.append(rig.dataArrayNew(kept))
        rig.dataArrayRelease(kept, numbers[-1])
    others = [number for number in range(1, 0x200) if number not in (handle, field, kept)]
    expected = [*range(0xFF01, 0x10000), *others]
    assert numbers == expected[:0x200]
    element = rig.dataArrayGet(kept, 0)
    assert rig.fieldSet(field, element, U32, 5) == 0
    assert rig.scalar(field, element, "Uint32") == 5


def test_there_are_4096_handles_at_a_time(rig: Rig) -> None:
    """Then creating anything fails with 0 and a warning, until one is released."""
    source, handle = rig.source("s", "it:Uint32")
    packets = []
    while packet := rig.dataSourceNewPacketSingle(handle):
        packets.append(packet)
    assert rig.plane.live_handles() == MOST
    assert len(packets) == MOST - 1
    assert rig.warned == ["dataSourceNewPacketSingle: too many open handles"]
    assert rig.plane.new_handle("field", source.field("it")) == 0
    for number, packet in enumerate(packets):
        assert rig.dataSourceRelease(handle, packet) == 0, number
    assert rig.plane.live_handles() == 1
    assert rig.dataSourceNewPacketSingle(handle) != 0


def test_a_full_table_fails_array_elements_and_skips_callbacks(rig: Rig) -> None:
    """dataArrayNew gives 0; a callback that can be given no handle is not called, those that follow are."""
    source, handle = rig.source("s", "it:Uint32", "array")
    out = rig.registry.collect("s")
    rig.subscribe(source, kind=2)
    array = rig.dataSourceNewPacketArray(handle)
    while rig.plane.new_handle("map", object()):
        pass
    assert rig.dataArrayNew(array) == 0
    source.emit([{"it": 1}])
    assert rig.calls == []
    assert out.drain() == [[{"it": 1}]]
    assert rig.warned == [
        "dataArrayNew: too many open handles",
        "dataSourceCallback: too many open handles",
    ]


def test_the_limit_of_handles_can_be_lower() -> None:
    """The embedder may give a gadget fewer handles."""
    rig = Rig(handle_limit=3)
    _, handle = rig.source("s")
    assert [bool(rig.dataSourceNewPacketSingle(handle)) for _ in range(4)] == [True, True, False, False]


def test_a_callbacks_handle_is_gone_when_it_returns(rig: Rig) -> None:
    """The number given to a callback is no handle afterwards, and nothing is left behind."""
    source, _ = rig.source("s", "it:Uint32")
    field = rig.field(source, "it")
    rig.subscribe(source)
    live = rig.plane.live_handles()
    source.emit({"it": 3})
    ((_, _, data),) = rig.calls
    assert rig.plane.live_handles() == live
    assert rig.scalar(field, data, "Uint32") is None


def test_a_callback_may_release_its_own_handle(rig: Rig) -> None:
    """Releasing it inside is allowed; the event goes on to the others."""
    source, handle = rig.source("s", "it:Uint32")
    out, answers = rig.registry.collect("s"), []
    rig.on_callback = lambda callback, s, data: answers.append(rig.dataSourceRelease(handle, data))
    rig.subscribe(source)
    source.emit_batch([{"it": 3}, {"it": 4}])
    assert answers == [0, 0]
    assert out.drain() == [{"it": 3}, {"it": 4}]
    assert rig.plane.live_handles() == 1


def test_clearing_drops_every_handle_and_creating_still_works(rig: Rig) -> None:
    """At the end of a run all handles are gone; the table goes on."""
    handles = one_of_each(rig)
    rig.plane.clear_handles()
    assert rig.plane.live_handles() == 0
    assert rig.plane.object(handles["field"], "field") is None
    assert rig.dataArrayLen(handles["array"]) == 0
    assert rig.plane.new_handle("source", rig.registry.all["singles"]) != 0


def test_python_finds_its_objects_by_kind(rig: Rig) -> None:
    """A handle leads to its object only as the kind it is; one object may have several."""
    source, handle = rig.source("s")
    again = rig.plane.new_handle("source", source)
    assert rig.plane.object(handle, "source") is source
    assert rig.plane.object(handle, "field") is None
    assert rig.plane.handles_for(source) == (handle, again)
    assert rig.plane.release(handle)
    assert not rig.plane.release(handle)
    assert rig.plane.object(handle, "source") is None
    assert rig.plane.handles_for(source) == (again,)
    assert not rig.plane.release(0)
    assert not rig.plane.release(-1)
