"""The life of a gadget, and its use from a few lines of Python."""

import gc
import subprocess
import sys
import threading
import warnings
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from gadget_abi import EmbedderError
from gadget_host import FieldSchema, Gadget, LogRecord, Phase, SourceSchema, Stats

# Doubles the field "pid" of each event of "open" into a field of its own, and logs each hook.
DOUBLE = """
(module
  (import "ig" "gadgetLog" (func $log (param i32 i64)))
  (import "ig" "getDataSource" (func $get (param i64) (result i32)))
  (import "ig" "dataSourceGetField" (func $field (param i32 i64) (result i32)))
  (import "ig" "dataSourceAddField" (func $add (param i32 i64 i32) (result i32)))
  (import "ig" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
  (import "ig" "fieldGetScalar" (func $scalar (param i32 i32 i32 i32) (result i64)))
  (import "ig" "fieldSet" (func $set (param i32 i32 i32 i64) (result i32)))
  (import "ig" "getParamValue" (func $param (param i64 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "open")
  (data (i32.const 72) "pid")
  (data (i32.const 80) "double")
  (data (i32.const 96) "init pre start stop post greeting")
  (global $pid (mut i32) (i32.const 0))
  (global $double (mut i32) (i32.const 0))
  (func $say (param $at i32) (param $size i32)
    (call $log (i32.const 2) (i64.or (i64.extend_i32_u (local.get $at))
      (i64.shl (i64.extend_i32_u (local.get $size)) (i64.const 32)))))
  (func (export "gadgetAPIVersion") (result i64) i64.const 1)
  (func (export "gadgetInit") (result i32) (local $open i32)
    (call $say (i32.const 96) (i32.const 4))
    (if (i32.eqz (local.tee $open (call $get (i64.const 0x400000040)))) (then (return (i32.const 0))))
    (global.set $pid (call $field (local.get $open) (i64.const 0x300000048)))
    (global.set $double (call $add (local.get $open) (i64.const 0x600000050) (i32.const 9)))
    (call $subscribe (local.get $open) (i32.const 1) (i32.const 0) (i64.const 7)))
  (func (export "gadgetPreStart") (result i32) (call $say (i32.const 101) (i32.const 3)) i32.const 0)
  (func (export "gadgetStart") (result i32)
    (call $say (i32.const 105) (i32.const 5))
    (if (i32.eqz (call $param (i64.const 0x800000079) (i64.const 0x0500000100)))
      (then (call $say (i32.const 0x100) (i32.const 5))))
    i32.const 0)
  (func (export "gadgetStop") (result i32) (call $say (i32.const 111) (i32.const 4)) i32.const 0)
  (func (export "gadgetPostStop") (result i32) (call $say (i32.const 116) (i32.const 4)) i32.const 0)
  (func (export "dataSourceCallback") (param $callback i64) (param $source i32) (param $data i32)
    (drop (call $set (global.get $double) (local.get $data) (i32.const 9)
      (i64.mul (i64.const 2)
        (call $scalar (global.get $pid) (local.get $data) (i32.const 8) (i32.const 0))))))
)
"""
WASM = bytes(wasmtime.wat2wasm(DOUBLE))
OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"),))
HOOKS = ["init", "pre", "start", "stop", "post"]


def messages(gadget: Gadget) -> list[str]:
    """What the gadget logged."""
    return [record.message for record in gadget.logs if record.origin == "gadget"]


def ready(**options: Any) -> tuple[Gadget, Any]:
    """A gadget with its source."""
    gadget = Gadget.load(WASM, name="double.wasm", **options)
    return gadget, gadget.add_source(OPEN)


def test_a_few_lines_run_a_gadget(tmp_path: Path) -> None:
    """Load, declare a source, start, emit, read back: events come out as the guest changed them."""
    path = tmp_path / "double.wasm"
    path.write_bytes(WASM)
    with Gadget.load(path) as gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        out = gadget.collect("open")
        opens.emit({"pid": 21})
        opens.emit_batch([{"pid": 1}, {"pid": 0xFFFFFFFF}])
        assert out.drain() == [
            {"pid": 21, "double": 42},
            {"pid": 1, "double": 2},
            {"pid": 0xFFFFFFFF, "double": 0x1FFFFFFFE},
        ]


def test_hooks_run_in_order_and_once() -> None:
    """gadgetInit, gadgetPreStart, gadgetStart, gadgetStop, gadgetPostStop, each once."""
    gadget, _ = ready()
    with gadget:
        gadget.start()
        gadget.stop()
        gadget.stop()
    assert messages(gadget) == HOOKS


