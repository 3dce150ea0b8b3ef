"""The real host's quirks of emitting and stopping: as a careful host has them, and as a strict one."""

from collections.abc import Callable

import pytest

from gadget_abi import EmbedderError
from tests.plane.quirks import everywhere, expect_failure, strict
from tests.plane.rig import ABI, TRAP, EndError, Rig

DATA, ARRAY, PACKET = 1, 2, 3


@strict
@everywhere
def test_quirk_callback_source(release: str, strict: bool) -> None:
    """The callback's source is the handle that was given to dataSourceSubscribe; strict: 0, nested or not."""
    rig = Rig(release=release, strict=strict)
    outer, handle = rig.source("outer", "it:Uint32")
    rig.subscribe(outer, handle=handle)
    outer.emit({"it": 1})
    rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))
    assert [source for _, source, _ in rig.calls] == [0 if strict else handle] * 2


@strict
@everywhere
def test_quirk_emit_deadlock(release: str, strict: bool) -> None:
    """Emitting inside a callback onto an own source calls the gadget again; strict: that is its end, since v0.38."""
    rig = Rig(release=release, strict=strict)
    source, handle = rig.source("s", "it:Uint32")
    answers: list[int] = []

    def callback(number: int, s: int, data: int) -> None:
        if len(rig.calls) < 3:
            answers.append(rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)))

    rig.on_callback = callback
    rig.subscribe(source)
    if strict and release in ("v0.38.1", ABI.newest):
        with pytest.raises(EndError, match=r"dataSourceEmitAndRelease: .* waits for ever"):
            source.emit({"it": 1})
        assert len(rig.calls) == 1
    else:
        source.emit({"it": 1})
        assert (answers, len(rig.calls)) == ([0, 0], 3)


def test_quirk_emit_deadlock_is_none_for_a_source_nobody_of_the_gadget_subscribed_to() -> None:
    """Other sources, elements that are not there, and emissions outside callbacks are delivered."""
    rig = Rig(strict=True)
    source, handle = rig.source("s", "it:Uint32")
    array, array_handle = rig.source("array", "it:Uint32", "array")
    out = rig.registry.collect()
    rig.on_callback = lambda number, s, data: rig.dataSourceEmitAndRelease(
        array_handle, rig.dataSourceNewPacketArray(array_handle)
    )
    rig.subscribe(source)
    rig.subscribe(array)
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert len(rig.calls) == 1
    assert len(out.drain()) == 2


def test_quirk_emit_deadlock_ends_with_the_callback_that_trapped() -> None:
    """Behind a trap, no callback is running any more."""
    rig = Rig(strict=True)
    source, handle = rig.source("s", "it:Uint32")
    rig.subscribe(source, callback=TRAP)
    rig.subscribe(source, callback=2)
    source.emit_batch([{"it": 1}, {"it": 2}])
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert (len(rig.hooks.traps), len(rig.calls)) == (3, 3)


@strict
@everywhere
@pytest.mark.parametrize(
    ("source_type", "packet_type", "kind", "fits"),
    [
        ("single", "array", DATA, False),
        ("single", "array", PACKET, True),
        ("array", "single", DATA, False),
        ("array", "single", ARRAY, False),
        ("array", "single", PACKET, True),
    ],
)
def test_quirk_packet_type_unchecked(
    release: str, strict: bool, source_type: str, packet_type: str, kind: int, fits: bool
) -> None:
    """A packet that a subscriber cannot take makes emitting fail; strict: trap. Packet subscribers take any."""
    rig = Rig(release=release, strict=strict)
    source, handle = rig.source("s", "it:Uint32", source_type)
    _, other_handle = rig.source("other", "it:Uint32", packet_type)
    make = rig.dataSourceNewPacketArray if packet_type == "array" else rig.dataSourceNewPacketSingle
    rig.subscribe(source, kind=kind)
    if fits:
        assert rig.dataSourceEmitAndRelease(handle, make(other_handle)) == 0
    else:
        expect_failure(rig, lambda: rig.dataSourceEmitAndRelease(handle, make(other_handle)), strict, (1,))
    assert len(rig.calls) == int(fits)


