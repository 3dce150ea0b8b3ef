"""Pieces of a wrapper in WAT: its signature, the call of the raw function, what is freed, how failure is told."""

from __future__ import annotations

from gadget_abi.canonical import CanonicalFunction, CanonicalParam

__all__ = ["call", "core", "func", "is_in_memory", "is_option", "refusal", "releases"]

BUFFER = "(call $pack (local.get $buffer) (local.get $capacity))"


def core(wit: str) -> str:
    """The core type of an integer of WIT."""
    return "i64" if wit == "u64" else "i32"


def is_option(function: CanonicalFunction) -> bool:
    """Tell whether the result is an option<...>."""
    return function.result is not None and function.result.startswith("option<")


def is_in_memory(function: CanonicalFunction) -> bool:
    """Tell whether the result is written to memory, at $out."""
    return is_option(function) or (function.result is not None and function.result.startswith("result<"))


def refusal(function: CanonicalFunction, error: str) -> str:
    """Tell the caller that there is no value; `error` is an expression."""
    if is_option(function):
        return "(call $none (local.get $out))"
    return f"(call $error (local.get $out) {error})"


def releases(function: CanonicalFunction) -> str:
    """Free the buffers of the arguments."""
    lists = [_name(p) for p in function.params if p.role == "list"]
    return "\n".join(f"  (call $release (local.get {n}) (local.get {n}-length))" for n in lists)


def func(function: CanonicalFunction, *body: str) -> str:
    """A wrapper, of the lines of its body that are not empty."""
    return "\n".join((f'(func (export "{function.name}") {_signature(function)}', *filter(None, body), ")"))


def call(function: CanonicalFunction, destination: str = BUFFER) -> str:
    """Call the raw function; `destination` is what it is given for the out-buffer, nothing if empty."""
    by_raw = {param.raw.name: param for param in function.params}
    arguments = (_argument(by_raw.get(raw.name), destination) for raw in function.form.params)
    return f"(call ${function.form.function} {' '.join(arguments)})"


def _name(param: CanonicalParam) -> str:
    return "$" + param.name.removeprefix("%")


def _argument(param: CanonicalParam | None, destination: str) -> str:
    if param is None:  # the error pointer, the one raw parameter without a canonical one
        return "(local.get $out)"
    if param.role == "capacity":
        return destination
    if param.role == "list":
        return f"(call $pack (local.get {_name(param)}) (local.get {_name(param)}-length))"
    return f"(local.get {_name(param)})"


def _signature(function: CanonicalFunction) -> str:
    """The core signature the canonical ABI gives a function."""
    parts = []
    for param in function.params:
        if param.role == "list":
            parts += [f"(param {_name(param)} i32) (param {_name(param)}-length i32)"]
        else:
            parts += [f"(param {_name(param)} {core(param.wit)})"]
    if is_in_memory(function):
        parts += ["(param $out i32)"]
    elif function.result is not None:
        parts += [f"(result {core(function.result)})"]
    return " ".join(parts)
