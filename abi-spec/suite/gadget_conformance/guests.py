"""The universal guests: one for each signature set, derived from the ABI table.

A universal guest imports every host function of its set and calls them as scripts in its memory say; a case is
such a script. `python -m gadget_conformance.guests` writes guests/sig-N.wat, with --check it names stale ones.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import gadget_abi
from gadget_abi import Abi, EmbedderError, Form, SignatureSet

from . import layout
from .layout import PHASES, SPECIAL

__all__ = ["derived_guests", "guest_text", "stale_guests", "universal_guest"]

DIRECTORY = "abi-spec/suite/gadget_conformance/guests"
OPTIONAL = ("_start", "_initialize", "gadgetPostStop")
"""Exports that a case only has when it has a script for them: that they are there changes what some hosts do."""


def derived_guests(abi: Abi) -> Mapping[Path, str]:
    """Path below the workspace's root -> text."""
    return {
        Path(DIRECTORY) / f"{found.name}.wat": universal_guest(abi, found) for found in abi.signature_sets
    }


def stale_guests(abi: Abi, root: Path) -> list[Path]:
    """The universal guests below `root` that are missing or differ from the table."""
    return [
        path
        for path, text in derived_guests(abi).items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


@cache
def guest_text(name: str) -> str:
    """The text of a guest that ships with the suite.

    Raises:
        EmbedderError: there is none of that name.
    """
    found = files(__package__) / "guests" / f"{name}.wat"
    if not found.is_file():
        raise EmbedderError(f"the suite has no guest {name!r}")
    return found.read_text(encoding="utf-8")


def without_exports(text: str, names: Iterable[str]) -> str:
    """A guest that lacks some of its exports; each of them stands on a line of its own."""
    gone = tuple(f'(export "{name}"' for name in names)
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith(gone))


# -------------------------------------------------------------------------------------------------- the text


def universal_guest(abi: Abi, signature_set: SignatureSet) -> str:
    """The WAT of a set's guest."""
    forms = signature_set.forms
    release = signature_set.releases[-1]
    exports = [name for name in (*PHASES, "malloc") if name == "run" or abi.exports[name].covers(release)]
    parts = [
        _HEAD.format(set=signature_set.name, first=signature_set.releases[0], last=release),
        *(_import(signature_set.family.module, form) for form in forms.values()),
        _state(),
        *(_step(form) for form in forms.values()),
        _special(),
        _table([*forms, *SPECIAL]),
        _machine(),
        *(_phase(name) for name in exports if name != "malloc"),
        _callback(),
        *([_malloc()] if "malloc" in exports else []),
        f"  (func $gadgetAPIVersion (result i64) (i64.const {abi.api_version}))",
        *(_export(name) for name in ("gadgetAPIVersion", "dataSourceCallback", *exports)),
    ]
    return "\n".join(parts) + "\n)\n"


_HEAD = """\
;; The universal guest of {set} ({first} to {last}). Derived from the ABI table; do not edit:
;; python -m gadget_conformance.guests. layout.py says what is where in its memory.
(module
  (type $step (func (param i32) (result i64)))"""


def _import(module: str, form: Form) -> str:
    params, results = form.core_type
    type_ = (f" (param {' '.join(params)})" if params else "") + (
        f" (result {results[0]})" if results else ""
    )
    return f'  (import "{module}" "{form.function}" (func ${form.function}{type_}))'


def _state() -> str:
    return f"""\
  (memory (export "memory") {layout.PAGES})
  (global $heap (mut i32) (i32.const {layout.HEAP:#x}))
  (global $quiet (mut i32) (i32.const 0))  ;; above 0: nothing is written to the journal

  ;; The k-th of the arguments at an address: the sum of a slot and a constant.
  (func $argument (param $at i32) (param $k i32) (result i64)
    (local.set $at (i32.add (local.get $at) (i32.mul (local.get $k) (i32.const {layout.STEP}))))
    (i64.add
      (i64.load offset={layout.SLOTS:#x} (i32.shl (i32.load (local.get $at)) (i32.const 3)))
      (i64.load offset=8 (local.get $at))))"""


def _step(form: Form) -> str:
    params, results = form.core_type
    call = "".join(
        [f"(call ${form.function}", *(f" {_argument(k, core)}" for k, core in enumerate(params)), ")"]
    )
    if not results:
        call += " (i64.const 0)"
    elif results[0] == "i32":
        call = f"(i64.extend_i32_u {call})"
    return f"  (func $do_{form.function} (type $step) (param $at i32) (result i64)\n    {call})"


def _argument(k: int, core: str) -> str:
    value = f"(call $argument (local.get $at) (i32.const {k}))"
    return f"(i32.wrap_i64 {value})" if core == "i32" else value


