"""Read what a wasm binary declares, and on request what its code is made of.

Everything is read that a later version of wasm may add, so that it can be named instead of being called broken.
Types are not checked: that is the engine's job. Time is linear in the size of the file, memory a small multiple.

Binary format: https://webassembly.github.io/spec/core/binary/modules.html
"""

from __future__ import annotations

from collections.abc import Callable

from gadget_abi.errors import WasmError
from gadget_abi.wasm.binary import MAX_ENTRIES
from gadget_abi.wasm.code import name_functions, scan_code
from gadget_abi.wasm.decoder import Decoder
from gadget_abi.wasm.module import External, FuncType, Kind, Limits, Module, Section, Span, Use

__all__ = ["is_component", "read_module"]

MAGIC = b"\0asm"
CORE_VERSION = b"\1\0\0\0"
COMPONENT_LAYER = b"\1\0"  # upper half of the version field of a component (component-model, Binary.md)

_MOST_EXTERNALS = 100_000  # imports, exports: ten times what the largest programs have
_MOST_CUSTOMS = 10_000
_MOST_ELEMENTS = 10_000_000  # of a table, as engines have it

_ORDER = [
    *(Section.TYPE, Section.IMPORT, Section.FUNCTION, Section.TABLE, Section.MEMORY, Section.TAG),
    *(Section.GLOBAL, Section.EXPORT, Section.START, Section.ELEMENT, Section.DATA_COUNT),
    *(Section.CODE, Section.DATA),
]


def is_component(data: bytes) -> bool:
    """Tell whether the bytes are a wasm component rather than a core module."""
    return data[:4] == MAGIC and data[6:8] == COMPONENT_LAYER


def read_module(data: bytes, *, code: bool = False) -> Module:
    """Read a core module.

    Args:
        data: the file.
        code: look into the function bodies as well, for the features they use.

    Raises:
        WasmError: not a core module, or malformed; with the byte offset.
    """
    _check_header(data)
    module, reader = Module(), Decoder(data, 8)
    last, names = -1, Span(0, 0)
    while reader.at < reader.end:
        start = reader.at
        kind, body = reader.section()
        if kind == Section.CUSTOM:
            names = _custom(module, body) or names
            continue
        last = _in_order(kind, last, start)
        _SECTIONS[Section(kind)](module, body)
        body.finish(f"section {kind}")
    _check(module, reader)
    if code:
        scan_code(data, module)
        name_functions(data, module, names)
    return module


def _check_header(data: bytes) -> None:
    if data[:4] != MAGIC:
        raise WasmError(f"not a wasm file: it starts with {data[:4]!r} instead of {MAGIC!r}", 0)
    if is_component(data):
        raise WasmError("a component, not a core module", 4)
    if data[4:8] != CORE_VERSION:
        raise WasmError(f"unknown version {data[4:8]!r}", 4)


def _in_order(kind: int, last: int, start: int) -> int:
    place = _ORDER.index(Section(kind)) if kind in _ORDER else -1
    if place < 0:
        raise WasmError(f"unknown section {kind}", start)
    if place <= last:
        raise WasmError(f"section {kind} stands twice or out of order", start)
    return place


def _check(module: Module, reader: Decoder) -> None:
    for feature, at in reader.found.items():
        module.features[feature] = Use(feature, at)
    declared = len(module.functions) - module.imported_functions
    if len(module.bodies) != declared:
        found = len(module.bodies)
        raise WasmError(f"{declared} functions declared, {found} have a body: cut short?", reader.at)


def _custom(module: Module, body: Decoder) -> Span | None:
    """Note a custom section; gives the place of the one that names functions."""
    if len(module.custom) == _MOST_CUSTOMS:
        raise body.fail(f"more than {_MOST_CUSTOMS} custom sections")
    module.custom.append(body.name())
    return Span(body.at, body.end) if module.custom[-1] == "name" else None


def _each(body: Decoder, what: str, read: Callable[[], object], most: int = MAX_ENTRIES) -> None:
    for _ in range(body.count(what, most)):
        read()


