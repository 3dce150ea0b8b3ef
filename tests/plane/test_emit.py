"""Delivery: order, nesting, traps, subscribers in Python, what happens when."""

from functools import partial
from typing import Any

import pytest

from gadget_abi import EmbedderError
from gadget_host.sources import DISCARD, EventView
from tests.plane.rig import KINDS, TRAP, Rig

U32 = KINDS["Uint32"]
DATA, ARRAY, PACKET = 1, 2, 3


def test_subscribers_are_called_by_priority_then_in_order(rig: Rig) -> None:
    """Signed priorities, smaller first; equal ones as subscribed; guests and Python in one list."""
    source, _ = rig.source("s", "it:Uint32")
    order: list[Any] = []
    rig.on_callback = lambda number, s, data: order.append(number)
    for number, priority in enumerate([0, 5, -(1 << 31), 0, (1 << 31) - 1, -1, 5]):
        if number % 2:
            source.subscribe(partial(lambda number, event: order.append(number), number), priority=priority)
        else:
            rig.subscribe(source, callback=number, priority=priority)
    source.emit({"it": 1})
    assert order == [2, 5, 0, 3, 1, 6, 4]


def test_data_array_and_packet_subscriptions_share_one_list(rig: Rig) -> None:
    """On an array source Data is called per element; the order is that of the priorities all the same."""
    source, _ = rig.source("s", "it:Uint32", "array")
    for number, kind in enumerate([PACKET, DATA, ARRAY, DATA]):
        rig.subscribe(source, callback=number, priority=number, kind=kind)
    source.emit([{"it": 1}, {"it": 2}])
    assert [call[0] for call in rig.calls] == [0, 1, 1, 2, 3, 3]
    source.emit([])
    assert [call[0] for call in rig.calls[6:]] == [0, 2]


def test_the_callback_gets_the_number_and_the_handle_of_its_subscription(rig: Rig) -> None:
    """The 64-bit number comes back bit by bit, the source handle is the one that was given."""
    source, handle = rig.source("s", "it:Uint32")
    rig.subscribe(source, callback=(1 << 64) - 2, handle=handle)
    rig.subscribe(source, callback=1 << 63, handle=4711)
    source.emit({"it": 1})
    assert [(number & (1 << 64) - 1, s) for number, s, _ in rig.calls] == [
        ((1 << 64) - 2, handle),
        (1 << 63, 4711),
    ]


def test_the_same_callback_may_subscribe_again(rig: Rig) -> None:
    """Each subscription is called."""
    source, _ = rig.source("s", "it:Uint32")
    for _ in range(3):
        rig.subscribe(source, callback=9)
    source.emit({"it": 1})
    assert [call[0] for call in rig.calls] == [9, 9, 9]


def test_later_subscribers_see_what_earlier_ones_changed(rig: Rig) -> None:
    """All share one event; collectors see it as it is when their turn comes."""
    source, _ = rig.source("s", "it:Uint32 text:String")
    field, text = rig.field(source, "it"), rig.field(source, "text")
    seen: list[int | None] = []

    def callback(number: int, s: int, data: int) -> None:
        seen.append(rig.scalar(field, data, "Uint32"))
        rig.fieldSet(field, data, U32, 10 * number)
        rig.write(text, data, f"by {number}".encode())

    rig.on_callback = callback
    for number in (1, 2):
        rig.subscribe(source, callback=number, priority=number)
    outs = [rig.registry.collect("s", priority) for priority in (0, 1, 2)]
    source.emit({"it": 5, "text": "by Python"})
    assert seen == [5, 10]
    assert [out.drain() for out in outs] == [
        [{"it": 5, "text": "by Python"}],
        [{"it": 10, "text": "by 1"}],
        [{"it": 20, "text": "by 2"}],
    ]


def test_a_subscription_made_in_a_callback_holds_from_the_next_packet_on(rig: Rig) -> None:
    """The list of a delivery is that of its start."""
    source, _ = rig.source("s", "it:Uint32")

    def callback(number: int, s: int, data: int) -> None:
        if number == 1:
            rig.subscribe(source, callback=len(rig.calls) + 1)

    rig.on_callback = callback
    rig.subscribe(source, callback=1)
    source.emit_batch([{"it": 1}, {"it": 2}, {"it": 3}])
    assert [call[0] for call in rig.calls] == [1, 1, 2, 1, 2, 3]