def _special() -> str:
    first, second = _argument(0, "i32"), _argument(1, "i32")
    return f"""\
  (func $do_store8 (type $step) (param $at i32) (result i64)
    (i32.store8 {first} {second}) (i64.const 0))
  (func $do_load64 (type $step) (param $at i32) (result i64)
    (i64.load {first}))
  (func $do_grow (type $step) (param $at i32) (result i64)
    (i64.extend_i32_u (memory.grow {first})))
  (func $do_trap (type $step) (param $at i32) (result i64)
    (unreachable))
  (func $do_note (type $step) (param $at i32) (result i64)
    {_argument(0, "i64")})"""


def _table(names: list[str]) -> str:
    entries = " ".join(f"$do_{name}" for name in names)
    return f"  (table {len(names)} funcref)\n  (elem (i32.const 0) {entries})"


def _machine() -> str:
    return f"""\
  ;; A new entry of the journal; 0 when there is to be none.
  (func $begin (param $step i32) (result i32)
    (local $count i32)
    (if (global.get $quiet) (then (return (i32.const 0))))
    (local.set $count (i32.load (i32.const {layout.JOURNAL:#x})))
    (if (i32.ge_u (local.get $count) (i32.const {layout.JOURNAL_ENTRIES}))
      (then (i32.store (i32.const {layout.JOURNAL + 4:#x}) (i32.const 1)) (return (i32.const 0))))
    (local.set $count (i32.add (local.get $count) (i32.const 1)))
    (i32.store (i32.const {layout.JOURNAL:#x}) (local.get $count))
    (local.set $count (i32.add (i32.const {layout.JOURNAL:#x}) (i32.mul (local.get $count) (i32.const {layout.ENTRY}))))
    (i32.store (local.get $count) (local.get $step))
    (local.get $count))

  (func $finish (param $entry i32) (param $value i64)
    (if (local.get $entry)
      (then
        (i32.store offset=4 (local.get $entry) (i32.const 1))
        (i64.store offset=8 (local.get $entry) (local.get $value)))))

  (func $mark (param $what i32) (param $a i64) (param $b i64) (param $c i64)
    (local $entry i32)
    (local.set $entry (call $begin (local.get $what)))
    (if (local.get $entry)
      (then
        (i64.store offset=16 (local.get $entry) (local.get $b))
        (i64.store offset=24 (local.get $entry) (local.get $c))))
    (call $finish (local.get $entry) (local.get $a)))

  ;; Run a script; what it returns, 0 when it ends without returning.
  (func $script (param $at i32) (result i32)
    (local $function i32) (local $count i64) (local $entry i32) (local $value i64) (local $slot i32)
    (loop $next
      (local.set $function (i32.load (local.get $at)))
      (if (i32.eq (local.get $function) (i32.const {layout.END:#x})) (then (return (i32.const 0))))
      (if (i32.eq (local.get $function) (i32.const {layout.RETURN:#x}))
        (then
          (return (i32.wrap_i64 (call $argument (i32.add (local.get $at) (i32.const {layout.STEP})) (i32.const 0))))))
      (if (i32.eq (local.get $function) (i32.const {layout.REPEAT:#x}))
        (then  ;; times, bytes of the block: quietly all but the last time
          (local.set $at (i32.add (local.get $at) (i32.const {layout.STEP})))
          (local.set $count (call $argument (local.get $at) (i32.const 0)))
          (local.set $slot (i32.wrap_i64 (call $argument (local.get $at) (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const {2 * layout.STEP})))
          (global.set $quiet (i32.add (global.get $quiet) (i32.const 1)))
          (loop $again
            (if (i64.gt_u (local.get $count) (i64.const 1))
              (then
                (drop (call $script (local.get $at)))
                (local.set $count (i64.sub (local.get $count) (i64.const 1)))
                (br $again))))
          (global.set $quiet (i32.sub (global.get $quiet) (i32.const 1)))
          (drop (call $script (local.get $at)))
          (local.set $at (i32.add (local.get $at) (local.get $slot)))
          (br $next)))
      (local.set $entry (call $begin (i32.load offset=12 (local.get $at))))
      (local.set $value
        (call_indirect (type $step) (i32.add (local.get $at) (i32.const {layout.STEP})) (local.get $function)))
      (call $finish (local.get $entry) (local.get $value))
      (local.set $slot (i32.load offset=4 (local.get $at)))
      (if (local.get $slot)
        (then (i64.store offset={layout.SLOTS:#x} (i32.shl (local.get $slot) (i32.const 3)) (local.get $value))))
      (local.set $at
        (i32.add
          (i32.add (local.get $at) (i32.const {layout.STEP}))
          (i32.mul (i32.load offset=8 (local.get $at)) (i32.const {layout.STEP}))))
      (br $next))
    (unreachable))

  (func $phase (param $number i32) (result i32)
    (local $script i32)
    (global.set $quiet (i32.const 0))
    (local.set $script (i32.load offset={layout.CONTROL:#x} (i32.shl (local.get $number) (i32.const 2))))
    (if (result i32) (local.get $script) (then (call $script (local.get $script))) (else (i32.const 0))))"""


