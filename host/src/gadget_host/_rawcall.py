"""Calls into wasm with less ado than wasmtime-py's Func, which looks types up and makes objects of them each time.

`integer_call` is a Func that takes and returns integers: 5 us instead of 60.

`Forward` is a host function that does nothing but call another wasm function, and survives whatever that one does.
Wasm cannot catch a trap, so such a call has to leave wasm. The way through wasmtime-py's Func costs 60 us there and
back, nearly all of it for types and values. Here wasmtime's own `wasmtime_func_call_unchecked` is what wasm calls, by
way of ctypes, and the slot with the argument, in which the result is to be, is passed on as it is: below 1 us.

    wasm:   callback(env,     caller, slots, count)
    calls:  wasmtime_func_call_unchecked(context, func, slots, count, trap) -> error
    where   context is env, func stands in for the caller, trap is the default of a parameter

No bytecode of Python's runs in between, so no signal's handler can raise there: ctypes gives wasm a random pointer
for the trap when a callback raises.

This is the one place with bindings that wasmtime-py keeps to itself: they are those of wasmtime >=50.0.1,<51, the
range this distribution asks for. Where they are missing, callers take the usual way.
"""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import _func

__all__ = ["Forward", "integer_call"]

_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_CALLBACK = ctypes.CFUNCTYPE(_POINTER, _POINTER, _POINTER, _POINTER, _SIZE)
_CALL = ctypes.CFUNCTYPE(_POINTER, _POINTER, _POINTER, _POINTER, _SIZE, _POINTER)

# The store holds wasmtime's half of a host function; ours must not go before.
_kept: WeakKeyDictionary[wasmtime.Store, list[object]] = WeakKeyDictionary()


_CELLS: dict[str, Any] = {"i32": ctypes.c_int32, "i64": ctypes.c_int64}


def integer_call(store: wasmtime.Store, function: wasmtime.Func) -> Callable[..., Any]:
    """What calls a function of integers, with at most one result: as the function does, but without the store.

    Args:
        store: the function's; it must outlive the result.
        function: of i32 and i64 only.
    """
    try:
        return _IntegerCall(store, function)
    except (AttributeError, TypeError, KeyError):  # wasmtime-py is not what it was
        return partial(function, store)


class _IntegerCall:
    """The values' places are made once: wasmtime has taken the arguments before anything else can be called."""

    def __init__(self, store: wasmtime.Store, function: wasmtime.Func) -> None:
        type_ = function.type(store)
        self._store, self._function = store, ctypes.byref(function._func)
        self._given, self._cells = _values([str(kind) for kind in type_.params])
        self._found, results = _values([str(kind) for kind in type_.results])
        self._result = results[0] if results else ctypes.c_void_p()  # whose value is None
        self._call, self._context = ffi.wasmtime_func_call, store._context

    def __call__(self, *args: int) -> int | None:
        for cell, value in zip(self._cells, args, strict=True):
            cell.value = value
        with _func.enter_wasm(self._store) as trap:
            error = self._call(
                self._context(), self._function, self._given, len(args), self._found, len(self._found), trap
            )
            if error:
                raise wasmtime.WasmtimeError._from_ptr(error)
        result: int | None = self._result.value
        return result


def _values(kinds: list[str]) -> tuple[Any, list[Any]]:
    """An array of wasmtime's values, and where in it the integers are."""
    values = (ffi.wasmtime_val_t * len(kinds))()
    cells = []
    for number, kind in enumerate(kinds):
        values[number].kind = getattr(ffi, f"WASMTIME_{kind.upper()}")
        at = number * ctypes.sizeof(ffi.wasmtime_val_t) + ffi.wasmtime_val_t.of.offset
        cells.append(_CELLS[kind].from_buffer(values, at))
    return values, cells