def test_init_alone_shows_what_the_gadget_adds() -> None:
    """After init() the fields that the guest added are there, and gadgetStart has not run."""
    gadget, opens = ready()
    with gadget:
        gadget.init()
        assert [field.name for field in opens.schema.fields] == ["pid", "double"]
        assert messages(gadget) == ["init"]
    assert messages(gadget) == ["init"]


def test_phases_follow_the_calls() -> None:
    """The phase tells where the gadget is."""
    gadget, _ = ready()
    seen = [gadget.phase]
    for step in (gadget.init, gadget.start, gadget.stop, gadget.close):
        step()
        seen.append(gadget.phase)
    assert seen == [Phase.LOADED, Phase.READY, Phase.STARTED, Phase.STOPPED, Phase.CLOSED]


def test_events_after_the_stop_are_ignored() -> None:
    """Emitting to a stopped gadget does nothing, and what was collected before can still be read, also after
    the gadget was closed.
    """
    gadget, opens = ready()
    with gadget:
        gadget.start()
        out = gadget.collect("open")
        opens.emit({"pid": 1})
        gadget.stop()
        opens.emit({"pid": 2})
    assert out.drain() == [{"pid": 1, "double": 2}]


def test_a_missing_source_is_told() -> None:
    """The names that the gadget asked for in vain are known."""
    with Gadget.load(WASM) as gadget:
        gadget.start()
        assert gadget.missing_sources == ("open",)


def test_parameters_reach_the_guest() -> None:
    """getParamValue finds the values of the run."""
    gadget, _ = ready(params={"greeting": "hello"})
    with gadget:
        gadget.start()
        assert messages(gadget) == ["init", "pre", "start", "hello"]


def test_logs_reach_the_callback_as_they_come() -> None:
    """on_log is called with each record."""
    seen: list[LogRecord] = []
    gadget, _ = ready(on_log=seen.append)
    with gadget:
        gadget.start()
        assert [record.message for record in seen if record.origin == "gadget"] == HOOKS[:3]
        assert tuple(seen) == gadget.logs


def test_an_interrupt_in_a_callback_of_python_comes_out_and_the_gadget_still_stops() -> None:
    """KeyboardInterrupt raised by a subscriber comes out of emit as itself; gadgetStop runs afterwards."""
    gadget, opens = ready()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    def run() -> None:
        with gadget:
            gadget.start()
            opens.subscribe(interrupt)
            opens.emit({"pid": 1})

    with pytest.raises(KeyboardInterrupt):
        run()
    assert messages(gadget)[-2:] == ["stop", "post"]


def test_figures_count_what_happened() -> None:
    """Events, calls, pages and lines are counted; the figures stay readable after the gadget was closed."""
    gadget, opens = ready()
    with gadget:
        gadget.start()
        out = gadget.collect("open")
        opens.emit_batch([{"pid": n} for n in range(100)])
        assert len(out.drain()) == 100
    stats = gadget.stats
    assert stats == gadget.stats
    assert (stats.events_in, stats.events_out) == (100, 100)
    assert stats.guest_calls == 1 + len(HOOKS) + 100  # gadgetAPIVersion, hooks, callbacks
    assert stats.host_calls == 200 + len(HOOKS) + 5
    assert (stats.guest_pages, stats.errors, stats.log_lines) == (1, 0, len(gadget.logs))
    assert 0 < stats.seconds_guest < stats.seconds_total
    assert (stats.abi, stats.signature_set) == ("ig", "sig-6")
    assert (gadget.abi, gadget.signature_set, gadget.release) == ("ig", "sig-6", "v0.55.1")


def test_figures_are_those_of_the_command_line() -> None:
    """The names are those that --stats writes."""
    assert list(Stats.__slots__) == [
        "events_in",
        "events_out",
        "guest_calls",
        "host_calls",
        "seconds_total",
        "seconds_guest",
        "guest_pages",
        "log_lines",
        "errors",
        "abi",
        "signature_set",
    ]


def wrong_order() -> list[Any]:
    """Calls at the wrong time, and what is said about them."""

    def started(gadget: Gadget) -> Gadget:
        gadget.start()
        return gadget

    def closed(gadget: Gadget) -> Gadget:
        gadget.close()
        return gadget

    return [
        pytest.param(
            lambda g: started(g).start(), "cannot start the gadget: it is running", id="start twice"
        ),
        pytest.param(
            lambda g: started(g).init(), "cannot initialise the gadget: it is running", id="late init"
        ),
        pytest.param(
            lambda g: started(g).add_source(OPEN),
            "cannot add a source to the gadget: it is running",
            id="late source",
        ),
        pytest.param(
            lambda g: closed(g).start(), "cannot start the gadget: it is closed", id="start after close"
        ),
        pytest.param(
            lambda g: closed(g).collect("open"),
            "cannot collect from the gadget: it is closed",
            id="late collect",
        ),
    ]


