"""Guests that misbehave in each of their exports: the host says whose fault it was and goes on."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import wasmtime

import gadget_abi
from gadget_abi import GuestError
from gadget_host import FieldSchema, Gadget, SourceSchema

ABI = gadget_abi.load()
HOOKS = [export.name for export in ABI.exports.values() if export.hook]
EXPORTS = ["gadgetAPIVersion", "_initialize", *HOOKS]
CALLBACK = "dataSourceCallback"
OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"),))

IMPORTS = """
  (import "ig" "gadgetLog" (func $log (param i32 i64)))
  (import "ig" "getDataSource" (func $get (param i64) (result i32)))
  (import "ig" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
  (import "ig" "dataSourceNewPacketSingle" (func $packet (param i32) (result i32)))
  (import "ig" "dataSourceEmitAndRelease" (func $emit (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "open")
  (data (i32.const 128) "a line")
  (global $open (mut i32) (i32.const 0))
  (global $nested (mut i32) (i32.const 0))
  (table 1 funcref)
  (func $deeper (result i32) (i32.add (call $deeper) (i32.const 1)))
  (func $find (global.set $open (call $get (i64.const 0x400000040))))
  (func $subscribe_open
    (call $find)
    (drop (call $subscribe (global.get $open) (i32.const 1) (i32.const 0) (i64.const 7))))
"""

MISDEEDS = {
    "abort": ("unreachable", "executed `unreachable`"),
    "load beyond memory": ("(drop (i32.load (i32.const -4)))", "accessed memory beyond its end"),
    "store beyond memory": ("(i64.store (i32.const 65530) (i64.const 0))", "accessed memory beyond its end"),
    "copy beyond memory": (
        "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))",
        "accessed memory beyond its end",
    ),
    "divide by zero": ("(drop (i32.div_u (i32.const 1) (i32.const 0)))", "divided by zero"),
    "overflow": (
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
        "overflowed an integer division",
    ),
    "bad float": (
        "(drop (i32.trunc_f64_s (f64.const nan)))",
        "converted a float that is no integer",
    ),
    "null function": ("(call_indirect (i32.const 0))", "called through a null function pointer"),
    "function beyond table": (
        "(call_indirect (i32.const 9))",
        "called through a function pointer beyond the table",
    ),
    "endless recursion": ("(drop (call $deeper))", "used up its stack"),
}
ENDS = {
    "endless loop": ("(loop $again (br $again))", "ran longer than its deadline of 0.2 s"),
    "endless logging": (
        "(loop $again (call $log (i32.const 2) (i64.const 0x600000080)) (br $again))",
        "ran longer than its deadline of 0.2 s",
    ),
    "exit": ("(call $exit (i32.const 0))", r"the gadget called proc_exit(0)"),
    "exit with a code": ("(call $exit (i32.const 3))", r"the gadget called proc_exit(3)"),
}


def module(bodies: dict[str, str], *, start: str = "") -> bytes:
    """A gadget with the given function bodies; its gadgetInit subscribes to "open"."""
    bodies = {"gadgetInit": "(call $subscribe_open)", CALLBACK: ""} | bodies
    functions = [f'(func (export "{name}") {_typed(name, body)})' for name, body in bodies.items()]
    if "gadgetAPIVersion" not in bodies:
        functions.append('(func (export "gadgetAPIVersion") (result i64) i64.const 1)')
    text = f"(module {IMPORTS} {' '.join(functions)} {start})"
    return bytes(wasmtime.wat2wasm(text))


def _typed(name: str, body: str) -> str:
    if name == CALLBACK:
        return f"(param i64 i32 i32) {body}"
    if name == "_initialize":
        return body
    return (
        f"(result i64) {body} i64.const 1"
        if name == "gadgetAPIVersion"
        else f"(result i32) {body} i32.const 0"
    )


def load(wasm: bytes, **options: Any) -> Gadget:
    """Load a gadget called bad.wasm that has 0.2 seconds for each call."""
    options = {"deadline": 0.2, "stop_deadline": 0.2} | options
    gadget = Gadget.load(wasm, name="bad.wasm", **options)
    gadget.add_source(OPEN)
    return gadget


def live(gadget: Gadget) -> None:
    """The whole life of a gadget, with one event."""
    with gadget:
        gadget.start()
        gadget.sources["open"].emit({"pid": 1})


@pytest.fixture(autouse=True)
def everything_goes_on() -> Iterator[None]:
    """After each test a good gadget runs in the same process, and no thread is left."""
    before = watchdogs()
    yield
    good = load(module({}), deadline=60)
    live(good)
    assert good.stats.guest_calls == 3
    assert good.errors == ()
    assert watchdogs() <= before


def watchdogs() -> set[threading.Thread]:
    """The watchdog threads there are; other tests of the process may have a gadget open."""
    return {thread for thread in threading.enumerate() if thread.name == "gadget-watchdog"}


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("name", [*MISDEEDS, *ENDS])
def test_a_lifecycle_export_that_fails_is_named(export: str, name: str) -> None:
    """The message names module, export and reason; the life of the gadget ends there."""
    body, reason = (MISDEEDS | ENDS)[name]
    gadget = load(module({export: body}))
    with pytest.raises(GuestError) as error:
        live(gadget)
    assert str(error.value).startswith(f"bad.wasm: {export}: ")
    assert reason in str(error.value)
    assert gadget.stats.errors == 1


@pytest.mark.parametrize("name", MISDEEDS)
def test_a_callback_that_traps_does_not_stop_the_others(name: str) -> None:
    """The trap is logged and counted; the event goes on to other subscribers, and the next one is tried."""
    body, reason = MISDEEDS[name]
    gadget = load(module({CALLBACK: body}))
    with gadget:
        gadget.start()
        out = gadget.collect("open")
        gadget.sources["open"].emit_batch([{"pid": 1}, {"pid": 2}, {"pid": 3}])
        assert out.drain() == [{"pid": 1}, {"pid": 2}, {"pid": 3}]
        gadget.sources["open"].emit({"pid": 4})
    assert gadget.stats.errors == 4
    assert [error.function for error in gadget.errors] == [CALLBACK] * 4
    messages = [record.message for record in gadget.logs if record.level_name == "error"]
    assert len(messages) == 4
    assert all(m.startswith(f"bad.wasm: {CALLBACK}: trapped: ") and reason in m for m in messages)


@pytest.mark.parametrize("name", ENDS)
def test_a_callback_that_ends_the_gadget_ends_the_emit(name: str) -> None:
    """The emit fails with a GuestError, later ones fail at once, and gadgetStop is not run."""
    body, reason = ENDS[name]
    gadget = load(module({CALLBACK: body, "gadgetStop": "unreachable"}))
    opens = gadget.sources["open"]
    gadget.start()
    with pytest.raises(GuestError) as error:
        opens.emit_batch([{"pid": 1}] * 1000)
    assert str(error.value).startswith(f"bad.wasm: {CALLBACK}: {reason}")
    start = time.monotonic()
    with pytest.raises(GuestError, match="cannot be called any more"):
        opens.emit({"pid": 1})
    with pytest.raises(GuestError, match="cannot be called any more"):
        gadget.stop()
    assert time.monotonic() - start < 0.15
    gadget.close()


def test_the_end_of_a_gadget_is_said_once() -> None:
    """A caller who has caught the error of the emit leaves the with block quietly."""
    with load(module({CALLBACK: "(call $exit (i32.const 3))"})) as gadget:
        gadget.start()
        with pytest.raises(GuestError, match="proc_exit"):
            gadget.sources["open"].emit({"pid": 1})
    assert gadget.stats.errors == 1


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("code", [1, 2, -1])
def test_a_hook_that_returns_a_number_has_failed(hook: str, code: int) -> None:
    """Any result but 0 fails the phase, and the message gives the number."""
    gadget = load(module({hook: f"(return (i32.const {code}))"}))
    with pytest.raises(GuestError) as error:
        live(gadget)
    assert str(error.value) == f"bad.wasm: {hook}: failed: it returned {code}"


@pytest.mark.parametrize("version", [0, 2, -1])
def test_another_version_is_refused(version: int) -> None:
    """gadgetAPIVersion must return 1; the message gives both numbers."""
    gadget = load(module({"gadgetAPIVersion": f"(return (i64.const {version}))"}))
    with pytest.raises(GuestError) as error:
        live(gadget)
    assert str(error.value) == f"bad.wasm: gadgetAPIVersion: returned {version}; this host knows version 1"


GROW = """
  (if (i32.ne (memory.grow (i32.const 255)) (i32.const 1)) (then unreachable))
  (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
  (if (i32.ne (memory.size) (i32.const 256)) (then unreachable))
  (i32.store (i32.const 0xfffffc) (i32.const 1))
"""


@pytest.mark.parametrize("export", EXPORTS[1:])
def test_memory_grows_to_the_limit_and_not_beyond(export: str) -> None:
    """A guest gets its 256 pages, wherever it asks, and -1 for one more; the gadget runs on."""
    body = f"(call $subscribe_open) {GROW}" if export == "gadgetInit" else GROW
    gadget = load(module({export: body}))
    live(gadget)
    assert gadget.stats.guest_pages == 256


def test_memory_grows_in_a_callback() -> None:
    """A callback that takes all memory gets the events all the same."""
    gadget = load(module({CALLBACK: "(drop (memory.grow (i32.const 255)))"}))
    live(gadget)
    assert (gadget.stats.guest_pages, gadget.errors) == (256, ())


def test_a_failed_start_is_not_stopped() -> None:
    """After a gadgetStart that failed, gadgetStop and gadgetPostStop are not called."""
    gadget = load(
        module({"gadgetStart": "unreachable", "gadgetStop": "unreachable", "gadgetPostStop": "unreachable"})
    )
    with pytest.raises(GuestError, match="gadgetStart: trapped"), gadget:
        gadget.start()
    assert gadget.stats.errors == 1


def test_a_failed_stop_is_cleaned_up_after() -> None:
    """gadgetPostStop runs although gadgetStop failed, whose error is the one reported."""
    stop = {
        "gadgetStop": "unreachable",
        "gadgetPostStop": "(call $log (i32.const 2) (i64.const 0x600000080))",
    }
    gadget = load(module(stop))
    with pytest.raises(GuestError, match="gadgetStop: trapped"):
        live(gadget)
    assert gadget.logs[-1].message == "a line"


def test_a_log_flood_is_bounded() -> None:
    """A hundred thousand lines leave at most ten thousand records and a line that counts the rest."""
    flood = """(local $n i32)
      (loop $again
        (call $log (i32.const 2) (i64.const 0x600000080))
        (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100000))))"""
    gadget = load(module({"gadgetStart": flood}), deadline=120)
    live(gadget)
    assert len(gadget.logs) <= 10_000
    assert "log lines were dropped" in gadget.logs[-1].message


def test_a_huge_log_line_is_cut() -> None:
    """A line as long as memory is logged up to a bound, and says so."""
    gadget = load(module({"gadgetStart": "(call $log (i32.const 2) (i64.const 0x1000000000000))"}))
    live(gadget)
    (record,) = gadget.logs
    assert len(record.message) == 65536


EMIT = """
  (global.set $nested (i32.add (global.get $nested) (i32.const 1)))
  (drop (call $emit (global.get $open) (call $packet (global.get $open))))
"""


def test_emitting_from_inside_a_callback_has_an_end() -> None:
    """A callback that emits onto its own source reaches a depth of 16, a warning, and no deadlock."""
    gadget = load(module({CALLBACK: EMIT}), deadline=60)
    with gadget:
        gadget.start()
        out = gadget.collect("open")
        gadget.sources["open"].emit({"pid": 1})
        assert len(out.drain()) == 16
    assert any("inside one another" in record.message for record in gadget.logs)
    assert gadget.errors == ()


def test_a_trap_deep_inside_leaves_the_outer_callbacks_running() -> None:
    """When the innermost of nested callbacks traps, only that one dies."""
    body = f"{EMIT} (if (i32.ge_u (global.get $nested) (i32.const 5)) (then unreachable))"
    guarded = f"(if (i32.lt_u (global.get $nested) (i32.const 5)) (then {body}))"
    gadget = load(module({CALLBACK: guarded}), deadline=60)
    with gadget:
        gadget.start()
        out = gadget.collect("open")
        gadget.sources["open"].emit({"pid": 1})
        assert len(out.drain()) == 6
    assert 1 <= gadget.stats.errors <= 5


FOREVER = """
  (loop $again
    (drop (call $emit (global.get $open) (call $packet (global.get $open))))
    (br $again))
"""


def test_emitting_for_ever_meets_the_deadline() -> None:
    """A hook that emits without end is interrupted, though each callback it causes is short."""
    gadget = load(module({"gadgetStart": FOREVER}))
    with pytest.raises(GuestError, match="gadgetStart: ran longer than its deadline"):
        live(gadget)


def test_a_trap_in_the_start_section_is_named() -> None:
    """The (start) section runs when the gadget is initialised; its trap ends that."""
    wasm = module({}, start="(func $go unreachable) (start $go)")
    words = r"^bad\.wasm: \(start\): trapped: executed `unreachable`"
    with load(wasm) as gadget, pytest.raises(GuestError, match=words):
        gadget.init()


def test_an_endless_start_section_is_interrupted() -> None:
    """The (start) section has the deadline of any call."""
    wasm = module({}, start="(func $go (loop $again (br $again))) (start $go)")
    words = r"^bad\.wasm: \(start\): ran longer than its deadline"
    with load(wasm) as gadget, pytest.raises(GuestError, match=words):
        gadget.init()


@pytest.mark.parametrize(
    "call",
    [
        "(drop (call $get (i64.const 0x400000040)))",
        "(call $log (i32.const 2) (i64.const 0x600000080))",
        "(drop (call $packet (i32.const 1)))",
        "(call $subscribe_open)",
    ],
)
def test_host_calls_from_the_start_section_work(call: str) -> None:
    """Hot and cold functions do there what they do in `_initialize`."""
    live(load(module({}, start=f"(func $go {call}) (start $go)")))


def test_host_calls_from_initialize_work() -> None:
    """`_initialize` may call the host, also to subscribe."""
    gadget = load(module({"_initialize": "(call $subscribe_open)", "gadgetInit": ""}))
    live(gadget)
    assert gadget.stats.guest_calls == 4


def test_too_large_a_table_is_refused() -> None:
    """A table of more elements than a gadget may have keeps the module from being instantiated."""
    with pytest.raises(GuestError, match=r"^bad\.wasm: cannot be instantiated: "):
        load(module({}, start="(table 2000000 funcref)"))


def test_a_data_segment_beyond_memory_is_refused() -> None:
    """A module whose data does not fit its memory cannot be instantiated."""
    with pytest.raises(
        GuestError, match=r"^bad\.wasm: cannot be instantiated: its data reaches beyond the end"
    ):
        load(module({}, start='(data (i32.const 65536) "x")'))


def test_elements_beyond_their_table_are_refused() -> None:
    """A module whose functions do not fit its table cannot be instantiated."""
    with pytest.raises(
        GuestError, match=r"^bad\.wasm: cannot be instantiated: its elements reach beyond the end"
    ):
        load(module({}, start="(table 1 funcref) (func $go) (elem (i32.const 1) $go)"))
