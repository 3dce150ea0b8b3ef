"""The plane's two modules in a store, and what they call in Python."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

import wasmtime

from gadget_abi import Profile

from .._cache import compile_text
from .._rawcall import Forward
from .._state import PlaneHooks
from .assembly import assemble, plane_text, trampolines_text

__all__ = ["connect", "trampolines"]

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


def trampolines(store: wasmtime.Store, hooks: PlaneHooks, profile: Profile) -> Mapping[str, Any]:
    """Instantiate the module the guest is linked against.

    It exports "memory", the hot functions by name, and by "to." and the name the global that says where each leads.
    """
    module = compile_text(store.engine, trampolines_text(profile), assemble)
    with hooks.unlimited():
        instance = wasmtime.Instance(store, module, [])
    return instance.exports(store)


def connect(
    store: wasmtime.Store,
    hooks: PlaneHooks,
    profile: Profile,
    target: object,
    trampolines: Mapping[str, Any],
    memory: wasmtime.Memory | None,
    callback: wasmtime.Func | None,
    malloc: wasmtime.Func | None,
    forward: Forward | None,
) -> Mapping[str, wasmtime.Func]:
    """Instantiate the plane behind its trampolines; its exports.

    Args:
        store: where.
        hooks: the sandbox.
        profile: the release whose behaviour it has.
        target: has a method ``on_<name>`` for each function the plane calls in Python.
        trampolines: what `trampolines` returned.
        memory: the guest's, None when it has none.
        callback: the guest's dataSourceCallback, None when it has none.
        malloc: the guest's, None when it has none.
        forward: what is to call malloc, if that can be; it is told which function.
    """
    given: dict[tuple[str, str], Any] = {
        **{("trampolines", name): item for name, item in trampolines.items()},
        ("guest", "memory"): memory or wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(0, 0))),
        ("guest", "dataSourceCallback"): callback or _nothing(store, [_I64, _I32, _I32], []),
        ("guest", "malloc"): malloc or _nothing(store, [_I32], [_I32]),
        ("host", "forward"): forward.function if forward else _nothing(store, [_I64], [_I64]),
    }
    for name, (params, results) in _UPCALLS.items():
        function = hooks.host(_weak_method(target, f"on_{name}"))
        given["host", name] = wasmtime.Func(store, wasmtime.FuncType(params, results), function)
    module = compile_text(store.engine, plane_text(profile), assemble)
    with hooks.unlimited():
        instance = wasmtime.Instance(store, module, [given[i.module, i.name or ""] for i in module.imports])
    exports: dict[str, Any] = dict(instance.exports(store).items())  # all of them are functions
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