def stopping(rig: Rig, started: bool) -> tuple[int, Callable[[], int]]:
    """A gadget in gadgetStop that has a subscription made before or in gadgetStart; the emission of an own packet."""
    source, handle = rig.source("s", "it:Uint32")
    if started:
        rig.plane.started = True
    rig.subscribe(source, callback=1)
    rig.plane.started = True
    rig.plane.stop_delivering()
    return handle, lambda: rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))


@strict
@pytest.mark.parametrize("release", ["v0.38.1", "v0.39.0", ABI.newest])
@pytest.mark.parametrize("started", [False, True])
def test_quirk_stop_ends_callbacks(release: str, strict: bool, started: bool) -> None:
    """What gadgetStop emits reaches its subscriptions; strict: those made while starting are the gadget's end."""
    rig = Rig(release=release, strict=strict)
    _, emit = stopping(rig, started)
    if strict and started and release != "v0.38.1":
        with pytest.raises(EndError, match=r"dataSourceCallback: called while stopping"):
            emit()
        assert rig.calls == []
    else:
        assert emit() == 0
        assert len(rig.calls) == 1


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("started", [False, True])
def test_quirk_stop_ends_callbacks_that_a_callback_subscribed(started: bool, nested: bool) -> None:
    """A subscription made in a callback lives as long as that callback's own."""
    rig = Rig(strict=True)
    first, first_handle = rig.source("first", "it:Uint32")
    second, second_handle = rig.source("second", "it:Uint32")
    rig.plane.started = started
    rig.subscribe(first, callback=1)
    rig.plane.started = True

    def callback(number: int, s: int, data: int) -> None:
        if number == 1:
            rig.subscribe(second, callback=2)

    rig.on_callback = callback
    if nested:
        rig.dataSourceEmitAndRelease(first_handle, rig.dataSourceNewPacketSingle(first_handle))
    else:
        first.emit({"it": 1})
    assert rig.plane.started
    rig.plane.stop_delivering()
    packet = rig.dataSourceNewPacketSingle(second_handle)
    if started:
        with pytest.raises(EndError):
            rig.dataSourceEmitAndRelease(second_handle, packet)
    else:
        assert rig.dataSourceEmitAndRelease(second_handle, packet) == 0


@pytest.mark.parametrize("nested", [False, True])
def test_quirk_stop_ends_callbacks_whatever_trapped_before(nested: bool) -> None:
    """A callback that traps leaves nothing behind of the part of life that its subscription belongs to."""
    rig = Rig(strict=True)
    first, handle = rig.source("first", "it:Uint32")
    second, second_handle = rig.source("second", "it:Uint32")
    rig.subscribe(first, callback=TRAP)
    rig.plane.started = True
    if nested:
        rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))
    else:
        first.emit_batch([{"it": 1}] * 2)
    rig.subscribe(second)
    rig.plane.stop_delivering()
    with pytest.raises(EndError):
        rig.dataSourceEmitAndRelease(second_handle, rig.dataSourceNewPacketSingle(second_handle))


def test_a_subscription_made_while_stopping_is_called() -> None:
    """It is neither of before nor of the time that ended."""
    rig = Rig(strict=True)
    rig.plane.started = True
    rig.plane.stop_delivering()
    source, handle = rig.source("s", "it:Uint32")
    rig.subscribe(source)
    assert rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle)) == 0
    assert len(rig.calls) == 1


@strict
@everywhere
def test_quirk_event_after_stop(release: str, strict: bool) -> None:
    """Events after the stop are ignored; strict: the emitter gets an error, if the gadget subscribed."""
    rig = Rig(release=release, strict=strict)
    mine, _ = rig.source("mine", "it:Uint32")
    other, _ = rig.source("other", "it:Uint32")
    outs = [rig.registry.collect(name, -1) for name in ("mine", "other")]
    rig.subscribe(mine)
    rig.plane.stop_delivering()
    rig.plane.stopped_for_good()
    if strict:
        for _ in range(2):
            with pytest.raises(EmbedderError, match="the gadget was stopped"):
                mine.emit({"it": 1})
    else:
        mine.emit({"it": 1})
    other.emit({"it": 2})
    assert rig.calls == []
    assert [out.drain() for out in outs] == ([[{"it": 1}] * 2, [{"it": 2}]] if strict else [[], []])
