"""A malloc that misbehaves while events pass: fieldGet in a callback, thousands of times."""

import pytest

from gadget_abi import GuestError
from gadget_host import FieldSchema, Gadget, SourceSchema
from tests.host.puppet import imported, wat

OPEN = SourceSchema("open", "single", (FieldSchema("name", "String"), FieldSchema("ok", "Uint32")))
NAMES = (
    *("getDataSource", "dataSourceGetField", "dataSourceSubscribe", "fieldGet", "fieldSet", "gadgetLog"),
    *("dataSourceNewPacketSingle", "dataSourceEmitAndRelease", "newDataSource"),
)


def guest(malloc: str) -> bytes:
    """A gadget whose callback reads "name" with a malloc of that body ($size is its parameter), and keeps what it
    got in "ok": 1 for something, 0 for nothing.
    """
    return wat(
        f"""{imported("v0.37.0", *NAMES)} (data (i32.const 8) "opennameok")
        (global $open (mut i32) (i32.const 0)) (global $name (mut i32) (i32.const 0))
        (global $ok (mut i32) (i32.const 0)) (global $next (mut i32) (i32.const 0x1000))
        (func $bump (param $size i32) (result i32)
          (global.get $next) (global.set $next (i32.add (global.get $next) (local.get $size))))
        (func $malloc (export "malloc") (param $size i32) (result i32) {malloc})
        (func (export "gadgetInit") (result i32)
          (global.set $open (call $getDataSource (i64.const 0x400000008)))
          (global.set $name (call $dataSourceGetField (global.get $open) (i64.const 0x40000000c)))
          (global.set $ok (call $dataSourceGetField (global.get $open) (i64.const 0x200000010)))
          (call $dataSourceSubscribe (global.get $open) (i32.const 1) (i32.const 0) (i64.const 1)))
        (func (export "dataSourceCallback") (param i64 i32 i32)
          (drop (call $fieldSet (global.get $ok) (local.get 2) (i32.const 8) (i64.extend_i32_u (i64.ne (i64.const 0)
            (call $fieldGet (global.get $name) (local.get 2) (i32.const 12)))))))"""
    )


def passed(malloc: str, events: int = 1, name: str = "event {}") -> tuple[list[int], Gadget]:
    """What the callback got for each of the events, and the gadget, closed."""
    gadget = Gadget.load(guest(malloc), name="g")
    with gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        out = gadget.collect("open")
        opens.emit_batch([{"name": name.format(n), "ok": 7} for n in range(events)])
        return [event["ok"] for event in out.drain()], gadget


@pytest.mark.parametrize(
    ("malloc", "reason", "errors"),
    [
        ("i32.const 0", "malloc(7) returned 0", 0),
        ("i32.const 0x10000", "malloc(7) returned 0x10000, and the memory ends at 0x10000", 0),
        ("unreachable", "malloc(7) trapped: executed `unreachable`", 1),
        ("(i32.div_u (i32.const 1) (i32.const 0))", "malloc(7) trapped: divided by zero", 1),
    ],
)
def test_a_failing_malloc_costs_the_value_and_no_more(malloc: str, reason: str, errors: int) -> None:
    """fieldGet gives 0 in that callback, the log says why, and the event goes on."""
    got, gadget = passed(malloc, 10)
    assert got == [0] * 10
    warnings = [record.message for record in gadget.logs]
    assert len(warnings) == 10
    assert all(warning.startswith(f"fieldGet: {reason}") for warning in warnings)
    assert gadget.stats.errors == 10 * errors


def test_memory_used_up_is_an_end_to_values_only() -> None:
    """A malloc that never frees gives addresses until its memory ends; then it fails, event by event."""
    got, gadget = passed("(call $bump (local.get $size))", 1_000, name="x" * 100)
    assert got[0] == 1
    assert got[-1] == 0
    assert got == sorted(got, reverse=True)
    assert gadget.stats.guest_pages == 1


def test_memory_may_grow_in_malloc_in_a_callback() -> None:
    """Two hundred pages, one for each event; then memory.grow says no, and malloc traps."""
    got, gadget = passed(
        "(local $at i32) (local.set $at (memory.grow (i32.const 1)))"
        "(if (i32.eq (local.get $at) (i32.const -1)) (then unreachable))"
        "(i32.mul (local.get $at) (i32.const 65536))",
        300,
    )
    assert sum(got) == 255
    assert gadget.stats.guest_pages == 256


def test_malloc_may_emit_what_it_is_called_for() -> None:
    """malloc emits on the very source whose callback called it: that nests, and ends."""
    emits = """(drop (call $dataSourceEmitAndRelease (global.get $open)
        (call $dataSourceNewPacketSingle (global.get $open))))"""
    got, gadget = passed(f"{emits} (call $bump (local.get $size))", 3)
    assert got == [1] * 3 * 16
    assert [record.message for record in gadget.logs] == [
        "dataSourceEmitAndRelease: 16 packets are being delivered inside one another"
    ] * 3


def test_malloc_that_subscribes_and_makes_sources() -> None:
    """What malloc does to the host it may do at any time."""
    makes = "(drop (call $newDataSource (i64.const 0x400000008) (i32.const 1)))"
    got, gadget = passed(f"{makes} (call $bump (local.get $size))", 5)
    assert got == [1] * 5
    assert gadget.errors == ()


def test_an_endless_malloc_in_a_callback_ends_the_gadget_in_time() -> None:
    """The callback's deadline is malloc's; the emitter hears of it."""
    gadget = Gadget.load(guest("(loop $l (br $l)) unreachable"), name="g", deadline=0.2)
    with gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        with pytest.raises(GuestError, match=r"deadline of 0\.2 s and was interrupted in malloc"):
            opens.emit_batch([{"name": "a"}, {"name": "b"}])
        assert len(gadget.errors) == 1
        with pytest.raises(GuestError, match="cannot be called any more"):
            opens.emit({"name": "c"})


def test_a_recursive_malloc_in_a_callback_ends_at_its_stack() -> None:
    """Endless recursion is a trap of malloc's, and of nothing else."""
    got, gadget = passed("(call $malloc (local.get $size))", 3)
    assert got == [0, 0, 0]
    assert all("malloc(7) trapped: used up its stack" in record.message for record in gadget.logs)
