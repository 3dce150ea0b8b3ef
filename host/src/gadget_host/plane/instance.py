"""The plane's module in a store, and what they call in Python."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

import wasmtime

from gadget_abi import Profile

from .._cache import compile_text
from .._rawcall import Forward
from .._state import PlaneHooks
from .assembly import assemble, plane_text

__all__ = ["instantiate"]

_I32, _I64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
_UPCALLS: Final = {
    "warn": ([_I32, _I32, _I32], []),
    "grow": ([_I32], [_I32]),
    "flush": ([], []),
    "trap": ([_I32, _I32, _I32], []),
    "end": ([_I32, _I32], []),
    "malloc": ([_I32, _I64], [_I64]),
    "call_guest": ([_I64, _I32, _I32], [_I32]),
    "call_python": ([_I64, _I32, _I32], [_I32]),
}


def instantiate(
    store: wasmtime.Store,
    hooks: PlaneHooks,
    profile: Profile,
    target: object,
    memory: wasmtime.Memory,
    guest_memory: wasmtime.Memory | None,
    forward: Forward | None,
) -> Mapping[str, Any]:
    """Instantiate the plane; its exports.

    Args:
        store: where.
        hooks: the sandbox.
        profile: the release whose behaviour it has.
        target: has a method ``on_<name>`` for each function the plane calls in Python.
        memory: the plane's own.
        guest_memory: the guest's, None when it has none.
        forward: what is to call malloc, if that can be; it is told which function.
    """
    given: dict[tuple[str, str], Any] = {
        ("plane", "memory"): memory,
        ("guest", "memory"): guest_memory
        or wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(0, 0))),
        ("host", "forward"): forward.function if forward else _nothing(store, [_I64], [_I64]),
    }
    for name, (params, results) in _UPCALLS.items():
        function = hooks.host(_weak_method(target, f"on_{name}"))
        given["host", name] = wasmtime.Func(store, wasmtime.FuncType(params, results), function)
    module = compile_text(store.engine, plane_text(profile), assemble)
    with hooks.unlimited():
        instance = wasmtime.Instance(store, module, [given[i.module, i.name or ""] for i in module.imports])
    exports: dict[str, Any] = dict(instance.exports(store).items())
    if forward:
        forward.to(exports["call_malloc"])
    return exports


def _nothing(
    store: wasmtime.Store, params: list[wasmtime.ValType], results: list[wasmtime.ValType]
) -> wasmtime.Func:
    """Stands in for a function that nothing will call."""
    return wasmtime.Func(store, wasmtime.FuncType(params, results), lambda *_: None)


def _weak_method(target: object, name: str) -> Callable[..., Any]:
    """The method, without keeping its object alive: the store keeps functions, the object keeps the store."""
    reference = weakref.ref(target)

    def method(*args: Any) -> Any:
        return getattr(reference(), name)(*args)

    return method
