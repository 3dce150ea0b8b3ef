"""Read the sections of a core module, each into what it declares.

Binary format: https://webassembly.github.io/spec/core/binary/modules.html
"""

from __future__ import annotations

from collections.abc import Callable

from gadget_abi.errors import WasmError
from gadget_abi.wasm.binary import MAX_ENTRIES
from gadget_abi.wasm.decoder import Decoder
from gadget_abi.wasm.module import External, FuncType, Kind, Limits, Module, Section, Span

__all__ = ["SECTIONS"]

_MOST_EXTERNALS = 100_000  # imports, exports: ten times what the largest programs have
_MOST_ELEMENTS = 10_000_000  # of a table, as engines have it


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
    module.functions += [_func_type(module, body) for _ in range(body.count("functions"))]


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


SECTIONS: dict[Section, Callable[[Module, Decoder], None]] = {
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
"""What reads each section; custom ones are not among them."""