@pytest.mark.parametrize("culprit", [0, 1, 2])
def test_delivery_goes_on_behind_a_trap(rig: Rig, culprit: int) -> None:
    """A callback that traps is reported; the other subscribers and the other events have their turn."""
    source, _ = rig.source("s", "it:Uint32")
    out = rig.registry.collect("s")
    for number in range(3):
        rig.subscribe(source, callback=TRAP if number == culprit else number)
    live = rig.plane.live_handles()
    source.emit_batch([{"it": n} for n in range(4)])
    assert len(rig.hooks.traps) == 4
    assert [call[0] for call in rig.calls] == [n for n in range(3) if n != culprit] * 4
    assert out.drain() == [{"it": n} for n in range(4)]
    assert rig.plane.live_handles() == live


def test_a_trap_on_one_element_leaves_the_others_their_turn(rig: Rig) -> None:
    """Elements behind the one whose callback trapped are delivered, each once."""
    source, _ = rig.source("s", "it:Uint32", "array")
    out = rig.registry.collect("s")
    rig.subscribe(source, callback=TRAP)
    rig.subscribe(source, callback=1)
    source.emit_batch([[{"it": 1}, {"it": 2}], [], [{"it": 3}]])
    assert len(rig.hooks.traps) == 3
    assert len(rig.calls) == 3
    assert out.drain() == [[{"it": 1}, {"it": 2}], [], [{"it": 3}]]


def test_a_trap_inside_an_emit_ends_the_inner_callback_only(rig: Rig) -> None:
    """A guest that emits and traps on what it emitted: the emit succeeds, the outer callback goes on."""
    outer, _ = rig.source("outer", "it:Uint32")
    inner, inner_handle = rig.source("inner", "it:Uint32")
    answers = []

    def callback(number: int, s: int, data: int) -> None:
        if number == 1:
            packet = rig.dataSourceNewPacketSingle(inner_handle)
            answers.append(rig.dataSourceEmitAndRelease(inner_handle, packet))

    rig.on_callback = callback
    out = rig.registry.collect()
    rig.subscribe(outer, callback=1)
    rig.subscribe(inner, callback=TRAP)
    rig.subscribe(inner, callback=2)
    outer.emit_batch([{"it": 1}, {"it": 2}])
    assert answers == [0, 0]
    assert [call[0] for call in rig.calls] == [1, 2, 1, 2]
    assert len(rig.hooks.traps) == 2
    assert [(s.name, len(events)) for s, events in out.drain_by_source()] == [
        ("inner", 1),
        ("outer", 1),
        ("inner", 1),
        ("outer", 1),
    ]


def test_emitting_onto_the_own_source_is_bounded(rig: Rig) -> None:
    """A guest that emits, on a source it subscribed to, what it is called for: 16 deliveries deep, then an error."""
    source, handle = rig.source("s", "it:Uint32")
    answers = []

    def callback(number: int, s: int, data: int) -> None:
        packet = rig.dataSourceNewPacketSingle(handle)
        answers.append(rig.dataSourceEmitAndRelease(handle, packet))

    rig.on_callback = callback
    rig.subscribe(source)
    live = rig.plane.live_handles()
    for _ in range(3):
        source.emit({"it": 1})
        assert len(rig.calls) == 16
        assert answers == [1, *[0] * 15]
        assert rig.warned == ["dataSourceEmitAndRelease: 16 packets are being delivered inside one another"]
        assert rig.plane.live_handles() == live
        rig.calls.clear()
        answers.clear()


def test_collected_events_are_in_the_order_of_emission(rig: Rig) -> None:
    """What a callback emits on another source comes between the events it was called for."""
    source, _ = rig.source("in", "it:Uint32")
    other, other_handle = rig.source("out", "it:Uint32")
    field, copy = rig.field(source, "it"), rig.field(other, "it")

    def callback(number: int, s: int, data: int) -> None:
        for _ in range(2):
            packet = rig.dataSourceNewPacketSingle(other_handle)
            rig.fieldSet(copy, packet, U32, rig.scalar(field, data, "Uint32"))
            rig.dataSourceEmitAndRelease(other_handle, packet)

    rig.on_callback = callback
    rig.subscribe(source)
    out = rig.registry.collect(["in", "out"])
    source.emit_batch([{"it": 1}, {"it": 2}])
    found = [(s.name, event["it"]) for s, events in out.drain_by_source() for event in events]
    assert found == [("out", 1), ("out", 1), ("in", 1), ("out", 2), ("out", 2), ("in", 2)]


def test_packets_emitted_outside_any_event_are_collected(rig: Rig) -> None:
    """What a lifecycle function emits reaches those who subscribed so far, guests included."""
    source, handle = rig.source("s", "it:Uint32")
    rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))
    out = rig.registry.collect("s")
    rig.subscribe(source, callback=3)
    rig.subscribe(source, callback=TRAP)
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert [call[0] for call in rig.calls] == [3]
    assert len(rig.hooks.traps) == 1
    assert out.drain() == [{"it": 0}]


