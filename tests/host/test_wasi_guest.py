"""WASI as a guest meets it, through its imports."""

import time

import pytest
import wasmtime

from gadget_abi import GuestError
from gadget_abi.wasi import MODULE, SIGNATURES
from gadget_host import Gadget


def gadget(body: str, **options: object) -> Gadget:
    """A gadget whose gadgetStart has the given body and every function of WASI to call."""
    imports = []
    for name, (params, results) in SIGNATURES.items():
        text = f"(param {' '.join(params)}) (result {' '.join(results)})"
        imports.append(f'(import "{MODULE}" "{name}" (func ${name} {text}))')
    wat = f"""(module {" ".join(imports)}
      (import "ig" "gadgetLog" (func $log (param i32 i64)))
      (memory (export "memory") 1)
      (data (i32.const 0) "\\40\\00\\00\\00\\0c\\00\\00\\00")
      (data (i32.const 64) "hello\\nworld\\n")
      (func (export "gadgetAPIVersion") (result i64) i64.const 1)
      (func (export "gadgetStart") (result i32) {body} i32.const 0))"""
    return Gadget.load(bytes(wasmtime.wat2wasm(wat)), name="w.wasm", **options)  # type: ignore[arg-type]


WRITE = "(if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)) (then unreachable))"
LOG_CLOCK = """
  (if (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 128)) (then unreachable))
  (call $log (i32.const 2) (i64.const 0x800000080))
"""
SLEEP_A_SECOND = """
  (i64.store (i32.const 280) (i64.const 1000000000))
  (loop $again
    (drop (call $poll_oneoff (i32.const 256) (i32.const 512) (i32.const 1) (i32.const 1024)))
    (br $again))
"""


def test_every_function_can_be_imported() -> None:
    """A module that imports all of preview 1 is instantiated and runs."""
    with gadget("") as guest:
        guest.start()


def test_what_is_written_is_thrown_away() -> None:
    """By default nothing of stdout is kept."""
    with gadget(WRITE, log_level="trace") as guest:
        guest.start()
        assert guest.logs == ()


def test_what_is_written_can_be_logged() -> None:
    """On request each line that is written becomes a log line at level debug."""
    with gadget(WRITE, log_level="debug", log_stdout=True) as guest:
        guest.start()
        assert [str(record) for record in guest.logs] == ["debug: hello", "debug: world"]


def test_the_clock_is_fixed_by_default() -> None:
    """The guest reads the real host's made-up time."""
    with gadget(LOG_CLOCK) as guest:
        guest.start()
        raw = guest.logs[0].message.encode("utf-8", "surrogateescape")
    assert int.from_bytes(raw, "little") == 1640995200 * 10**9


def test_the_clock_can_be_real() -> None:
    """With clock="real" the guest reads this machine's time."""
    with gadget(LOG_CLOCK, clock="real") as guest:
        guest.start()
        raw = guest.logs[0].message.encode("utf-8", "surrogateescape")
    assert abs(int.from_bytes(raw, "little") - time.time_ns()) < 60 * 10**9


def test_sleeping_is_the_guests_time() -> None:
    """A guest that sleeps for ever on real clocks meets its deadline."""
    start = time.monotonic()
    with (
        pytest.raises(GuestError, match=r"^w\.wasm: gadgetStart: ran longer than its deadline of 0\.1 s"),
        gadget(SLEEP_A_SECOND, clock="real", deadline=0.1) as guest,
    ):
        guest.start()
    assert time.monotonic() - start < 10


def test_sleeping_on_fixed_clocks_ends_as_well() -> None:
    """A guest that only sleeps, in no time, meets its deadline too."""
    with (
        pytest.raises(GuestError, match=r"^w\.wasm: gadgetStart: ran longer than its deadline of 0\.1 s"),
        gadget(SLEEP_A_SECOND, deadline=0.1) as guest,
    ):
        guest.start()
