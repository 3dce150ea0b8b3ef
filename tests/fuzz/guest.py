"""The universal guest: a module that runs scripts from its memory, calling every host function of a set.

What it is told to do, and what came of it, it writes to a trace; so one instance makes thousands of calls,
and Python looks at them afterwards.
"""

from __future__ import annotations

from functools import cache

import wasmtime

import gadget_abi
from gadget_abi import Form, Profile

from . import layout as at
from .layout import Kind, Malloc, Special

ABI = gadget_abi.load()


def _trace(kind: Kind, code: str, *values: str) -> str:
    """Code that writes an entry of the trace."""
    padded = [*values, *["(i64.const 0)"] * (7 - len(values))]
    return f"(call $trace (i32.const {kind:d}) {code} {' '.join(padded)})"


def functions(profile: Profile) -> list[str]:
    """The host functions of a release, in the order of their codes."""
    return sorted(profile.forms)


@cache
def guest(release: str, callback: bool = True) -> bytes:
    """The universal guest for the functions of a release."""
    return bytes(wasmtime.wat2wasm(text(Profile(ABI, release), callback=callback)))


def text(profile: Profile, *, callback: bool = True) -> str:
    """Its text."""
    forms = [profile.forms[name] for name in functions(profile)]
    imports = "\n".join(_import(profile.family.module, form) for form in forms)
    hooks = "\n".join(_hook(n, name) for n, name in enumerate(at.HOOKS) if name in profile.exports)
    return f"""(module
      {imports}
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") {at.PAGES})
      {_data(at.TRACE_TOP, at.TRACE.start)}
      {_data(at.MALLOC_TOP, at.ARENA.start)}
      {_data(at.HOOK_TABLE, *[at.SCRIPTS.start] * len(at.HOOKS))}
      {_data(at.CALLBACK_TABLE, *[at.SCRIPTS.start] * at.CALLBACKS)}
      {_data(at.SCRIPTS.start, Special.END)}
      {_TRACE}
      {_run(forms)}
      (func $recurse (result i32) (i32.add (call $recurse) (i32.const 1)))
      (func (export "gadgetAPIVersion") (result i64) (i64.const {ABI.api_version}))
      {hooks}
      {_CALLBACK if callback else ""}
      {_MALLOC if "malloc" in profile.exports else ""})"""


def _data(address: int, *words: int) -> str:
    """What lies in memory before anybody has written to it: every script is empty."""
    text = "".join(f"\\{byte:02x}" for word in words for byte in word.to_bytes(4, "little"))
    return f'(data (i32.const {address}) "{text}")'


def _import(module: str, form: Form) -> str:
    params, results = form.core_type
    return (
        f'(import "{module}" "{form.function}" (func ${form.function}'
        f" {' '.join(f'(param {p})' for p in params)} {' '.join(f'(result {r})' for r in results)}))"
    )


def _hook(number: int, name: str) -> str:
    returns = not name.startswith("_")
    return f"""(func (export "{name}") {"(result i32)" if returns else ""} (local $r i64)
      {_trace(Kind.HOOK, f"(i32.const {number})")}
      (local.set $r (call $run (i32.load (i32.const {at.HOOK_TABLE + 4 * number}))))
      {_trace(Kind.HOOK_END, f"(i32.const {number})", "(local.get $r)")}
      {"(i32.wrap_i64 (local.get $r))" if returns else ""})"""


def _wide(local: str) -> str:
    return f"(i64.extend_i32_u (local.get ${local}))"


