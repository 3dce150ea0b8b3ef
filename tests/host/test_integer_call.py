"""Functions of integers, called without looking their types up each time: as wasmtime-py's own call does."""

from typing import Any

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from gadget_host._rawcall import integer_call

WAT = """(module
  (import "host" "python" (func $python (param i64) (result i64)))
  (func (export "both") (param i32 i64) (result i64) (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))
  (func (export "narrow") (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
  (func (export "nothing"))
  (func (export "trap") (result i32) unreachable)
  (func (export "python") (param i64) (result i64) (i64.add (call $python (local.get 0)) (local.get 0))))
"""
I32, I64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)


class Guest:
    """A module whose import does what `python` does."""

    def __init__(self) -> None:
        self.store = wasmtime.Store()
        self.python: Any = lambda value: value
        i64 = wasmtime.ValType.i64()
        python = wasmtime.Func(self.store, wasmtime.FuncType([i64], [i64]), lambda value: self.python(value))
        module = wasmtime.Module(self.store.engine, WAT)
        self.exports = wasmtime.Instance(self.store, module, [python]).exports(self.store)

    def function(self, name: str) -> wasmtime.Func:
        """An export."""
        found = self.exports[name]
        assert isinstance(found, wasmtime.Func)
        return found

    def call(self, name: str) -> Any:
        """What calls an export."""
        return integer_call(self.store, self.function(name))


GUEST = Guest()


@given(I32, I64)
def test_arguments_and_results_are_those_of_the_usual_call(small: int, large: int) -> None:
    """Both widths, at their extremes, signed as wasmtime-py has them."""
    for name, args in (("both", (small, large)), ("narrow", (large,)), ("nothing", ())):
        assert GUEST.call(name)(*args) == GUEST.function(name)(GUEST.store, *args)


def test_unsigned_arguments_are_taken_for_their_bits() -> None:
    """An address may have its highest bit set."""
    assert GUEST.call("both")(0xFFFFFFFF, 0) == -1
    assert GUEST.call("narrow")(1 << 64 | 7) == 7


def test_a_call_inside_a_call_changes_nothing_of_the_outer_one() -> None:
    """The places of the values are shared; they are free again when the guest runs."""
    guest = Guest()
    call = guest.call("python")
    guest.python = lambda value: call(value - 1) if value else 0
    assert call(4) == 4 + 3 + 2 + 1


def test_a_trap_is_raised() -> None:
    """And says where."""
    with pytest.raises(wasmtime.Trap, match="unreachable"):
        GUEST.call("trap")()


def test_what_python_raises_in_it_comes_out() -> None:
    """The very exception."""
    guest, error = Guest(), ZeroDivisionError("mine")

    def python(value: int) -> int:
        raise error

    guest.python = python
    with pytest.raises(ZeroDivisionError) as raised:
        guest.call("python")(1)
    assert raised.value is error


def test_too_few_arguments_are_an_error() -> None:
    """What was there before is not taken instead."""
    with pytest.raises(ValueError, match="shorter"):
        GUEST.call("both")(1)


def test_without_such_bindings_the_usual_call_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slower, with the same results."""
    monkeypatch.delattr("wasmtime._ffi.wasmtime_val_t")
    call = GUEST.call("both")
    monkeypatch.undo()
    assert call(-1, 3) == 2
