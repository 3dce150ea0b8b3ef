"""A dataSourceCallback of another type than it should have, which a strict host calls all the same."""

from __future__ import annotations

import wasmtime

from ._cache import compile_wat

__all__ = ["any_callback"]

_SLOTS = ("i64", "i32", "i32")  # callback, source, data: what dataSourceCallback is called with

# How a parameter of another type sees the 64 bits of a raw slot.
_SEEN_AS = {
    "i64": "",
    "i32": "i32.wrap_i64",
    "f64": "f64.reinterpret_i64",
    "f32": "(f32.reinterpret_i32 (i32.wrap_i64 {}))",
}


def any_callback(store: wasmtime.Store, callback: wasmtime.Func | None) -> wasmtime.Func | None:
    """A dataSourceCallback of any type as one of the right type.

    Each of three parameters sees the bits of its slot; results are dropped. With another number of
    parameters every call traps, before the guest runs (quirk callback-type).
    """
    if callback is None:
        return None
    type_ = callback.type(store)
    params, results = [str(t) for t in type_.params], [str(t) for t in type_.results]
    if (params, results) == (list(_SLOTS), []):
        return callback
    if len(params) != len(_SLOTS) or not set(params) <= _SEEN_AS.keys():
        text, imports = _module("", "unreachable"), []
    else:
        declared = f"(param {' '.join(params)}) (result {' '.join(results)})"
        text = _module(
            f'(import "guest" "callback" (func $callback {declared}))',
            f"(call $callback {' '.join(map(_seen_as, params, _SLOTS, range(3)))}) {'drop ' * len(results)}",
        )
        imports = [callback]
    module = compile_wat(store.engine, text)
    function = wasmtime.Instance(store, module, imports).exports(store)["callback"]
    assert isinstance(function, wasmtime.Func)
    return function


def _module(imports: str, body: str) -> str:
    return f'(module $shim {imports} (func (export "callback") (param {" ".join(_SLOTS)}) {body}))'


def _seen_as(param: str, slot: str, index: int) -> str:
    raw = f"(local.get {index})" if slot == "i64" else f"(i64.extend_i32_u (local.get {index}))"
    how = _SEEN_AS[param]
    return how.format(raw) if "{}" in how else f"({how} {raw})" if how else raw