class Forward:
    """A host function (i64) -> (i64) that calls another one of that type, in the same store.

    When that one traps, or a host function in it raises, the result is the argument: choose arguments that are no
    results. `failure` then tells what happened, once.

    Args:
        store: where both are; it is inside a call of wasm whenever the function is called.
    """

    def __init__(self, store: wasmtime.Store) -> None:
        self._target, self._trap = ffi.wasmtime_func_t(), ctypes.c_void_p()
        self._error: deque[ctypes.c_void_p] = deque(maxlen=1)
        call = self._call()
        self._try(store, call)
        self._callback = _CALLBACK(call)
        _kept.setdefault(store, []).append(self._callback)
        self.function = self._new(store)

    @classmethod
    def new(cls, store: wasmtime.Store) -> Forward | None:
        """One for that store; None when wasmtime-py or ctypes are not what they were."""
        try:
            return cls(store)
        except (AttributeError, TypeError, ctypes.ArgumentError):
            return None

    def to(self, function: wasmtime.Func) -> None:
        """Say which function to call: to be done before it is called itself, with one of type (i64) -> (i64)."""
        ctypes.memmove(
            ctypes.addressof(self._target), ctypes.addressof(function._func), ctypes.sizeof(self._target)
        )

    def failure(self) -> BaseException | None:
        """What came out of the last call, if it failed and nobody has asked yet."""
        error = self._error.pop().value if self._error else None
        trap, self._trap.value = self._trap.value, None
        found: BaseException
        if trap:
            found = wasmtime.Trap._from_ptr(ctypes.cast(trap, ctypes.POINTER(ffi.wasm_trap_t)))
        elif error:
            found = wasmtime.WasmtimeError._from_ptr(ctypes.cast(error, ctypes.POINTER(ffi.wasmtime_error_t)))
        else:
            return None
        try:
            _func.maybe_raise_last_exn()  # what a host function raised, of which that is only the vehicle
        except BaseException as raised:
            return raised
        return found

    def _call(self) -> Any:
        """wasmtime_func_call_unchecked, to be called with what wasmtime passes to a callback."""

        class Error(ctypes.c_void_p):
            _check_retval_ = self._error.append  # its result, None, is what wasm gets: no trap

        # Whatever it is given: getattr(namespace, "func", given) finds "func".
        func = partial(getattr, SimpleNamespace(func=ctypes.byref(self._target)), "func")
        trap = (1, "trap", ctypes.byref(self._trap))
        flags = ((1, "context"), (1, "func"), (1, "slots"), (1, "count"), trap)
        call = _CALL(("wasmtime_func_call_unchecked", ffi.dll), flags)
        # Not in _CALL itself, as ctypes keeps such types for ever.
        types: list[Any] = [_POINTER, SimpleNamespace(from_param=func), _POINTER, _SIZE, _POINTER]
        call.argtypes = types
        call.restype = Error
        return call

    def _try(self, store: wasmtime.Store, call: Any) -> None:
        """TypeError, unless a call from Python works: in a call from wasm an exception would be too late."""
        self.to(wasmtime.Func(store, _type(), lambda value: value + 1))
        slot = (ctypes.c_uint64 * 2)(41)
        result = call(ctypes.cast(store._context(), _POINTER).value, 0, ctypes.addressof(slot), 1)
        if result is not None or self.failure() or slot[0] != 42:
            raise TypeError(f"wasmtime_func_call_unchecked gave {result} and {slot[0]}")

    def _new(self, store: wasmtime.Store) -> wasmtime.Func:
        context = ctypes.cast(store._context(), _POINTER)
        type_ = _type()
        new = ffi.dll["wasmtime_func_new_unchecked"]
        new.restype, new.argtypes = None, [_POINTER, _POINTER, _CALLBACK, _POINTER, _POINTER, _POINTER]
        made = ffi.wasmtime_func_t()
        new(
            context, ctypes.cast(type_.ptr(), _POINTER), self._callback, context, None, ctypes.addressof(made)
        )
        return wasmtime.Func._from_raw(made)


def _type() -> wasmtime.FuncType:
    return wasmtime.FuncType([wasmtime.ValType.i64()], [wasmtime.ValType.i64()])
