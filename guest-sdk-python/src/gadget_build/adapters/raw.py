"""Adapters between the canonical ABI and a release's raw ABI, derived from the ABI table: one module in WAT.

For every canonical function (gadget_abi.canonical) a wrapper, see `lowered`. For every guest export a wrapper that
calls the component's function and then its post-return function. In the releases where the host allocates, `malloc`
and `free` as well.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gadget_abi import Abi, Export, Form, Profile
from gadget_abi.canonical import canonical_functions
from gadget_abi.derive.wit import world_exports
from gadget_build.adapters.lowered import lowered
from gadget_build.adapters.support import support
from gadget_build.libraries import NATIVE

__all__ = ["RUNTIME", "Adapters", "adapters"]

RUNTIME = "0.25.1"
"""The version of componentize-py whose runtime leaks list<u8> arguments: with another one the adapters would free
memory twice, or leak."""


_CALLBACK = "data-source-callback"


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
        LinkError: the release has a function in a form for which there is no adapter.
    """
    profile = Profile(abi, release)
    post_returns = {name for name in post_returns if name != _CALLBACK}
    functions = canonical_functions(abi)
    constants = [export for export in abi.exports.values() if export.constant]
    hooks = [export for export in world_exports(abi) if _is_wanted(export, profile)]
    parts = [_PROLOGUE]
    parts += [_import(profile.family.module, form) for form in profile.forms.values()]
    parts += [_lifted(e, post_returns) for e in hooks]
    parts += [support(profile), _output(abi)]
    parts += [lowered(function, profile) for function in functions]
    parts += [_constant(abi, e) for e in constants]
    parts += [_wrapper(e, post_returns) for e in hooks]
    exports = [*(e.name for e in (*constants, *hooks)), "memory"]
    if "malloc" in profile.exports:
        parts.append(_ALLOCATION)
        exports += ["malloc", "free"]
    names = frozenset(function.name for function in functions)
    return Adapters("\n".join((*parts, ")")), names, tuple(exports))


_PROLOGUE = """(module
(import "main" "memory" (memory 0))
(import "libc.so" "malloc" (func $malloc (param i32) (result i32)))
(import "libc.so" "free" (func $free (param i32)))
(export "memory" (memory 0))"""

# The host believes an address of 0 (quirk malloc-gives-null) and would write where the stack is; a trap it reports as
# an error of the call it allocates for.
_ALLOCATION = """
(func (export "malloc") (param $size i32) (result i32)
  (local $address i32)
  (local.set $address (call $malloc (local.get $size)))
  (if (i32.eqz (local.get $address)) (then (unreachable)))
  (local.get $address))
(export "free" (func $free))"""


def _is_wanted(export: Export, profile: Profile) -> bool:
    """Tell whether to export a hook or the callback.

    A host that does not know it leaves it alone. One that calls gadgetPostStop on a module it has closed reports a
    failure each time, so there is none then.
    """
    return export.name != "gadgetPostStop" or profile.changed("post-stop-not-called")


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


def _export_type(export: Export) -> str:
    params, results = export.core_type
    return "".join(f" (param {p})" for p in params) + "".join(f" (result {r})" for r in results)


def _lifted(export: Export, post_returns: Collection[str]) -> str:
    name = export.kebab
    source = NATIVE if name == _CALLBACK else "lift"  # the way through the runtime takes a microsecond
    text = f'(import "{source}" "{name}" (func $lift-{name}{_export_type(export)}))'
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