def test_python_discards_an_event(rig: Rig) -> None:
    """Nobody behind the subscriber sees it; the next event passes through all again."""
    source, _ = rig.source("s", "it:Uint32")
    out = rig.registry.collect("s")
    source.subscribe(lambda event: DISCARD if event["it"] % 2 else None, priority=1)
    rig.subscribe(source, callback=1, priority=0)
    rig.subscribe(source, callback=2, priority=2)
    source.emit_batch([{"it": n} for n in range(4)])
    assert [call[0] for call in rig.calls] == [1, 2, 1, 1, 2, 1]
    assert out.drain() == [{"it": 0}, {"it": 2}]


def test_python_discards_elements_of_an_array(rig: Rig) -> None:
    """They leave the array; each of the others is delivered once; later subscribers see a shorter array."""
    source, handle = rig.source("s", "it:Uint32", "array")
    out, lengths, seen = rig.registry.collect("s"), [], []

    def odd(event: EventView) -> object:
        seen.append(event["it"])
        return DISCARD if event["it"] % 2 else None

    rig.on_callback = lambda number, s, array: lengths.append(rig.dataArrayLen(array))
    rig.subscribe(source, kind=ARRAY, priority=-1)
    source.subscribe(odd)
    rig.subscribe(source, kind=ARRAY, priority=1)
    source.emit([{"it": n} for n in (1, 1, 2, 3, 4, 5)])
    assert seen == [1, 1, 2, 3, 4, 5]
    assert lengths == [6, 2]
    assert out.drain() == [[{"it": 2}, {"it": 4}]]
    assert handle


@pytest.mark.parametrize("kind", ["array", "packet"])
def test_python_discards_an_array_as_a_whole(rig: Rig, kind: Any) -> None:
    """An Array or Packet subscriber's discard ends the event; a guest's emit of it succeeds."""
    source, handle = rig.source("s", "it:Uint32", "array")
    out = rig.registry.collect("s")
    source.subscribe(lambda array: DISCARD, kind=kind)
    source.emit([{"it": 1}])
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketArray(handle)) == 0
    assert out.drain() == []


def test_an_error_in_a_python_subscriber_comes_out_of_emit(rig: Rig) -> None:
    """It ends the batch; what was collected before is there, and the next batch starts afresh."""
    source, _ = rig.source("s", "it:Uint32")
    out = rig.registry.collect("s", priority=-1)

    def fail(event: EventView) -> None:
        if event["it"] == 2:
            raise ZeroDivisionError("mine")

    source.subscribe(fail)
    live = rig.plane.live_handles()
    with pytest.raises(ZeroDivisionError, match="mine"):
        source.emit_batch([{"it": n} for n in range(5)])
    assert out.drain() == [{"it": n} for n in range(3)]
    source.emit({"it": 9})
    assert out.drain() == [{"it": 9}]
    assert rig.plane.live_handles() == live


def test_a_python_subscriber_may_emit(rig: Rig) -> None:
    """A batch inside a batch, on another source and on the same one; guests are called for all of it."""
    first, _ = rig.source("first", "it:Uint32")
    second, _ = rig.source("second", "it:Uint32")

    def forward(event: EventView) -> None:
        if event["it"] < 3:
            first.emit({"it": event["it"] + 1})
        second.emit_batch([{"it": 10 + event["it"]}, {"it": 20 + event["it"]}])
        assert event["it"] < 10

    first.subscribe(forward, priority=-1)
    rig.subscribe(first, callback=1)
    rig.subscribe(second, callback=TRAP)
    out = rig.registry.collect()
    first.emit({"it": 1})
    found = [(s.name, event["it"]) for s, events in out.drain_by_source() for event in events]
    assert found == [
        ("second", 13),
        ("second", 23),
        ("first", 3),
        ("second", 12),
        ("second", 22),
        ("first", 2),
        ("second", 11),
        ("second", 21),
        ("first", 1),
    ]
    assert len(rig.hooks.traps) == 6


