"""Adapters between the canonical ABI and a release's raw ABI, derived from the ABI table.

For every canonical function (gadget_abi.canonical) a wrapper with the core signature the canonical ABI gives it:

* an integer is passed on; a list<u8> arrives as address and length and leaves packed, length << 32 | address;
* a result that is a result<...> or an option<...> is written to memory, through a last parameter:

      result<list<u8>, s32>              option<list<u8>>             option<u64>
      +0  u8   0 ok, 1 error             +0  u8   0 none, 1 some      +0  u8   0 none, 1 some
      +4  u32  address, or the error     +4  u32  address             +8  u64  value
      +8  u32  length                    +8  u32  length

* the buffer of a list<u8> *argument* is freed after the call. componentize-py's runtime copies the bytes to memory
  of its own and forgets them; this is true of the version this distribution pins, and `RUNTIME` says which.
* the buffer of a list<u8> *result* is allocated here and belongs to the runtime from then on. The runtime frees it
  even when the list is empty, so there is always a buffer, and never the dangling address of an empty Rust vector.

For every guest export a wrapper that calls the component's function and then its post-return function.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from gadget_abi import Abi, Export, Form
from gadget_abi.canonical import CanonicalFunction, CanonicalParam, canonical_functions
from gadget_abi.derive.wit import world_exports
from gadget_build.component.graph import LinkError

__all__ = ["ABSENT", "RUNTIME", "Adapters", "adapters"]

RUNTIME = "0.25.1"
"""The version of componentize-py whose runtime leaks list<u8> arguments: with another one the adapters would free
memory twice, or leak."""

ABSENT = {"gadgetShouldLog": 1}
"""What a function answers that the target release lacks, where that is not its error value: a host that cannot say
whether it wants a line gets it."""


@dataclass(frozen=True)
class Adapters:
    """A module in WAT; `lowered` are the canonical functions it provides, `exports` the guest exports."""

    wat: str
    lowered: frozenset[str]
    exports: tuple[str, ...]


def adapters(abi: Abi, release: str, post_returns: Collection[str]) -> Adapters:
    """The adapters of a release of the ABI.

    Args:
        abi: the table.
        release: functions this release lacks are answered inside the module and not imported.
        post_returns: the canonical exports that have a post-return function.

    Raises:
        LinkError: the release's link family is not supported.
    """
    family = abi.family_of(release)
    if family.name not in _FAMILIES:
        raise LinkError(
            f"link family {family.name} (of {release}) is not supported; known: {', '.join(_FAMILIES)}"
        )
    forms = abi.forms_in(release)
    adapt = _FAMILIES[family.name]
    lowered = canonical_functions(abi)
    constants = [export for export in abi.exports.values() if export.constant]
    exports = world_exports(abi)
    parts = [_PROLOGUE]
    parts += [_import(family.module, form) for form in forms.values()]
    parts += [_lifted(e, post_returns) for e in exports]
    parts += [_SUPPORT, _output(abi)]
    for function in lowered:
        form = forms.get(function.function.name)
        parts.append(adapt(function, form) if form is not None else _absent(function))
    parts += [_constant(abi, e) for e in constants]
    parts += [_wrapper(e, post_returns) for e in exports]
    names = frozenset(function.name for function in lowered)
    return Adapters("\n".join((*parts, ")")), names, (*(e.name for e in (*constants, *exports)), "memory"))


_PROLOGUE = """(module
(import "main" "memory" (memory 0))
(import "libc.so" "malloc" (func $malloc (param i32) (result i32)))
(import "libc.so" "free" (func $free (param i32)))"""

_SUPPORT = """
(export "memory" (memory 0))
(func $pack (param $address i32) (param $length i32) (result i64)
  (i64.or (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32)) (i64.extend_i32_u (local.get $address))))
(func $release (param $address i32) (param $length i32)
  (if (local.get $length) (then (call $free (local.get $address)))))
