"""A module taken apart: the memory with its data, and the code that imports it."""

import pytest
import wasmtime

from gadget_abi.wasm import Kind, read_module
from gadget_host._split import MEMORY, moved, split, start_name
from tests.host.puppet import wat

EXPORTED = '(memory (export "memory") 1)'
SECTION = "(start $first) (func $first)"

# Fields and memory of a module -> the name its (start) function gets.
MODULES = {
    "nothing": ("", EXPORTED, None),
    "no memory": ("", "", None),
    "a memory that is not exported": ("", "(memory 1 7)", None),
    "an import": ('(import "a" "b" (func))', EXPORTED, None),
    "a section": (SECTION, EXPORTED, "gadget-host:start"),
    "a section of an imported function": (
        '(import "a" "b" (func $first)) (start $first)',
        EXPORTED,
        "gadget-host:start",
    ),
    "a section, with names that are taken": (
        f'{SECTION} (func (export "gadget-host:start") (export "gadget-host:start\'"))',
        "(memory 1)",
        "gadget-host:start''",
    ),
    "everything, between other sections": (
        f'{SECTION} (@custom "a" (before start) "x") (@custom "b" (after export) "y") (table 1 funcref)'
        ' (@custom "c" (before first) "z") (elem (i32.const 0) $first) (global i32 (i32.const 7))'
        ' (data (i32.const 9) "data")',
        EXPORTED,
        "gadget-host:start",
    ),
    "data that code refers to": (
        '(data $d "data") (func (memory.init $d (i32.const 9) (i32.const 0) (i32.const 4)) (data.drop $d))',
        EXPORTED,
        None,
    ),
}


@pytest.mark.parametrize("name", MODULES)
def test_both_parts_are_valid_and_fit_each_other(name: str) -> None:
    """The image exports a memory of the module's limits, which the code imports last; nothing runs by itself."""
    fields, memory, start = MODULES[name]
    wasm = wat(fields, memory=memory)
    before, parts = read_module(wasm), split(wasm, read_module(wasm))
    code = read_module(parts.code)
    wasmtime.Module.validate(wasmtime.Engine(), parts.code)
    assert start_name(before) == start
    assert code.start is None
    if start:
        found = code.export(start)
        assert found is not None
        assert (found.kind, found.index) == (Kind.FUNC, before.start)
    if not before.memories:
        assert parts.image is None
        return
    assert parts.image is not None
    wasmtime.Module.validate(wasmtime.Engine(), parts.image)
    image = read_module(parts.image)
    assert image.memories == before.memories
    assert [item.name for item in image.exports] == [MEMORY]
    last = code.imports[-1]
    assert (last.kind, last.type) == (Kind.MEMORY, before.memories[0])


@pytest.mark.parametrize("name", MODULES)
def test_nothing_else_changes(name: str) -> None:
    """Imports and exports of the module's own come first and as they were, and so does everything else but data."""
    fields, memory, _ = MODULES[name]
    wasm = wat(fields, memory=memory)
    before, code = read_module(wasm), split(wasm, read_module(wasm)).code
    after = read_module(code)
    assert after.imports[: len(before.imports)] == before.imports
    assert after.exports[: len(before.exports)] == before.exports
    for part in ("types", "functions", "tables", "globals", "custom"):
        assert getattr(after, part) == getattr(before, part), part
    bodies = [data[slice(*body)] for data, read in ((wasm, before), (code, after)) for body in read.bodies]
    assert bodies[: len(before.bodies)] == bodies[len(before.bodies) :]
    if before.bodies:
        assert after.bodies[0][0] - before.bodies[0][0] == moved(wasm, before)


def test_the_data_is_in_the_image_unless_code_refers_to_it() -> None:
    """wasmtime maps an image; what code copies itself stays with it."""
    for name, where in (("everything, between other sections", 0), ("data that code refers to", 1)):
        fields, memory, _ = MODULES[name]
        wasm = wat(fields, memory=memory)
        parts = split(wasm, read_module(wasm))
        assert [b"data" in part for part in parts if part] == [where == 0, where == 1]
