"""Events and packets: what a callback is given, what a gadget emits, and for how long they last."""

from collections.abc import Callable
from typing import Any

import pytest

COLLECTS = """
    import gadget
    source = gadget.source("in")
    number = source.field("number", gadget.Uint32)
    kept = []
    source.on_event(kept.append)
"""

EMITS = """
    import gadget
    out = gadget.new_source("out")
    number = out.add_field("number", gadget.Uint32)
    text = out.add_field("text", str)
"""


def test_events_arrive_in_order_and_changes_are_seen_by_the_next(host: Any, run: Any) -> None:
    """Subscriptions run by priority, equal ones in order of declaration, on the same event."""
    source = host.source("in", text=12)
    run(
        """
        import gadget
        source = gadget.source("in")
        text = source.field("text", str)

        def appends(letter):
            def append(event):
                event[text] += letter
            return append

        source.on_event(priority=10)(appends("d"))
        source.on_event(appends("b"))
        source.on_event(appends("c"))
        source.on_event(priority=-5)(appends("a"))
        """
    )
    assert host.emit(source, {"text": b">"}) == [{"text": b">abcd"}]


def test_a_decorated_function_stays_what_it_was(host: Any, load: Any) -> None:
    """Decorators give the function back, with and without arguments."""
    module = load(
        """
        import gadget
        source = gadget.source("in")

        def bare(event): ...
        def called(event): ...

        same = source.on_event(bare) is bare and source.on_packet(priority=3)(called) is called
        """
    ).module
    assert module.same


def test_an_event_is_over_when_its_callback_returned(host: Any, run: Any) -> None:
    """Reading it later raises, without asking the host: the number may be another event's by then."""
    source = host.source("in", number=8)
    module = run(COLLECTS).module
    host.emit(source, {"number": b"\1\0\0\0"})
    calls = len(host.calls)
    accesses: list[Callable[[Any], object]] = [
        lambda event: event[module.number],
        lambda event: event.update({module.number: 1}),
        lambda event: event.__setitem__(module.number, 1),
    ]
    for access in accesses:
        with pytest.raises(module.gadget.ReleasedError, match="this Event is over"):
            access(module.kept[0])
    assert module.kept[0].over
    assert len(host.calls) == calls


def test_an_event_is_over_even_when_its_callback_raised(host: Any, run: Any) -> None:
    """An exception does not keep the event alive."""
    source = host.source("in", number=8)
    module = run(COLLECTS + "    source.on_event(lambda event: kept.append(event) or 1 / 0)\n").module
    host.emit(source, {"number": bytes(4)})
    assert [event.over for event in module.kept] == [True, True]


def test_indexing_by_a_name_says_how_to_do_it(host: Any, run: Any) -> None:
    """The likeliest mistake has a message of its own."""
    source = host.source("in", number=8)
    run('import gadget\ngadget.source("in").on_event(lambda event: event["number"])\n')
    host.emit(source, {"number": bytes(4)})
    expected = "an event is indexed by fields, not by 'number': declare one with source.field(name, kind)"
    assert expected in host.logs[0][1]


def test_an_event_has_no_other_attributes(host: Any, run: Any) -> None:
    """A misspelt attribute is an AttributeError of the usual sort."""
    source = host.source("in", number=8)
    run('import gadget\ngadget.source("in").on_event(lambda event: event.numbr)\n')
    host.emit(source, {"number": bytes(4)})
    assert "AttributeError: 'Event' object has no attribute 'numbr'" in host.logs[0][1]


def test_on_packet_of_a_single_source_gives_an_event(host: Any, run: Any) -> None:
    """A packet subscription of a source of single events can read and write fields."""
    source = host.source("in", number=8)
    run(
        """
        import gadget
        source = gadget.source("in")
        number = source.field("number", gadget.Uint32)

        @source.on_packet
        def double(event):
            event[number] *= 2
        """
    )
    assert host.emit(source, {"number": b"\5\0\0\0"}) == [{"number": b"\n\0\0\0"}]
    assert [type for _, type, _ in source.subscriptions] == [3]


def test_on_event_of_an_array_source_gives_every_element(host: Any, run: Any) -> None:
    """Data subscriptions work on arrays too, element by element."""
    source = host.source("in", type=2, number=8)
    module = run(
        """
        import gadget
        source = gadget.source("in", array=True)
        number = source.field("number", gadget.Uint32)
        seen = []
        source.on_event(lambda event: seen.append(event[number]))
        """
    ).module
    host.emit(source, {"number": b"\1\0\0\0"}, {"number": b"\2\0\0\0"})
    assert module.seen == [1, 2]


