"""How the plane's text becomes a module: names, structures, inlined functions."""

import re
from importlib.resources import files
from typing import Any

import pytest
import wasmtime

from gadget_host.plane import layout
from gadget_host.plane.assembly import assemble, plane_text
from gadget_host.plane.inline import inline
from gadget_host.plane.layout import FUNCTIONS, HEAP_BASE, REASONS, STRUCTS, fill, names
from tests.plane.rig import ABI, profile_of

TEXT = """
(func $double (@inline) (param $x i32) (result i32)
  (i32.add (local.get $x) (local.get $x)))

(func $count_down (@inline) (param $from i32) (result i32)
  (local $sum i32) ;; zero every time, also on the second way round
  (loop $next
    (if (i32.eqz (local.get $from)) (then (return (local.get $sum))))
    (local.set $sum (i32.add (local.get $sum) (call $double (local.get $from))))
    (local.set $from (i32.sub (local.get $from) (i32.const 1)))
    (br $next))
  (unreachable))

(func $both (@inline) (param $x i32) (param $y i32) (result i32 i32)
  (if (i32.gt_s (local.get $x) (local.get $y)) (then (return (local.get $x) (local.get $y))))
  (local.get $y) (local.get $x))

(func $nothing (@inline) (param $x i32)
  (if (local.get $x) (then (return)))
  (global.set $seen (i32.add (global.get $seen) (i32.const 1))))

(global $seen (mut i32) (i32.const 0))

(func (export "run") (param $x i32) (param $y i32) (result i32)
  (local $i i32) (local $sum i32) (local $larger i32)
  (loop $next
    (local.set $sum (i32.add (local.get $sum) (call $count_down (call $double (local.get $x)))))
    (call $both (local.get $x) (local.get $y))
    (drop) (local.set $larger)
    (call $nothing (i32.sub (local.get $larger) (local.get $y)))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $i) (i32.const 3))))
  (i32.add (i32.mul (local.get $sum) (i32.const 1000)) (i32.add (local.get $larger) (global.get $seen))))
"""


def run(text: str, *arguments: int) -> Any:
    """The result of a module's "run"."""
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, bytes(wasmtime.wat2wasm(f"(module {text})")))
    function: Any = wasmtime.Instance(store, module, []).exports(store)["run"]
    return function(store, *arguments)


@pytest.mark.parametrize("arguments", [(0, 0), (1, 5), (5, 1), (3, 3), (10, -7)])
def test_inlined_functions_do_what_they_did(arguments: tuple[int, int]) -> None:
    """Nested calls, early returns, several results and locals give the same as calls."""
    assert run(inline(TEXT), *arguments) == run(TEXT.replace("(@inline)", ""), *arguments)


def test_inlined_functions_are_gone() -> None:
    """What is marked is no function of the module any more."""
    assert re.findall(r"\(func \$\w+", inline(TEXT)) == []
    assert "(call " not in inline(TEXT)


def test_a_name_that_is_not_defined_is_an_error() -> None:
    """A misspelt name in braces does not get into a module."""
    with pytest.raises(KeyError, match="no such name"):
        fill("(i32.const {object.nothing})", profile_of())


def test_every_reason_and_function_of_a_warning_is_used() -> None:
    """No text is left over for a warning that nobody gives."""
    text = "".join(
        file.read_text() for file in files(layout.__package__).iterdir() if file.name.endswith(".wat")
    )
    assert {name for name in REASONS if f"{{why.{name}}}" not in text} == set()
    assert {name for name in FUNCTIONS if f"{{fn.{name}}}" not in text} == {"gadgetShouldLog"}


def test_structures_that_are_shifted_to_have_a_size_of_a_power_of_two() -> None:
    """Where an index is shifted instead of multiplied the size allows it."""
    for line in files(layout.__package__).joinpath("sources.wat").read_text().splitlines():
        for name in re.findall(r"\{(\w+)\.SHIFT\}", line):
            assert STRUCTS[name].size == 1 << int(names(profile_of())[f"{name}.SHIFT"]), name


def test_the_regions_of_the_memory_do_not_overlap() -> None:
    """Control block, handle table, frames and heap lie behind one another."""
    control, numbers = STRUCTS["control"], names(profile_of())
    bounds = [
        16,
        16 + control.size,
        int(numbers["handles.BASE"]),
        int(numbers["handles.END"]),
        int(numbers["frames.BASE"]) + int(numbers["frames.LIMIT"]) * STRUCTS["frame"].size,
        HEAP_BASE,
    ]
    assert bounds == sorted(bounds)
    assert HEAP_BASE % 16 == 0


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("release", ["v0.30.0", "v0.37.0", "v0.38.0", "v0.39.0", "v0.43.0", ABI.newest])
def test_the_plane_needs_no_feature_beyond_multi_memory(release: str, strict: bool) -> None:
    """It is valid with wasm 2.0 and a second memory, and imports what `instance` gives it."""
    config = wasmtime.Config()
    for feature in ("wasm_tail_call", "wasm_memory64", "wasm_threads", "wasm_exceptions", "wasm_gc"):
        setattr(config, feature, False)
    module = wasmtime.Module(wasmtime.Engine(config), assemble(plane_text(profile_of(release, strict))))
    assert {item.module for item in module.imports} == {"plane", "guest", "host"}