(func $error (param $out i32) (param $error i32)
  (i32.store8 (local.get $out) (i32.const 1))
  (i32.store offset=4 (local.get $out) (local.get $error)))
(func $none (param $out i32)
  (i32.store8 (local.get $out) (i32.const 0)))
(func $list (param $out i32) (param $case i32) (param $address i32) (param $length i32)
  (i32.store8 (local.get $out) (local.get $case))
  (i32.store offset=4 (local.get $out) (local.get $address))
  (i32.store offset=8 (local.get $out) (local.get $length)))"""


def _output(abi: Abi) -> str:
    """What the floor's stdout and stderr end in: lines of the gadget's log."""
    levels = abi.enum_for("log-level").members
    return f"""
(func (export "print") (param $error i32) (param $address i32) (param $length i32)
  (call $gadgetLog
    (select (i32.const {levels["Warn"]}) (i32.const {levels["Info"]}) (local.get $error))
    (call $pack (local.get $address) (local.get $length))))"""


def _import(module: str, form: Form) -> str:
    params, results = form.core_type
    kind = "".join(f" (param {p})" for p in params) + "".join(f" (result {r})" for r in results)
    return f'(import "{module}" "{form.function}" (func ${form.function}{kind}))'


def _core(wit: str) -> str:
    return "i64" if wit == "u64" else "i32"


def _name(param: CanonicalParam) -> str:
    return "$" + param.name.removeprefix("%")


def _is_option(function: CanonicalFunction) -> bool:
    return function.result is not None and function.result.startswith("option<")


def _is_in_memory(function: CanonicalFunction) -> bool:
    return _is_option(function) or (function.result is not None and function.result.startswith("result<"))


def _refusal(function: CanonicalFunction, error: str) -> str:
    """Tell the caller that there is no value; `error` is an expression."""
    if _is_option(function):
        return "(call $none (local.get $out))"
    return f"(call $error (local.get $out) {error})"


def _signature(function: CanonicalFunction) -> str:
    """The core signature the canonical ABI gives a function."""
    parts = []
    for param in function.params:
        if param.role == "list":
            parts += [f"(param {_name(param)} i32) (param {_name(param)}-length i32)"]
        else:
            parts += [f"(param {_name(param)} {_core(param.wit)})"]
    if _is_in_memory(function):
        parts += ["(param $out i32)"]
    elif function.result is not None:
        parts += [f"(result {_core(function.result)})"]
    return " ".join(parts)


def _releases(function: CanonicalFunction) -> str:
    lists = [_name(p) for p in function.params if p.role == "list"]
    return "\n".join(f"  (call $release (local.get {n}) (local.get {n}-length))" for n in lists)


def _func(function: CanonicalFunction, *body: str) -> str:
    return "\n".join((f'(func (export "{function.name}") {_signature(function)}', *filter(None, body), ")"))


def _absent(function: CanonicalFunction) -> str:
    """Answer for a host that lacks the function, without asking it."""
    error = ABSENT.get(function.function.name, function.form.error or 0)
    if not _is_in_memory(function):
        answer = f"  ({_core(function.result)}.const {error})" if function.result else ""
        return _func(function, _releases(function), answer)
    return _func(function, _releases(function), f"  {_refusal(function, f'(i32.const {error})')}")


def _destination(function: CanonicalFunction, form: Form) -> str:
    """Family ig: the guest passes destination buffers and error pointers."""
    if form.params != function.form.params or form.result != function.form.result:
        raise LinkError(f"{form.function}: no adapter from its current form to the one of {form.since}")
    if function.out is not None:
        return _buffer_result(function)
    if function.error_pointer is not None:
        return _scalar_result(function)
    local = f"  (local $result {_core(function.result)})" if function.result else ""
    call = f"(call ${form.function} {_arguments(function)})"
    if not function.result:
        return _func(function, f"  {call}", _releases(function))
    return _func(
        function, local, f"  (local.set $result {call})", _releases(function), "  (local.get $result)"
    )


def _arguments(function: CanonicalFunction) -> str:
    by_raw = {param.raw.name: param for param in function.params}
    return " ".join(_argument(function, by_raw.get(raw.name)) for raw in function.form.params)


def _argument(function: CanonicalFunction, param: CanonicalParam | None) -> str:
    if param is None:  # the error pointer, the one raw parameter without a canonical one
        return "(local.get $out)"
    if param.role == "capacity":
        return "(call $pack (local.get $buffer) (local.get $capacity))"
    if param.role == "list":
        return f"(call $pack (local.get {_name(param)}) (local.get {_name(param)}-length))"
    return f"(local.get {_name(param)})"


def _scalar_result(function: CanonicalFunction) -> str:
    """The host writes 1 to the error pointer on failure and nothing on success: first the error, then the case."""
    return _func(
        function,
        "  (local $value i64)",
        "  (i32.store (local.get $out) (i32.const 0))",
        f"  (local.set $value (call ${function.form.function} {_arguments(function)}))",
        _releases(function),
        "  (i64.store offset=8 (local.get $out) (local.get $value))",
        "  (i32.store8 (local.get $out) (i32.eqz (i32.load (local.get $out))))",
    )


def _buffer_result(function: CanonicalFunction) -> str:
    error, case = function.form.error or 0, int(_is_option(function))
    if function.reports_length:
        failed, length, clear = "(i32.lt_s (local.get $result) (i32.const 0))", "(local.get $result)", ""
    else:
        failed, length = "(local.get $result)", "(local.get $capacity)"
        clear = "  (memory.fill (local.get $buffer) (i32.const 0) (local.get $capacity))"
    return _func(
        function,
        "  (local $buffer i32) (local $result i32)",
        "  (local.set $buffer (call $malloc (local.get $capacity)))",
        "  (if (i32.eqz (local.get $buffer))",
        f"    (then {_refusal(function, f'(i32.const {error})')}",
        _releases(function),
        "      (return)))",
        clear,
        f"  (local.set $result (call ${function.form.function} {_arguments(function)}))",
        _releases(function),
        f"  (if {failed}",
        "    (then (call $free (local.get $buffer))",
        f"      {_refusal(function, '(local.get $result)')}",
        "      (return)))",
        f"  (call $list (local.get $out) (i32.const {case}) (local.get $buffer) {length})",
    )


_FAMILIES: dict[str, Callable[[CanonicalFunction, Form], str]] = {"ig": _destination}


def _export_type(export: Export) -> str:
    params, results = export.core_type
    return "".join(f" (param {p})" for p in params) + "".join(f" (result {r})" for r in results)


def _lifted(export: Export, post_returns: Collection[str]) -> str:
    name = export.kebab
    text = f'(import "lift" "{name}" (func $lift-{name}{_export_type(export)}))'
    if name in post_returns:
        results = export.core_type[1]
        text += f'\n(import "post" "{name}" (func $post-{name}{"".join(f" (param {r})" for r in results)}))'
    return text


def _wrapper(export: Export, post_returns: Collection[str]) -> str:
    name, (params, results) = export.kebab, export.core_type
    call = f"(call $lift-{name} {' '.join(f'(local.get {i})' for i in range(len(params)))})"
    head = f'(func (export "{export.name}"){_export_type(export)}'
    if name not in post_returns:
        return f"{head} {call})"
    if not results:
        return f"{head} {call} (call $post-{name}))"
    return f"{head} (local $r {results[0]}) (local.set $r {call}) (call $post-{name} (local.get $r)) (local.get $r))"


def _constant(abi: Abi, export: Export) -> str:
    (result,) = export.core_type[1]
    return f'(func (export "{export.name}") (result {result}) ({result}.const {abi.api_version}))'