def test_python_code_that_a_guest_calls_may_emit(rig: Rig) -> None:
    """A host function's code, and that which is told of warnings, emit in the middle of a batch: nothing is lost."""
    source, handle = rig.source("s", "it:Uint32")
    other, _ = rig.source("other", "it:Uint32 text:String")
    field = rig.field(source, "it")

    def warn(function: str, message: str) -> None:
        other.emit({"it": 1000})

    def callback(number: int, s: int, data: int) -> None:
        other.emit_batch([{"it": rig.fieldGetScalar(field, data, U32, 0), "text": "x" * 100}] * 2)
        assert rig.fieldSet(field, data, 0, 0) == 1  # warns
        if number == 1:
            packet = rig.dataSourceNewPacketSingle(handle)
            rig.fieldSet(field, packet, U32, 7)
            assert rig.dataSourceEmitAndRelease(other_handle, packet) == 0

    other_handle = rig.plane.new_handle("source", other)
    rig.hooks.warn = warn  # type: ignore[method-assign]
    rig.on_callback = callback
    out = rig.registry.collect()
    rig.subscribe(source, callback=1)
    rig.subscribe(other, callback=TRAP, priority=5)
    live = rig.plane.live_handles()
    source.emit_batch([{"it": n} for n in range(3)])
    found = [(s.name, event["it"]) for s, events in out.drain_by_source() for event in events]
    per_event = [[("other", n), ("other", n), ("other", 1000), ("other", 1000), ("s", n)] for n in range(3)]
    assert found == [item for items in per_event for item in items]
    assert rig.plane.live_handles() == live


def test_python_subscribers_that_emit_for_ever_are_stopped(rig: Rig) -> None:
    """Beyond 16 deliveries inside one another emit raises, and the plane is as before."""
    source, _ = rig.source("s", "it:Uint32")
    depth = []

    def again(event: EventView) -> None:
        depth.append(1)
        source.emit({"it": 1})

    source.subscribe(again)
    for _ in range(2):
        with pytest.raises(EmbedderError, match="too deep"):
            source.emit({"it": 1})
        assert len(depth) == 16
        depth.clear()


def test_a_python_subscriber_that_catches_the_failure_of_its_own_emit_goes_on(rig: Rig) -> None:
    """What the failed inner batch left behind is cleared; the outer event is delivered to the end."""
    outer, _ = rig.source("outer", "it:Uint32")
    inner, _ = rig.source("inner", "it:Uint32")
    out = rig.registry.collect()

    def fail(event: EventView) -> None:
        raise ZeroDivisionError

    def careful(event: EventView) -> None:
        with pytest.raises(ZeroDivisionError):
            inner.emit_batch([{"it": 1}] * 3)

    inner.subscribe(fail)
    outer.subscribe(careful)
    rig.subscribe(outer)
    for _ in range(20):
        outer.emit({"it": 1})
    assert len(rig.calls) == 20
    assert out.drain() == [{"it": 1}] * 20


def test_while_stopping_events_from_python_are_ignored(rig: Rig) -> None:
    """What the guest itself emits then is delivered like any other emission."""
    source, handle = rig.source("s", "it:Uint32")
    rig.subscribe(source)
    out, seen = rig.registry.collect("s"), []
    source.subscribe(lambda event: seen.append(event["it"]))
    rig.plane.stop_delivering()
    source.emit({"it": 1})
    assert (out.drain(), seen, rig.calls) == ([], [], [])
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert (out.drain(), seen, len(rig.calls)) == ([{"it": 0}], [0], 1)


def test_collected_events_survive_the_plane(rig: Rig) -> None:
    """What was emitted before the plane was closed can be drained afterwards; figures stay."""
    source, handle = rig.source("s", "it:Uint32")
    out = rig.registry.collect("s")
    rig.subscribe(source)
    source.emit({"it": 4})
    rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))
    calls = rig.plane.guest_calls, rig.plane.host_calls
    rig.plane.close()
    assert out.drain() == [{"it": 4}, {"it": 0}]
    assert (rig.plane.guest_calls, rig.plane.host_calls) == calls == (2, 2)
    assert rig.plane.live_handles() == 0
    for use in (lambda: source.emit({"it": 5}), lambda: source.add_field("more", "Uint8")):
        with pytest.raises(EmbedderError, match="closed"):
            use()


def test_the_counter_for_the_watchdog_moves_with_events_and_top_level_callbacks(rig: Rig) -> None:
    """It changes with every event, and for callbacks of a batch, but not for those inside another callback."""
    import ctypes

    source, handle = rig.source("s", "it:Uint32")
    address = rig.plane.call_counter_address()
    seen: list[int] = []

    def callback(number: int, s: int, data: int) -> None:
        seen.append(ctypes.c_uint64.from_address(address).value)
        if len(seen) < 3:
            rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))

    rig.on_callback = callback
    rig.subscribe(source)
    source.emit({"it": 1})
    assert seen[0] == seen[1] == seen[2] == 2
    source.emit({"it": 1})
    assert seen[3] == 4
