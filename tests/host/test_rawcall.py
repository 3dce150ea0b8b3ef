"""A host function that only calls another wasm function: what comes of it, and what goes wrong in it."""

import gc
import threading
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
import wasmtime
from wasmtime._ffi import wasmtime_func_t

from gadget_host import _rawcall
from gadget_host._rawcall import Forward

WAT = """(module
  (import "host" "forward" (func $forward (param i64) (result i64)))
  (import "host" "python" (func $python (param i64) (result i64)))
  (func (export "call") (param i64) (result i64) (call $forward (local.get 0)))
  (func (export "double") (param i64) (result i64) (i64.add (local.get 0) (local.get 0)))
  (func (export "trap") (param i64) (result i64) unreachable)
  (func $deeper (export "deeper") (param i64) (result i64) (i64.add (call $deeper (local.get 0)) (i64.const 1)))
  (func (export "forever") (param i64) (result i64) (loop $again (br $again)) unreachable)
  (func (export "python") (param i64) (result i64) (call $python (local.get 0)))
  (func (export "down") (param i64) (result i64)
    (if (result i64) (i64.eqz (local.get 0))
      (then (i64.const 100))
      (else (i64.add (i64.const 1) (call $forward (i64.sub (local.get 0) (i64.const 1))))))))
"""
ODD = -0x7FFF_FFFF_0123_4567  # every half of it tells


class Guest:
    """A module that calls `target` through a Forward; its import from Python does what `python` does."""

    def __init__(self, target: str) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        self.store = wasmtime.Store(wasmtime.Engine(config))
        self.store.set_epoch_deadline(1)
        forward = Forward.new(self.store)
        assert forward is not None
        self.forward, self.python = forward, lambda value: value
        i64 = wasmtime.ValType.i64()
        me = weakref.ref(self)
        python = wasmtime.Func(self.store, wasmtime.FuncType([i64], [i64]), lambda value: me().python(value))  # type: ignore[union-attr]
        module = wasmtime.Module(self.store.engine, WAT)
        instance = wasmtime.Instance(self.store, module, [forward.function, python])
        self.exports: dict[str, Any] = dict(instance.exports(self.store).items())
        forward.to(self.exports[target])

    def __call__(self, value: int) -> int:
        """Call it from wasm."""
        return int(self.exports["call"](self.store, value))


@pytest.mark.parametrize("value", [0, 1, -1, ODD, 1 << 61])
def test_the_result_is_the_other_functions(value: int) -> None:
    """All 64 bits of argument and result are passed on; nothing is said to have failed."""
    guest = Guest("double")
    doubled = 2 * value & (1 << 64) - 1
    assert guest(value) & (1 << 64) - 1 == doubled
    assert guest.forward.failure() is None


def test_it_can_be_called_inside_itself() -> None:
    """Each call has a slot of its own."""
    assert Guest("down")(10) == 110


@pytest.mark.parametrize(
    ("target", "code"),
    [("trap", wasmtime.TrapCode.UNREACHABLE), ("deeper", wasmtime.TrapCode.STACK_OVERFLOW)],
)
def test_a_trap_gives_the_argument_back(target: str, code: wasmtime.TrapCode) -> None:
    """The caller goes on with it; the trap itself is told, once."""
    guest = Guest(target)
    for _ in range(3):
        assert guest(ODD) == ODD
        trap = guest.forward.failure()
        assert isinstance(trap, wasmtime.Trap)
        assert trap.trap_code == code
        assert guest.forward.failure() is None


def test_an_interrupt_is_a_trap() -> None:
    """An endless loop ends when the epoch moves; whoever called it is told."""
    guest = Guest("forever")
    timer = threading.Timer(0.05, guest.store.engine.increment_epoch)
    timer.start()
    assert guest(ODD) == ODD
    timer.join()
    trap = guest.forward.failure()
    assert isinstance(trap, wasmtime.Trap)
    assert trap.trap_code == wasmtime.TrapCode.INTERRUPT


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_what_python_raises_in_it_is_told(error: BaseException) -> None:
    """It is the very exception; the caller gets the argument back, and the next call works."""

    def fail(value: int) -> int:
        raise error

    guest = Guest("python")
    guest.python = fail
    assert guest(ODD) == ODD
    assert guest.forward.failure() is error
    assert guest.forward.failure() is None
    guest.python = lambda value: 7
    assert guest(ODD) == 7
    assert guest.forward.failure() is None


def test_a_store_that_nobody_needs_goes() -> None:
    """What keeps the function alive does not keep its store alive."""
    guest = Guest("double")
    store, callback = weakref.ref(guest.store), weakref.ref(guest.forward)
    assert guest(2) == 4
    gc.disable()
    try:
        del guest
        assert store() is None
        assert callback() is None
    finally:
        gc.enable()


def test_gadgets_leave_nothing_behind() -> None:
    """Neither functions nor types of ctypes pile up with them."""

    def count() -> int:
        Guest("double")(1)
        gc.collect()
        return len(gc.get_objects())

    counts = [count() for _ in range(6)]
    assert counts[-1] == counts[-3]


def test_it_outlives_the_object_that_made_it() -> None:
    """As long as the store is there, wasm can call it."""
    guest = Guest("double")
    del guest.forward
    gc.collect()
    assert guest(21) == 42


def test_without_such_bindings_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wasmtime-py that has them no longer is no error: the caller has another way."""
    store = wasmtime.Store()
    monkeypatch.setattr(_rawcall, "ffi", SimpleNamespace(wasmtime_func_t=wasmtime_func_t))
    assert Forward.new(store) is None


@pytest.mark.parametrize("answer", [0, 7])
def test_bindings_that_do_something_else_are_not_used(monkeypatch: pytest.MonkeyPatch, answer: int) -> None:
    """They are tried before wasm calls them."""
    store = wasmtime.Store()
    monkeypatch.setattr(Forward, "_call", lambda self: lambda *args: answer or None)
    assert Forward.new(store) is None


def test_ctypes_that_refuses_the_call_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception in it comes when it is tried, and is no error."""
    store = wasmtime.Store()
    monkeypatch.setattr(Forward, "_call", lambda self: lambda: None)
    assert Forward.new(store) is None