# ------------------------------------------------------------------------------------------- types

_FUNC, _STRUCT, _ARRAY, _SUB, _SUB_FINAL, _REC = 0x60, 0x5F, 0x5E, 0x50, 0x4F, 0x4E


def _types(module: Module, body: Decoder) -> None:
    def entry() -> None:
        if body.peek() != _REC:
            return _type(module, body)
        body.note("gc", body.skip(1))
        return _each(body, "types", lambda: _type(module, body))

    _each(body, "types", entry)


def _type(module: Module, body: Decoder) -> None:
    start, form = body.at, body.byte()
    if form == _FUNC:
        module.types.append(body.func_type())
        return
    body.note("gc", start)
    if form in (_SUB, _SUB_FINAL):
        _each(body, "supertypes", body.u32)
        _type_below(module, body)
    elif form == _STRUCT:
        module.types.append(None)
        _each(body, "fields", lambda: _field(body))
    elif form == _ARRAY:
        module.types.append(None)
        _field(body)
    else:
        raise body.fail(f"unknown form of type {form:#x}", start)


def _type_below(module: Module, body: Decoder) -> None:
    if body.peek() in (_SUB, _SUB_FINAL):
        raise body.fail("a subtype of a subtype declaration")
    _type(module, body)


def _field(body: Decoder) -> None:
    if body.peek() in (0x77, 0x78):  # i16, i8: only in fields
        body.skip(2)
    else:
        body.global_type()


def _func_type(module: Module, body: Decoder) -> FuncType:
    start, index = body.at, body.u32()
    if index >= len(module.types) or (found := module.types[index]) is None:
        raise body.fail(f"no function type {index}", start)
    return found


# ------------------------------------------------------------------------------- imports and definitions


def _imports(module: Module, body: Decoder) -> None:
    def entry() -> None:
        names, start = (body.name(), body.name()), body.at
        code = body.byte()
        if code not in _DEFINE:
            raise body.fail(f"unknown kind of import {code:#x}", start)
        kind = Kind(code)
        index, declared = _DEFINE[kind](module, body)
        module.imports.append(External(*names, kind, declared, index))

    _each(body, "imports", entry, _MOST_EXTERNALS)


def _function(module: Module, body: Decoder) -> tuple[int, FuncType]:
    module.functions.append(_func_type(module, body))
    return len(module.functions) - 1, module.functions[-1]


def _table(module: Module, body: Decoder) -> tuple[int, str]:
    element = body.value_type()
    module.tables.append(body.limits())
    return len(module.tables) - 1, element


def _memory(module: Module, body: Decoder) -> tuple[int, Limits]:
    body.note("multi-memory" if module.memories else "", body.at)
    module.memories.append(body.limits())
    return len(module.memories) - 1, module.memories[-1]


def _global(module: Module, body: Decoder) -> tuple[int, str]:
    module.globals.append(body.global_type())
    return len(module.globals) - 1, module.globals[-1]


def _tag(module: Module, body: Decoder) -> tuple[int, FuncType]:
    start, attribute = body.at, body.byte()
    if attribute:
        raise body.fail(f"unknown attribute of a tag {attribute:#x}", start)
    body.note("exceptions", start)
    module.tags += 1
    return module.tags - 1, _func_type(module, body)


_DEFINE: dict[int, Callable[[Module, Decoder], tuple[int, FuncType | Limits | str]]] = {
    Kind.FUNC: _function,
    Kind.TABLE: _table,
    Kind.MEMORY: _memory,
    Kind.GLOBAL: _global,
    Kind.TAG: _tag,
}


def _functions(module: Module, body: Decoder) -> None:
    _each(body, "functions", lambda: _function(module, body))


def _tables(module: Module, body: Decoder) -> None:
    def entry() -> None:
        if initialised := body.peek() == 0x40:
            body.note("function-references", body.skip(2))
        _table(module, body)
        if initialised:
            body.constant(_imported_globals(module))

    _each(body, "tables", entry)