def _phase(name: str) -> str:
    call = f"(call $phase (i32.const {PHASES.index(name)}))"
    if name.startswith("_"):
        return f"  (func ${name} (drop {call}))"
    return f"  (func ${name} (result i32) {call})"


def _callback() -> str:
    slots = [f"(i32.const {layout.SLOTS + 8 * slot:#x})" for slot in (1, 2, 3)]
    saved = "\n".join(f"    (local.set $old{n} (i64.load {slot}))" for n, slot in enumerate(slots))
    restored = "\n".join(f"    (i64.store {slot} (local.get $old{n}))" for n, slot in enumerate(slots))
    return f"""\
  ;; Run the script registered for a callback, with its parameters in the slots 1 to 3.
  (func $dataSourceCallback (param $callback i64) (param $source i32) (param $data i32)
    (local $at i32) (local $flags i32) (local $old0 i64) (local $old1 i64) (local $old2 i64)
    (local.set $at (i32.load (i32.const {layout.CALLBACKS:#x})))
    (block $found
      (loop $next
        (br_if $found (i32.eqz (i32.load offset=8 (local.get $at))))
        (br_if $found (i64.eq (i64.load (local.get $at)) (local.get $callback)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next)))
    (local.set $flags (i32.load offset=12 (local.get $at)))
    (global.set $quiet (i32.add (global.get $quiet) (local.get $flags)))
    (call $mark (i32.const {layout.CALLBACK_MARK:#x}) (local.get $callback)
      (i64.extend_i32_u (local.get $source)) (i64.extend_i32_u (local.get $data)))
{saved}
    (i64.store {slots[0]} (local.get $callback))
    (i64.store {slots[1]} (i64.extend_i32_u (local.get $source)))
    (i64.store {slots[2]} (i64.extend_i32_u (local.get $data)))
    (if (i32.load offset=8 (local.get $at)) (then (drop (call $script (i32.load offset=8 (local.get $at))))))
{restored}
    (global.set $quiet (i32.sub (global.get $quiet) (local.get $flags))))"""


def _malloc() -> str:
    return f"""\
  ;; A bump allocator that can misbehave: 1 gives 0, 2 garbage, 3 traps, 4 grows the memory before it answers.
  (func $malloc (param $size i32) (result i32)
    (local $mode i32) (local $address i32) (local $missing i32)
    (local.set $mode (i32.load (i32.const {layout.MALLOC_MODE:#x})))
    (if (i32.eq (local.get $mode) (i32.const 3)) (then (unreachable)))
    (if (i32.eq (local.get $mode) (i32.const 4)) (then (drop (memory.grow (i32.const 1)))))
    (local.set $address (global.get $heap))
    (global.set $heap  ;; with at least {layout.GAP} bytes to the next
      (i32.and (i32.add (i32.add (local.get $address) (local.get $size)) (i32.const 31)) (i32.const -16)))
    (local.set $missing
      (i32.sub
        (i32.shr_u (i32.add (global.get $heap) (i32.const 0xffff)) (i32.const 16))
        (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then
        (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (return (i32.const 0))))))
    (memory.fill (local.get $address) (i32.const {ord(layout.FILL)})
      (i32.sub (global.get $heap) (local.get $address)))
    (if (i32.eq (local.get $mode) (i32.const 1)) (then (local.set $address (i32.const 0))))
    (if (i32.eq (local.get $mode) (i32.const 2)) (then (local.set $address (i32.const 0xfffffff0))))
    (call $mark (i32.const {layout.MALLOC_MARK:#x}) (i64.extend_i32_u (local.get $size))
      (i64.extend_i32_u (local.get $address)) (i64.const 0))
    (local.get $address))"""


def _export(name: str) -> str:
    return f'  (export "{name}" (func ${name}))'


def main() -> int:
    """Write the stale guests below the workspace's root; with --check name them and exit 1."""
    parser = argparse.ArgumentParser(prog="python -m gadget_conformance.guests", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 when a file is stale")
    parser.add_argument("root", type=Path, nargs="?", default=Path(), help="the workspace (default: here)")
    args = parser.parse_args()
    abi = gadget_abi.load()
    stale = stale_guests(abi, args.root)
    for path in stale:
        if args.check:
            print(f"stale: {path}; run python -m gadget_conformance.guests", file=sys.stderr)
        else:
            (args.root / path).write_text(derived_guests(abi)[path], encoding="utf-8")
            print(f"wrote {path}")
    return 1 if stale and args.check else 0


if __name__ == "__main__":
    sys.exit(main())