@pytest.mark.parametrize(("call", "message"), wrong_order())
def test_calls_at_the_wrong_time_are_the_callers_fault(call: Any, message: str) -> None:
    """The message says what cannot be done and what the gadget is doing."""
    gadget, _ = ready()
    with gadget, pytest.raises(EmbedderError, match=f"double.wasm: {message}"):
        call(gadget)


@pytest.mark.parametrize("verb", ["stop", "close"])
def test_a_gadget_is_not_ended_from_inside(verb: str) -> None:
    """stop() and close() in a subscriber are refused, since the guest may be running below it."""
    gadget, opens = ready()
    with gadget:
        gadget.start()
        opens.subscribe(lambda _: getattr(gadget, verb)())
        with pytest.raises(EmbedderError, match=f"cannot {verb} the gadget from inside one of its callbacks"):
            opens.emit({"pid": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deadline": 0}, "deadline is 0"),
        ({"deadline": -1.0}, "deadline is -1.0"),
        ({"stop_deadline": 0}, "stop_deadline is 0"),
        ({"memory_pages": 0}, "memory_pages"),
        ({"memory_pages": 70000}, "memory_pages"),
        ({"clock": "broken"}, "clock is 'broken'"),
        ({"log_level": "loud"}, "no log level 'loud'"),
        ({"params": {"limit": 10}}, "parameter 'limit': the value 10 is no string"),
        ({"config": ["list"]}, "a configuration is a mapping"),
    ],
)
def test_settings_that_cannot_be_are_the_callers_fault(options: dict[str, Any], message: str) -> None:
    """Each wrong setting is named."""
    with pytest.raises(EmbedderError, match=message):
        Gadget.load(WASM, **options)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: array("B", data)])
def test_bytes_of_any_kind_are_a_module(kind: Callable[[bytes], Any]) -> None:
    """What gives bytes will do: wat2wasm, for one, gives a bytearray."""
    with Gadget.load(kind(WASM)) as gadget:
        assert gadget.name == "gadget"


@pytest.mark.parametrize("module", [None, 7, ["a.wasm"], {}])
def test_what_is_neither_a_path_nor_bytes_is_the_callers_fault(module: Any) -> None:
    """The message says what was given."""
    with pytest.raises(EmbedderError, match=f"as a path or as bytes, not as {type(module).__name__}"):
        Gadget.load(module)


def test_a_gadget_that_is_not_closed_is_warned_about() -> None:
    """Garbage collection closes it, with a ResourceWarning that names it."""
    before = set(threading.enumerate())
    gadget = Gadget.load(WASM, name="lost.wasm")
    gadget.start()
    box = [gadget]
    del gadget
    with pytest.warns(ResourceWarning, match=r"<Gadget lost\.wasm, running> was not closed"):
        box.clear()
    assert set(threading.enumerate()) <= before


def test_a_gadget_that_is_closed_is_not_warned_about() -> None:
    """Closing, in a with block or by hand, leaves nothing behind."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gadget, opens = ready()
        gadget.start()
        opens.emit({"pid": 1})
        gadget.close()
        gadget.close()
        del gadget, opens
        gc.collect()


def test_a_process_ends_quietly_with_a_gadget_open(tmp_path: Path) -> None:
    """A script that forgets to close its gadget ends without noise."""
    (tmp_path / "double.wasm").write_bytes(WASM)
    script = "from gadget_host import Gadget; g = Gadget.load('double.wasm'); g.start()"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_threads_share_a_gadget() -> None:
    """Events emitted from many threads at once are all delivered."""
    gadget, opens = ready()
    with gadget:
        gadget.start()
        out = gadget.collect("open")
        threads = [
            threading.Thread(target=lambda: [opens.emit({"pid": n}) for n in range(200)] and None)
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        events = out.drain()
    assert sorted(event["pid"] for event in events) == sorted(list(range(200)) * 4)
    assert all(event["double"] == 2 * event["pid"] for event in events)


def test_gadgets_are_apart() -> None:
    """Two gadgets in one process have their own sources, logs and figures."""
    first, opens = ready()
    second, _ = ready()
    with first, second:
        first.start()
        second.start()
        opens.emit({"pid": 1})
    assert (first.stats.events_in, second.stats.events_in) == (1, 0)


def test_a_hundred_gadgets_one_after_the_other() -> None:
    """What a gadget took is given back: many can run in one process."""
    for _ in range(100):
        gadget, opens = ready()
        with gadget:
            gadget.start()
            opens.emit({"pid": 1})