def test_a_packet_is_emitted_at_the_end_of_its_block(host: Any, run: Any) -> None:
    """Fields that were not set are zero or empty."""
    module = run(EMITS).module
    with module.out.packet() as event:
        event[module.number] = 7
        assert host.output("out") == []
    assert host.output("out") == [{"number": b"\7\0\0\0", "text": b""}]
    assert event.over


def test_a_packet_is_released_when_its_block_raises(host: Any, run: Any) -> None:
    """Nothing is emitted and the handle goes back."""
    module = run(EMITS).module
    before = set(host.handles)
    event = module.out.packet()
    with pytest.raises(OverflowError), event:
        event[module.number] = -1
    assert (host.output("out"), set(host.handles) - before, event.over) == ([], set(), True)


def test_a_packet_can_be_emitted_or_released_by_hand(host: Any, run: Any) -> None:
    """The end of the block does nothing then."""
    module = run(EMITS).module
    with module.out.packet() as first:
        first.emit()
    with module.out.packet() as second:
        second.release()
    assert host.output("out") == [{"number": bytes(4), "text": b""}]
    assert [call for call in host.calls if call.endswith("release")] == [
        "data_source_emit_and_release",
        "data_source_release",
    ]


def test_emit_takes_the_values_by_field(host: Any, run: Any) -> None:
    """One call for a whole event."""
    module = run(EMITS).module
    module.out.emit({module.number: 1, module.text: "a"})
    assert host.output("out") == [{"number": b"\1\0\0\0", "text": b"a"}]


def test_an_event_may_be_emitted_from_a_callback(host: Any, run: Any) -> None:
    """And its subscribers in the same gadget run inside."""
    source = host.source("in", number=8)
    module = run(
        """
        import gadget
        source = gadget.source("in")
        out = gadget.new_source("out")
        number = out.add_field("number", gadget.Uint32)
        seen = []
        out.on_event(lambda event: seen.append(event[number]))
        source.on_event(lambda event: out.emit({number: 3}))
        """
    ).module
    host.emit(source, {"number": bytes(4)})
    assert (module.seen, host.logs) == ([3], [])


def test_a_packet_of_an_array_source_is_refused_by_the_type_checker_and_by_python(
    host: Any, run: Any
) -> None:
    """Sources of arrays have array() instead."""
    module = run('import gadget\nout = gadget.new_source("out", array=True)\n').module
    assert not hasattr(module.out, "packet")
    assert not hasattr(module.gadget.Source, "array")


def test_handles_never_run_out(host: Any, run: Any) -> None:
    """Ten thousand events, packets and arrays later the host holds no more handles than before."""
    source = host.source("in", number=8)
    run(
        """
        import gadget
        source = gadget.source("in")
        out = gadget.new_source("out", array=True)
        number = out.add_field("number", gadget.Uint32)

        @source.on_event
        def on_event(event):
            out.emit([{number: 1}, {number: 2}])
            try:
                out.emit([{number: 1}, {number: -2}])
            except OverflowError:
                pass
        """
    )
    host.emit(source, {"number": bytes(4)})
    before = len(host.handles)
    for _ in range(5000):
        host.emit(source, {"number": bytes(4)})
    assert (len(host.handles), len(host.emitted), host.logs) == (before, 5001, [])


def test_a_packet_that_is_forgotten_is_released(host: Any, run: Any) -> None:
    """So are arrays, and the row that was begun."""
    source = host.source("in", number=8)
    run(
        """
        import gadget
        out, table = gadget.new_source("out"), gadget.new_source("table", array=True)
        source = gadget.source("in")

        @source.on_event
        def forget(event):
            packet, array = out.packet(), table.array()
            array.append()
        """
    )
    before = set(host.handles)
    for _ in range(3000):
        host.emit(source, {"number": bytes(4)})
    assert (host.logs, set(host.handles) - before) == ([], set())


def test_an_event_without_a_handle_is_not_passed_on(host: Any, run: Any) -> None:
    """Inspektor Gadget calls back with 0 when its handle table is full; the log says what is the matter."""
    host.source("in", number=8)
    gadget = run(COLLECTS)
    gadget.exports.data_source_callback(0, 0, 0)
    assert gadget.module.kept == []
    assert "HostError: the host has no handle left to pass an event with" in host.logs[-1][1]
