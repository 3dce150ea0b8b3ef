"""What a module keeps to itself: exported by the host, and nothing else of the module changed."""

import pytest
import wasmtime

from gadget_abi.wasm import Kind, read_module
from gadget_host._hidden import Names, names_of, reveal
from tests.host.puppet import wat

EXPORTED = '(memory (export "memory") 1)'
HIDDEN = "(memory 1)"
SECTION = "(start $first) (func $first)"

# Fields and memory of a module -> the names its memory and (start) function get.
MODULES = {
    "nothing": ("", EXPORTED, Names("memory", None)),
    "no memory": ("", "", Names(None, None)),
    "a memory": ("", HIDDEN, Names("gadget-host:memory", None)),
    "a section": (SECTION, EXPORTED, Names("memory", "gadget-host:start")),
    "a section of an imported function": (
        '(import "a" "b" (func $first)) (start $first)',
        EXPORTED,
        Names("memory", "gadget-host:start"),
    ),
    "both": (SECTION, HIDDEN, Names("gadget-host:memory", "gadget-host:start")),
    "both, with names that are taken": (
        f'{SECTION} (func (export "gadget-host:start") (export "gadget-host:start\'") (export "gadget-host:memory"))',
        HIDDEN,
        Names("gadget-host:memory'", "gadget-host:start''"),
    ),
    "both, between other sections": (
        f'{SECTION} (@custom "a" (before start) "x") (@custom "b" (after export) "y") (table 1 funcref)'
        ' (elem (i32.const 0) $first) (data (i32.const 0) "d") (global i32 (i32.const 7))',
        HIDDEN,
        Names("gadget-host:memory", "gadget-host:start"),
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_what_is_hidden_is_exported(name: str) -> None:
    """Memory and (start) function are found under their names, and the section is gone."""
    fields, memory, names = MODULES[name]
    wasm = wat(fields, memory=memory)
    before = read_module(wasm)
    revealed = reveal(wasm, before)
    after = read_module(revealed)
    assert names_of(before) == names
    wasmtime.Module.validate(wasmtime.Engine(), revealed)
    assert after.start is None
    if names.memory:
        found = after.export(names.memory)
        assert found is not None
        assert found.kind == Kind.MEMORY
    if names.start:
        found = after.export(names.start)
        assert found is not None
        assert (found.kind, found.index) == (Kind.FUNC, before.start)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_else_changes(name: str) -> None:
    """Exports of the module's own come first and as they were, and so does everything that is no export."""
    fields, memory, _ = MODULES[name]
    wasm = wat(fields, memory=memory)
    before, revealed = read_module(wasm), reveal(wasm, read_module(wasm))
    after = read_module(revealed)
    assert after.exports[: len(before.exports)] == before.exports
    for part in ("types", "imports", "functions", "tables", "memories", "globals", "custom"):
        assert getattr(after, part) == getattr(before, part), part
    bodies = [
        data[slice(*body)] for data, read in ((wasm, before), (revealed, after)) for body in read.bodies
    ]
    assert bodies[: len(before.bodies)] == bodies[len(before.bodies) :]


def test_a_module_that_hides_nothing_is_not_copied() -> None:
    """Gadgets in Python are large and hide nothing."""
    wasm = wat("")
    assert reveal(wasm, read_module(wasm)) is wasm
