"""The plane's own memory: it does not grow with the number of events, and its end is an error, not a crash."""

import pytest

from gadget_abi import EmbedderError
from tests.plane.rig import KINDS, TRAP, Rig

U32 = KINDS["Uint32"]


def pages(rig: Rig) -> int:
    """Pages of the plane's memory."""
    return int(rig.plane._memory.size(rig.store))


def test_events_leave_nothing_behind(rig: Rig) -> None:
    """After the first batch, a hundred more with strings of every size class take no further page."""
    source, _ = rig.source("s", "it:Uint32 text:String")
    text, out = rig.field(source, "text"), rig.registry.collect("s")
    rig.on_callback = lambda number, s, data: rig.write(text, data, b"x" * (1 << number))
    for number in (2, 5, 9, 3):
        rig.subscribe(source, callback=number)
    events = [{"it": n, "text": "y" * n} for n in range(40)]
    source.emit_batch(events)
    before = pages(rig)
    for _ in range(20):
        source.emit_batch(events)
        assert len(out.drain()) in (40, 80)
    assert pages(rig) == before


def test_traps_leave_nothing_behind(rig: Rig) -> None:
    """Nor do callbacks that trap, in arrays and with changed events."""
    source, _ = rig.source("s", "it:Uint32 text:String", "array")
    text = rig.field(source, "text")
    rig.on_callback = lambda number, s, data: rig.write(text, data, b"x" * 100)
    rig.subscribe(source, callback=1)
    rig.subscribe(source, callback=TRAP)
    events = [[{"it": n, "text": "y"}] * 3 for n in range(10)]
    source.emit_batch(events)
    before = pages(rig)
    for _ in range(10):
        source.emit_batch(events)
    assert pages(rig) == before
    assert len(rig.hooks.traps) == 330


def test_packets_given_up_are_used_again(rig: Rig) -> None:
    """Packets and elements that are released, emitted or replaced give their memory back."""
    source, handle = rig.source("s", "text:String", "array")
    text = rig.field(source, "text")

    def turn() -> None:
        array = rig.dataSourceNewPacketArray(handle)
        for size in (1, 8, 9, 5000, 100):
            data = rig.dataArrayNew(array)
            for part in (size, 1, 2 * size):
                assert rig.write(text, data, b"z" * part) == 0
            rig.dataArrayAppend(array, data)
        rig.dataArrayRelease(array, rig.dataArrayNew(array))
        rig.dataSourceRelease(handle, array)

    turn()
    before = pages(rig)
    for _ in range(100):
        turn()
    assert pages(rig) == before


def test_without_memory_calls_fail_and_what_there_is_stays(rig: Rig) -> None:
    """A value there is no room for is an error, the field unchanged; released memory can be used again."""
    source, handle = rig.source("s", "blob:Bytes")
    rig.memory.grow(rig.store, 32)
    blob, packets = rig.field(source, "blob"), []
    rig.hooks.most_pages = pages(rig) + 100
    while rig.fieldSet(blob, packet := rig.dataSourceNewPacketSingle(handle), KINDS["Bytes"], 1 << 52) == 0:
        packets.append(packet)
    assert len(packets) == 6
    assert rig.read(blob, packet) == b""
    assert rig.warned == ["fieldSet: the host's memory for data is exhausted"]
    rig.dataSourceRelease(handle, packets.pop())
    assert rig.fieldSet(blob, packet, KINDS["Bytes"], 1 << 52) == 0


def test_without_memory_no_packet_is_made(rig: Rig) -> None:
    """New packets and elements are refused with 0 when the memory for them is used up."""
    _, handle = rig.source("s", "a:Uint32 " + " ".join(f"f{n}:String" for n in range(400)))
    _, arrays = rig.source("arrays", " ".join(f"f{n}:String" for n in range(400)), "array")
    rig.hooks.most_pages = pages(rig)
    array = rig.dataSourceNewPacketArray(arrays)
    while rig.dataSourceNewPacketSingle(handle):
        pass
    assert rig.plane.live_handles() < 4096
    assert rig.dataArrayNew(array) == 0
    assert rig.warned == [
        "dataSourceNewPacketSingle: the host's memory for data is exhausted",
        "dataArrayNew: the host's memory for data is exhausted",
    ]


def test_without_memory_an_event_is_the_callers_error(rig: Rig) -> None:
    """Rows that do not fit raise; smaller ones go through."""
    source, _ = rig.source("s", "blob:Bytes")
    out = rig.registry.collect("s")
    rig.hooks.most_pages = pages(rig) + 40
    with pytest.raises(EmbedderError, match="no memory"):
        source.emit({"blob": bytes(8 << 20)})
    source.emit({"blob": b"small"})
    assert out.drain() == [{"blob": b"small"}]


def test_large_batches_go_in_portions(rig: Rig) -> None:
    """A batch of many MiB is delivered in order without as much memory."""
    source, _ = rig.source("s", "it:Uint32 blob:Bytes")
    out = rig.registry.collect("s")
    events = [{"it": n, "blob": bytes([n]) * (1 << 20)} for n in range(40)]
    rig.hooks.most_pages = pages(rig) + 400
    source.emit_batch(events)
    assert out.drain() == events


def test_records_larger_than_the_output_buffer(rig: Rig) -> None:
    """A packet of several MiB is collected, and small ones after it."""
    source, handle = rig.source("s", "blob:Bytes")
    rig.memory.grow(rig.store, 100)
    out, blob = rig.registry.collect("s"), rig.field(source, "blob")
    for length in (5, 3 << 20, 0, 6 << 20, 7):
        packet = rig.dataSourceNewPacketSingle(handle)
        assert rig.fieldSet(blob, packet, KINDS["Bytes"], length << 32) == 0
        rig.dataSourceEmitAndRelease(handle, packet)
    assert [len(event["blob"]) for event in out.drain()] == [5, 3 << 20, 0, 6 << 20, 7]


def test_the_output_buffer_is_emptied_when_it_is_full(rig: Rig) -> None:
    """One event may set off more output than the buffer holds; nothing is lost or out of order."""
    source, _ = rig.source("in", "it:Uint32")
    other, handle = rig.source("out", "it:Uint32 blob:Bytes")
    field, blob = rig.field(other, "it"), rig.field(other, "blob")

    def callback(number: int, s: int, data: int) -> None:
        for turn in range(200):
            packet = rig.dataSourceNewPacketSingle(handle)
            rig.fieldSet(field, packet, U32, turn)
            rig.fieldSet(blob, packet, KINDS["Bytes"], 30000 << 32)
            assert rig.dataSourceEmitAndRelease(handle, packet) == 0

    rig.on_callback = callback
    rig.subscribe(source)
    out = rig.registry.collect("out")
    source.emit({"it": 1})
    events = out.drain()
    assert [event["it"] for event in events] == list(range(200))
    assert {len(event["blob"]) for event in events} == {30000}
    assert pages(rig) < 60
