"""What collectors give back: which sources, in which order, whose dicts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gadget_abi import EmbedderError
from gadget_host.schema import FieldSchema, SourceSchema
from tests.plane.rig import KINDS, Rig

U32 = KINDS["Uint32"]


@pytest.fixture
def rig() -> Rig:
    """A plane with a guest."""
    return Rig()


def test_a_collector_of_all_sources_takes_in_those_to_come(rig: Rig) -> None:
    """Until the first event of Python's; unreferenced ones are left out, those unreferenced later are dropped."""
    first, _ = rig.source("first", "it:Uint32")
    hidden, _ = rig.source("hidden", "it:Uint32")
    hidden.unreference()
    out, fixed = rig.registry.collect(), rig.registry.collect(["first"])
    second, second_handle = rig.source("second", "it:Uint32")
    dropped, dropped_handle = rig.source("dropped", "it:Uint32")
    for handle in (dropped_handle, second_handle):
        rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))
    assert len(out.drain_by_source()) == 2
    dropped.unreference()
    for source in (first, hidden, second, dropped):
        source.emit({"it": 1})
    late, _ = rig.source("late", "it:Uint32")
    late.emit({"it": 1})
    first.unreference()
    first.emit({"it": 2})
    assert [(s.name, [e["it"] for e in events]) for s, events in out.drain_by_source()] == [
        ("first", [1]),
        ("second", [1]),
        ("first", [2]),
    ]
    assert fixed.drain() == [{"it": 1}, {"it": 2}]


def test_collecting_what_is_not_there_is_an_error(rig: Rig) -> None:
    """The message names the sources that are."""
    rig.source("open", "it:Uint32")
    with pytest.raises(EmbedderError, match="no data source 'opne'; there are: 'open'"):
        rig.registry.collect("opne")


def test_events_come_back_as_copies(rig: Rig) -> None:
    """What was emitted is not touched, and what is collected is not shared, on no level."""
    source, _ = rig.source("s", "it:Uint32 g.it:Uint32")
    rig.on_callback = lambda number, s, data: rig.fieldSet(field, data, U32, 9)
    field = rig.field(source, "g.it")
    rig.subscribe(source)
    outs = [rig.registry.collect("s") for _ in range(3)]
    given = {"it": 1, "g": {"it": 2}}
    source.emit_batch([given, given])
    assert given == {"it": 1, "g": {"it": 2}}
    found = [event for out in outs for event in out.drain()]
    assert found == [{"it": 1, "g": {"it": 9}}] * 6
    assert len({id(event["g"]) for event in [*found, given]}) == 7


def test_events_that_may_be_reused_come_back_themselves(rig: Rig) -> None:
    """The first collector gives back the dicts that went in, changed; another one gets its own."""
    source, _ = rig.source("s", "it:Uint32 g.it:Uint32")
    rig.on_callback = lambda number, s, data: rig.fieldSet(field, data, U32, 9)
    field = rig.field(source, "g.it")
    rig.subscribe(source)
    out, other = rig.registry.collect("s"), rig.registry.collect("s")
    given = [{"it": n, "g": {"it": 2}} for n in range(3)]
    source.emit_batch(given, reuse=True)
    found, others = out.drain(), other.drain()
    assert [id(event) for event in found] == [id(event) for event in given]
    assert found == others == [{"it": n, "g": {"it": 9}} for n in range(3)]
    assert not {id(event) for event in others} & {id(event) for event in given}


def test_an_event_emitted_again_by_the_guest_is_collected_twice(rig: Rig) -> None:
    """Each time as it was then."""
    source, handle = rig.source("s", "it:Uint32")
    field = rig.field(source, "it")

    def again(number: int, s: int, data: int) -> None:
        value = rig.scalar(field, data, "Uint32")
        if value is not None and value < 3:
            rig.fieldSet(field, data, U32, value + 1)
            rig.dataSourceEmitAndRelease(handle, data)

    rig.on_callback = again
    rig.subscribe(source)
    out = rig.registry.collect("s")
    source.emit_batch([{"it": 0}], reuse=True)
    assert out.drain() == [{"it": 3}] * 4


KIND_VALUES = {
    "Bool": st.booleans(),
    "Uint32": st.integers(0, (1 << 32) - 1),
    "Float32": st.floats(allow_nan=False, width=32) | st.just(0.1),
    "String": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    "CString": st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    "Bytes": st.binary(max_size=12) | st.sampled_from(["00ff", ""]),
}
EVENTS = st.fixed_dictionaries(
    {}, optional={kind: values | st.none() for kind, values in KIND_VALUES.items()}
)


@settings(deadline=None, max_examples=50)
@given(st.lists(EVENTS, max_size=5), st.booleans(), st.sets(st.sampled_from(list(KIND_VALUES))))
def test_patched_and_decoded_events_are_the_same(
    events: list[dict[str, object]], reuse: bool, written: set[str]
) -> None:
    """A collector that gets an event back patched, and one that gets it decoded, see the same."""
    rig = Rig()
    source = rig.registry.add(
        SourceSchema("s", "single", tuple(FieldSchema(kind, kind) for kind in KIND_VALUES))
    )
    source.add_guest_field("guest", "String")
    handles = [rig.field(source, name) for name in sorted(written)]
    rig.on_callback = lambda number, s, data: [rig.write(field, data, b"\x01\xff\0a") for field in handles]
    rig.subscribe(source)
    patched, decoded = rig.registry.collect("s"), rig.registry.collect("s")
    source.emit_batch(events, reuse=reuse)
    assert patched.drain() == decoded.drain()