_STORES = "\n".join(
    f"(i64.store offset={8 + 8 * n} (local.get $at) (local.get ${name}))" for n, name in enumerate("abcdefg")
)
_TRACE = f"""
  (func $trace (param $kind i32) (param $code i32)
    (param $a i64) (param $b i64) (param $c i64) (param $d i64) (param $e i64) (param $f i64) (param $g i64)
    (local $at i32)
    (local.set $at (i32.load (i32.const {at.TRACE_TOP})))
    (if (i32.gt_u (local.get $at) (i32.const {at.TRACE.stop - at.ENTRY_SIZE}))
      (then (i32.store (i32.const {at.OVERFLOW}) (i32.const 1)) (return)))
    (i32.store (local.get $at) (local.get $kind))
    (i32.store offset=4 (local.get $at) (local.get $code))
    {_STORES}
    (i32.store (i32.const {at.TRACE_TOP}) (i32.add (local.get $at) (i32.const {at.ENTRY_SIZE}))))
  (func $value (param $op i32) (param $n i32) (result i64)
    (i64.add
      (i64.load offset=24 (i32.add (local.get $op) (i32.shl (local.get $n) (i32.const 3))))
      (i64.load offset={at.SLOTS} (i32.shl (i32.and
        (i32.load16_u offset=8 (i32.add (local.get $op) (i32.shl (local.get $n) (i32.const 1))))
        (i32.const {at.SLOT_COUNT - 1})) (i32.const 3)))))
"""

_ARGS = [f"(local.get $a{n})" for n in range(at.ARGUMENTS)]


def _run(forms: list[Form]) -> str:
    """Runs the script at $pc; what it returns."""
    labels = " ".join(f"$f{n}" for n in range(len(forms)))
    cases = "".join(f") {_call(form)} (br $called)\n" for form in forms)
    fetch = "\n".join(
        f"(local.set $a{n} (call $value (local.get $pc) (i32.const {n})))" for n in range(at.ARGUMENTS)
    )
    # Blocks close innermost first: function 0's comes first after the table.
    blocks = "".join(f"(block $f{n} " for n in reversed(range(len(forms))))
    return f"""
  (func $run (param $pc i32) (result i64)
    (local $code i32) (local $into i32) (local $r i64)
    {" ".join(f"(local $a{n} i64)" for n in range(at.ARGUMENTS))}
    (loop $next
      (if (i32.gt_u (i32.load (i32.const {at.TRACE_TOP})) (i32.const {at.TRACE.stop - at.MARGIN * at.ENTRY_SIZE}))
        (then (return (i64.const 0))))
      (local.set $code (i32.load (local.get $pc)))
      (local.set $into (i32.load offset=4 (local.get $pc)))
      {fetch}
      (local.set $pc (i32.add (local.get $pc) (i32.const {at.OP_SIZE})))
      (if (i32.eq (local.get $code) (i32.const {Special.END:d})) (then (return (i64.const 0))))
      (if (i32.eq (local.get $code) (i32.const {Special.RETURN:d})) (then (return (local.get $a0))))
      (local.set $r (i64.const 0))
      (if (i32.ge_u (local.get $code) (i32.const {Special.END:d}))
        (then {_SPECIAL})
        (else
          {_trace(Kind.CALL, "(local.get $code)", *_ARGS)}
          (block $called
            {blocks}
            (br_table {labels} (local.get $code))
            {cases})
          {_trace(Kind.RESULT, "(local.get $code)", "(local.get $r)")}))
      (if (local.get $into)
        (then (i64.store offset={at.SLOTS}
          (i32.shl (i32.and (local.get $into) (i32.const {at.SLOT_COUNT - 1})) (i32.const 3)) (local.get $r))))
      (br $next))
    (unreachable))"""


def _call(form: Form) -> str:
    params, results = form.core_type
    args = " ".join(
        f"(i32.wrap_i64 (local.get $a{n}))" if core == "i32" else f"(local.get $a{n})"
        for n, core in enumerate(params)
    )
    call = f"(call ${form.function} {args})"
    if not results:
        return call
    return f"(local.set $r {call if results[0] == 'i64' else f'(i64.extend_i32_u {call})'})"


_SPECIAL = f"""
  (if (i32.eq (local.get $code) (i32.const {Special.GROW:d}))
    (then (local.set $r (i64.extend_i32_u (memory.grow (i32.wrap_i64 (local.get $a0)))))))
  {_trace(Kind.SPECIAL, "(local.get $code)", *_ARGS, "(local.get $r)")}
  (if (i32.eq (local.get $code) (i32.const {Special.POKE:d}))
    (then (i64.store (i32.wrap_i64 (local.get $a0)) (local.get $a1))))
  (if (i32.eq (local.get $code) (i32.const {Special.TRAP:d})) (then (unreachable)))
  (if (i32.eq (local.get $code) (i32.const {Special.SPIN:d})) (then (loop $spin (br $spin))))
  (if (i32.eq (local.get $code) (i32.const {Special.RECURSE:d})) (then (drop (call $recurse))))
  (if (i32.eq (local.get $code) (i32.const {Special.EXIT:d}))
    (then (call $exit (i32.wrap_i64 (local.get $a0)))))
"""