def _memories(module: Module, body: Decoder) -> None:
    _each(body, "memories", lambda: _memory(module, body))


def _tags(module: Module, body: Decoder) -> None:
    _each(body, "tags", lambda: _tag(module, body))


def _globals(module: Module, body: Decoder) -> None:
    imported = len(module.globals)

    def entry() -> None:
        _global(module, body)
        body.constant(imported)

    _each(body, "globals", entry)


def _imported_globals(module: Module) -> int:
    return sum(item.kind == Kind.GLOBAL for item in module.imports)


# ------------------------------------------------------------------------------------------- the rest


def _exports(module: Module, body: Decoder) -> None:
    seen = set[str]()

    def entry() -> None:
        at = body.at
        name, start = body.name(), body.at
        kind, index = body.byte(), body.u32()
        if kind not in Kind.__members__.values():
            raise body.fail(f"unknown kind of export {kind:#x}", start)
        if name in seen:
            raise body.fail(f"export {name!r} stands twice", at)
        seen.add(name)
        module.exports.append(_exported(module, name, Kind(kind), index, start))

    _each(body, "exports", entry, _MOST_EXTERNALS)


def _exported(module: Module, name: str, kind: Kind, index: int, at: int) -> External:
    sizes = {
        Kind.FUNC: len(module.functions),
        Kind.TABLE: len(module.tables),
        Kind.MEMORY: len(module.memories),
        Kind.GLOBAL: len(module.globals),
        Kind.TAG: module.tags,
    }
    if index >= sizes[kind]:
        raise WasmError(f"export {name!r}: no {kind.name.lower()} {index}", at)
    match kind:
        case Kind.FUNC:
            return External("", name, kind, module.functions[index], index)
        case Kind.MEMORY:
            return External("", name, kind, module.memories[index], index)
        case Kind.GLOBAL:
            return External("", name, kind, module.globals[index], index)
        case _:
            return External("", name, kind, "", index)


def _start(module: Module, body: Decoder) -> None:
    at, module.start = body.at, body.u32()
    if module.start >= len(module.functions):
        raise body.fail(f"the start section refers to function {module.start}, which is not there", at)


def _elements(module: Module, body: Decoder) -> None:
    imported = _imported_globals(module)

    def entry() -> None:
        start, flags = body.at, body.u32()
        if flags > 7:
            raise body.fail(f"element segment of kind {flags}", start)
        passive, explicit, expressions = flags & 1, flags & 2, flags & 4
        if not passive:
            if explicit:
                body.u32()
            body.constant(imported)
        if passive or explicit:
            if expressions:
                body.value_type()
            else:
                body.skip(1)
        for _ in range(body.count("elements", _MOST_ELEMENTS)):
            if expressions:
                body.constant(imported)
            else:
                body.u32()

    _each(body, "element segments", entry)


def _code(module: Module, body: Decoder) -> None:
    def entry() -> None:
        size = body.u32()
        start = body.skip(size)
        module.bodies.append(Span(start, body.at))

    _each(body, "function bodies", entry)


def _data(module: Module, body: Decoder) -> None:
    imported = _imported_globals(module)

    def entry() -> None:
        start, flags = body.at, body.u32()
        if flags > 2:
            raise body.fail(f"data segment of kind {flags}", start)
        if flags == 2:
            body.memory_index()
        if flags != 1:
            body.constant(imported)
        body.skip(body.u32())

    _each(body, "data segments", entry)


def _data_count(module: Module, body: Decoder) -> None:
    body.u32()


_SECTIONS: dict[Section, Callable[[Module, Decoder], None]] = {
    Section.TYPE: _types,
    Section.IMPORT: _imports,
    Section.FUNCTION: _functions,
    Section.TABLE: _tables,
    Section.MEMORY: _memories,
    Section.TAG: _tags,
    Section.GLOBAL: _globals,
    Section.EXPORT: _exports,
    Section.START: _start,
    Section.ELEMENT: _elements,
    Section.DATA_COUNT: _data_count,
    Section.CODE: _code,
    Section.DATA: _data,
}
