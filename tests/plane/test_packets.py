"""Packets the guest makes and emits, and to whom they go."""

import pytest

from tests.plane.rig import KINDS, Rig

U32 = KINDS["Uint32"]
DATA, ARRAY, PACKET = 1, 2, 3


def test_a_new_packet_has_zeros_and_empty_texts(rig: Rig) -> None:
    """Scalars are there and zero, everything else is empty."""
    fields = " ".join(f"{kind.lower()}:{kind}" for kind in KINDS if kind != "Invalid")
    source, handle = rig.source("s", fields)
    out = rig.registry.collect("s")
    packet = rig.dataSourceNewPacketSingle(handle)
    for field in source.fields:
        width = {"Bool": 1, "Float32": 4, "Float64": 8}.get(field.kind, 0)
        bits = "".join(c for c in field.kind if c.isdigit())
        expected = bytes(width or (int(bits) // 8 if bits else 0))
        assert rig.read(rig.field(source, field.full_name), packet) == expected
    assert rig.dataSourceEmitAndRelease(handle, packet) == 0
    (event,) = out.drain()
    assert not any(event.values())


@pytest.mark.parametrize("result", [0, 1])
def test_emitting_takes_the_handle_away(rig: Rig, result: int) -> None:
    """Whatever the outcome, the packet's handle is gone."""
    _, handle = rig.source("s", "it:Uint32", "array" if result else "single")
    make = rig.dataSourceNewPacketArray if result else rig.dataSourceNewPacketSingle
    packet = make(handle)
    single, single_handle = rig.source("single", "it:Uint32")
    rig.subscribe(single)
    target = single_handle if result else handle
    assert rig.dataSourceEmitAndRelease(target, packet) == result
    assert rig.dataSourceRelease(target, packet) == 1
    assert rig.dataSourceEmitAndRelease(target, packet) == 1


def test_nobody_listening_is_no_error(rig: Rig) -> None:
    """Emitting on a source without subscribers succeeds and does nothing."""
    _, handle = rig.source("s", "it:Uint32")
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert rig.warned == []


@pytest.mark.parametrize(
    ("source_type", "packet_type", "kind", "delivered"),
    [
        ("single", "single", DATA, True),
        ("single", "single", PACKET, True),
        ("array", "array", ARRAY, True),
        ("array", "array", PACKET, True),
        ("single", "array", DATA, False),
        ("single", "array", PACKET, True),
        ("array", "single", DATA, False),
        ("array", "single", ARRAY, False),
        ("array", "single", PACKET, True),
    ],
)
def test_subscribers_are_handed_what_they_asked_for_or_nothing(
    rig: Rig, source_type: str, packet_type: str, kind: int, delivered: bool
) -> None:
    """A packet of the other type is not checked against the source, but Data and Array subscribers cannot take it."""
    source, handle = rig.source("s", "it:Uint32", source_type)
    _, other = rig.source("other", "it:Uint32", packet_type)
    owner = handle if packet_type == source_type else other
    make = rig.dataSourceNewPacketArray if packet_type == "array" else rig.dataSourceNewPacketSingle
    rig.subscribe(source, kind=kind)
    assert rig.dataSourceEmitAndRelease(handle, make(owner)) == (0 if delivered else 1)
    assert len(rig.calls) == (1 if delivered else 0)
    assert len(rig.warned) == (0 if delivered else 1)


def test_a_packet_of_another_source_reaches_guests_but_no_collector(rig: Rig) -> None:
    """Its own fields read it; collectors, which would read it with the wrong ones, skip it with a warning."""
    mine, handle = rig.source("mine", "it:Uint32")
    other, other_handle = rig.source("other", "different:String")
    out, field, seen = rig.registry.collect("other"), rig.field(mine, "it"), []
    rig.on_callback = lambda number, s, data: seen.append(rig.scalar(field, data, "Uint32"))
    rig.subscribe(other)
    packet = rig.dataSourceNewPacketSingle(handle)
    rig.fieldSet(field, packet, U32, 42)
    assert rig.dataSourceEmitAndRelease(other_handle, packet) == 0
    assert seen == [42]
    assert out.drain() == []
    (warning,) = rig.warned
    assert "belongs to another data source" in warning


def test_the_packet_of_a_callback_can_be_emitted_elsewhere(rig: Rig) -> None:
    """A callback may emit the very packet it was handed; its handle is gone then, the delivery goes on."""
    first, _ = rig.source("first", "it:Uint32")
    second, second_handle = rig.source("second", "it:Uint32")
    field, seen, answers = rig.field(first, "it"), [], []

    def callback(number: int, s: int, data: int) -> None:
        seen.append((number, rig.scalar(field, data, "Uint32")))
        if number == 1:
            answers.append(rig.dataSourceEmitAndRelease(second_handle, data))
            assert rig.scalar(field, data, "Uint32") is None

    rig.on_callback = callback
    out = rig.registry.collect("first")
    rig.subscribe(first, callback=1)
    rig.subscribe(second, callback=2)
    first.emit({"it": 8})
    assert (seen, answers) == ([(1, 8), (2, 8)], [0])
    assert out.drain() == [{"it": 8}]
    assert rig.plane.live_handles() == 3


def test_releasing_a_packet_drops_it(rig: Rig) -> None:
    """A released packet is gone and was not emitted."""
    _, handle = rig.source("s", "it:Uint32")
    out = rig.registry.collect("s")
    assert rig.dataSourceRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert out.drain() == []


@pytest.mark.parametrize(
    ("host", "enabled"), [(-1, []), (0, [0]), (2, [0, 1, 2]), (4, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4])]
)
def test_levels_up_to_the_hosts_are_logged(host: int, enabled: list[int]) -> None:
    """gadgetShouldLog says 1 up to the host's level, and 0 for numbers that are no level."""
    rig = Rig(log_level=host)
    assert [level for level in (-2, -1, 0, 1, 2, 3, 4, 5, 1 << 30) if rig.gadgetShouldLog(level)] == enabled
