"""What happens to events around the stop, from the outside."""

import pytest

from gadget_abi import EmbedderError, GuestError
from gadget_host import FieldSchema, Gadget, SourceSchema
from tests.host.puppet import MALLOC, imported, wat

OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"),))
NAMES = (
    *("getDataSource", "dataSourceSubscribe", "gadgetLog"),
    *("dataSourceNewPacketSingle", "dataSourceEmitAndRelease"),
)
RELEASES = pytest.mark.parametrize("release", ["v0.34.0", "v0.38.1", "v0.39.0", "v0.42.0", "v0.55.1"])


def emitter(release: str, subscribes_in: str) -> bytes:
    """A gadget that subscribes in a hook, logs "event" in its callback, and emits an event in gadgetStop."""
    subscribe = (
        """(drop (call $dataSourceSubscribe (global.get $open) (i32.const 1) (i32.const 0) (i64.const 1)))"""
    )
    hooks = "".join(
        f'(func (export "{hook}") (result i32) {subscribe if hook == subscribes_in else ""} i32.const 0)'
        for hook in ("gadgetPreStart", "gadgetStart")
    )
    return wat(
        f"""{imported(release, *NAMES)} (data (i32.const 8) "openevent") {MALLOC}
        (global $open (mut i32) (i32.const 0))
        (func (export "gadgetInit") (result i32)
          (global.set $open (call $getDataSource (i64.const 0x400000008)))
          {subscribe if subscribes_in == "gadgetInit" else ""} i32.const 0)
        {hooks}
        (func (export "gadgetStop") (result i32)
          (call $dataSourceEmitAndRelease (global.get $open)
            (call $dataSourceNewPacketSingle (global.get $open))))
        (func (export "dataSourceCallback") (param i64 i32 i32)
          (call $gadgetLog (i32.const 2) (i64.const 0x50000000c)))"""
    )


def events(gadget: Gadget) -> int:
    """How often the callback was called."""
    return sum(record.message == "event" for record in gadget.logs)


@RELEASES
@pytest.mark.parametrize("hook", ["gadgetInit", "gadgetPreStart", "gadgetStart"])
def test_quirk_stop_ends_callbacks_careful_whole_life(release: str, hook: str) -> None:
    """What gadgetStop emits reaches the gadget's own subscription, wherever that was made."""
    with Gadget.load(emitter(release, hook), release=release) as gadget:
        gadget.add_source(OPEN)
        gadget.start()
        out = gadget.collect("open")
        gadget.stop()
        assert events(gadget) == 1
        assert out.drain() == [{"pid": 0}]
        assert gadget.errors == ()


@RELEASES
@pytest.mark.parametrize("hook", ["gadgetPreStart", "gadgetStart"])
def test_quirk_stop_ends_callbacks_strict_whole_life(release: str, hook: str) -> None:
    """From v0.39.0 on a callback subscribed after gadgetInit that is called while stopping ends the gadget; until
    v0.41.2 that is logged only, as every failure of gadgetStop is.
    """
    gadget = Gadget.load(emitter(release, hook), name="g", release=release, strict=True)
    with gadget:
        gadget.add_source(OPEN)
        gadget.start()
        if release < "v0.39.0":
            gadget.stop()
            assert (events(gadget), gadget.errors) == (1, ())
            return
        if release >= "v0.42.0":
            with pytest.raises(GuestError, match="g: "):
                gadget.stop()
        else:
            gadget.stop()
        assert events(gadget) == 0
        assert len(gadget.errors) == 1
        with pytest.raises(GuestError, match="cannot be called any more"):
            gadget._runtime.call("gadgetAPIVersion")


@RELEASES
def test_quirk_stop_ends_callbacks_strict_of_gadget_init(release: str) -> None:
    """A subscription of gadgetInit lives as long as the gadget."""
    with Gadget.load(emitter(release, "gadgetInit"), release=release, strict=True) as gadget:
        gadget.add_source(OPEN)
        gadget.start()
        gadget.stop()
        assert (events(gadget), gadget.errors) == (1, ())


@RELEASES
def test_quirk_event_after_stop_careful_whole_life(release: str) -> None:
    """Events from outside are ignored from the stop on."""
    with Gadget.load(emitter(release, "gadgetInit"), release=release) as gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        gadget.stop()
        opens.emit({"pid": 1})
        assert events(gadget) == 1


@RELEASES
def test_quirk_event_after_stop_strict_whole_life(release: str) -> None:
    """Whoever emits after the stop what the gadget subscribed to gets an error, and the process lives."""
    with Gadget.load(emitter(release, "gadgetInit"), release=release, strict=True) as gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        gadget.stop()
        with pytest.raises(EmbedderError, match="was stopped"):
            opens.emit({"pid": 1})
        assert events(gadget) == 1


def test_quirk_event_after_stop_strict_without_a_subscription() -> None:
    """A source that the gadget did not subscribe to takes events as ever."""
    with Gadget.load(emitter("v0.55.1", ""), strict=True) as gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        out = gadget.collect("open")
        gadget.stop()
        opens.emit({"pid": 1})
        assert out.drain() == [{"pid": 0}, {"pid": 1}]