_SLOTS = at.SLOT_COUNT * 8
_KEPT = f"(i32.add (i32.const {at.KEPT}) (i32.mul (i32.const {_SLOTS}) (i32.and (global.get $depth) (i32.const 15))))"


def _put(slot: int, value: str) -> str:
    return f"(i64.store (i32.const {at.SLOTS + 8 * slot}) {value})"


# After a trap the depth is one too many: callbacks then find other slots than they left, and that is all.
_CALLBACK = f"""
  (global $depth (mut i32) (i32.const 0))
  (func (export "dataSourceCallback") (param $callback i64) (param $source i32) (param $data i32)
    (memory.copy {_KEPT} (i32.const {at.SLOTS}) (i32.const {_SLOTS}))
    (global.set $depth (i32.add (global.get $depth) (i32.const 1)))
    {_put(at.SOURCE_SLOT, _wide("source"))}
    {_put(at.DATA_SLOT, _wide("data"))}
    {_put(at.CALLBACK_SLOT, "(local.get $callback)")}
    {_trace(Kind.CALLBACK, "(i32.const 0)", "(local.get $callback)", _wide("source"), _wide("data"))}
    (drop (call $run (i32.load offset={at.CALLBACK_TABLE}
      (i32.shl (i32.and (i32.wrap_i64 (local.get $callback)) (i32.const {at.CALLBACKS - 1})) (i32.const 2)))))
    {_trace(Kind.CALLBACK_END, "(i32.const 0)")}
    (global.set $depth (i32.sub (global.get $depth) (i32.const 1)))
    (memory.copy (i32.const {at.SLOTS}) {_KEPT} (i32.const {_SLOTS})))
"""

_MALLOC = f"""
  (func $take (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.load (i32.const {at.MALLOC_TOP})))
    (if (i64.gt_u (i64.add (i64.extend_i32_u (local.get $at)) (i64.extend_i32_u (local.get $size)))
          (i64.const {at.ARENA.stop}))
      (then (local.set $at (i32.const {at.ARENA.start}))))
    (i32.store (i32.const {at.MALLOC_TOP}) (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (func (export "malloc") (param $size i32) (result i32)
    (local $how i32) (local $mode i32) (local $answer i32)
    {_trace(Kind.MALLOC, "(i32.const 0)", _wide("size"))}
    (local.set $how
      (i32.shl (i32.and (i32.load (i32.const {at.MALLOC_COUNT})) (i32.const {at.MALLOCS - 1})) (i32.const 3)))
    (i32.store (i32.const {at.MALLOC_COUNT}) (i32.add (i32.load (i32.const {at.MALLOC_COUNT})) (i32.const 1)))
    (local.set $mode (i32.load offset={at.MALLOC_TABLE} (local.get $how)))
    (local.set $answer (i32.load offset={at.MALLOC_TABLE + 4} (local.get $how)))
    (if (i32.eq (local.get $mode) (i32.const {Malloc.TRAP:d})) (then (unreachable)))
    (if (i32.eq (local.get $mode) (i32.const {Malloc.SPIN:d})) (then (loop $spin (br $spin))))
    (if (i32.eq (local.get $mode) (i32.const {Malloc.RUN:d}))
      (then (drop (call $run (local.get $answer)))))
    (if (i32.eq (local.get $mode) (i32.const {Malloc.GROW:d}))
      (then
        (local.set $answer (i32.shl (memory.size) (i32.const 16)))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (local.set $mode (i32.const 0))))))
    (if (i32.or (i32.eqz (local.get $mode)) (i32.eq (local.get $mode) (i32.const {Malloc.RUN:d})))
      (then (local.set $answer (call $take (local.get $size)))))
    {_trace(Kind.MALLOC_END, "(memory.size)", _wide("answer"))}
    (local.get $answer))
"""
