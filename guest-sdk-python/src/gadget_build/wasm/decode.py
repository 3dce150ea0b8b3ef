"""Read a core module."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import TypeVar

from gadget_build.wasm.binary import MAGIC, Reader
from gadget_build.wasm.module import (
    Body,
    Constant,
    CoreModule,
    Data,
    Element,
    Export,
    FuncType,
    Global,
    GlobalType,
    Import,
    Kind,
    Limits,
    Section,
    TableType,
    ValueType,
)

__all__ = ["decode"]

T = TypeVar("T")
_E = TypeVar("_E", bound=IntEnum)

_ORDER = [*range(Section.TYPE, Section.ELEMENT + 1), Section.DATA_COUNT, Section.CODE, Section.DATA]
_MAX_LOCALS = 50_000  # as engines have it; a bigger number is a broken file


def decode(data: bytes, at: int = 0, end: int | None = None) -> CoreModule:
    """Read the core module data[at:end]; `at` may be inside a component, offsets stay those of `data`.

    Raises:
        WasmError: not a core module of wasm 2.0, or malformed.
    """
    reader = Reader(data, at, end)
    header = reader.take(8)
    if header != MAGIC + b"\1\0\0\0":
        raise reader.fail(f"not a core module: it starts with {header!r}", at)
    module, last = CoreModule(source=data), -1
    while reader.at < reader.end:
        start = reader.at
        kind, body = reader.section()
        if kind != Section.CUSTOM:
            if kind not in _ORDER or _ORDER.index(kind) <= last:
                raise reader.fail(f"section {kind} is unknown, repeated or out of order", start)
            last = _ORDER.index(kind)
        _SECTIONS[kind](module, body)
        body.finish(f"section {kind}")
    _check(module, reader)
    return module


def _check(module: CoreModule, reader: Reader) -> None:
    if len(module.functions) != len(module.bodies):
        raise reader.fail(f"{len(module.functions)} functions but {len(module.bodies)} bodies")
    spaces = {
        Kind.FUNC: len(module.imported(Kind.FUNC)) + len(module.functions),
        Kind.TABLE: len(module.imported(Kind.TABLE)) + len(module.tables),
        Kind.MEMORY: len(module.imported(Kind.MEMORY)) + len(module.memories),
        Kind.GLOBAL: len(module.imported(Kind.GLOBAL)) + len(module.globals),
        Kind.TAG: len(module.imported(Kind.TAG)),
    }
    used = [(f"export {name!r}", *export) for name, export in module.exports.items()]
    used += [] if module.start is None else [("the start section", Kind.FUNC, module.start)]
    used += [("an element", Kind.FUNC, f) for e in module.elements for f in e.functions if f is not None]
    used += [("an element segment", Kind.TABLE, e.table) for e in module.elements if e.offset is not None]
    used += [("a data segment", Kind.MEMORY, d.memory) for d in module.data if d.offset is not None]
    for who, kind, index in used:
        if index >= spaces[kind]:
            raise reader.fail(f"{who} refers to {kind.name.lower()} {index} of {spaces[kind]}")


def _vector(body: Reader, what: str, item: Callable[[Reader], T]) -> list[T]:
    return [item(body) for _ in range(body.count(what))]


def _member(body: Reader, kind: type[_E]) -> _E:
    code = body.byte()
    try:
        return kind(code)
    except ValueError:
        raise body.fail(f"{code:#04x} is no {kind.__name__} of wasm 2.0", body.at - 1) from None


def _value_types(body: Reader) -> bytes:
    return bytes(_vector(body, "value types", lambda b: _member(b, ValueType)))


def _type(body: Reader) -> FuncType:
    if body.byte() != 0x60:
        raise body.fail("expected a function type", body.at - 1)
    return FuncType(_value_types(body), _value_types(body))


def _types(module: CoreModule, body: Reader) -> None:
    module.types = _vector(body, "types", _type)


def _limits(body: Reader) -> Limits:
    flags = body.byte()
    if flags > 1:
        raise body.fail(f"limits with flags {flags:#x}: shared or 64-bit, not in wasm 2.0", body.at - 1)
    return Limits(body.u32(), body.u32() if flags else None)


def _table_type(body: Reader) -> TableType:
    element = _member(body, ValueType)
    if element not in (ValueType.FUNCREF, ValueType.EXTERNREF):
        raise body.fail("a table of something that is no reference", body.at - 1)
    return TableType(element, _limits(body))


def _global_type(body: Reader) -> GlobalType:
    value, mutable = _member(body, ValueType), body.byte()
    if mutable > 1:
        raise body.fail(f"mutability {mutable}", body.at - 1)
    return GlobalType(value, bool(mutable))


def _type_index(module: CoreModule, body: Reader) -> int:
    start, index = body.at, body.u32()
    if index >= len(module.types):
        raise body.fail(f"type {index} of {len(module.types)}", start)
    return index


def _imports(module: CoreModule, body: Reader) -> None:
    readers: dict[Kind, Callable[[], int | TableType | Limits | GlobalType]] = {
        Kind.FUNC: lambda: _type_index(module, body),
        Kind.TABLE: lambda: _table_type(body),
        Kind.MEMORY: lambda: _limits(body),
        Kind.GLOBAL: lambda: _global_type(body),
    }

    def one(body: Reader) -> Import:
        names, kind = (body.name(), body.name()), _member(body, Kind)
        if kind not in readers:
            raise body.fail("an imported tag: not in wasm 2.0", body.at - 1)
        return Import(*names, kind, readers[kind]())

    module.imports = _vector(body, "imports", one)


def _functions(module: CoreModule, body: Reader) -> None:
    module.functions = _vector(body, "functions", lambda b: _type_index(module, b))


def _tables(module: CoreModule, body: Reader) -> None:
    module.tables = _vector(body, "tables", _table_type)


def _memories(module: CoreModule, body: Reader) -> None:
    module.memories = _vector(body, "memories", _limits)


# Immediates of the instructions a constant expression may hold: the arithmetic is what dynamic libraries use for
# the offsets of their segments, and it is folded away by the linker.
_IMMEDIATES: dict[int, Callable[[Reader], int | bytes]] = {
    0x23: Reader.u32,
    0x41: lambda body: body.signed(32),
    0x42: lambda body: body.signed(64),
    0x43: lambda body: body.take(4),
    0x44: lambda body: body.take(8),
    **dict.fromkeys((0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E), lambda body: 0),
    0xD0: lambda body: _member(body, ValueType),
    0xD2: Reader.u32,
}


def _constant(body: Reader) -> Constant:
    code = []
    while (opcode := body.byte()) != 0x0B:
        if opcode not in _IMMEDIATES:
            raise body.fail(f"instruction {opcode:#04x} in a constant expression", body.at - 1)
        code.append((opcode, _IMMEDIATES[opcode](body)))
    return tuple(code)


def _globals(module: CoreModule, body: Reader) -> None:
    module.globals = _vector(body, "globals", lambda b: Global(_global_type(b), _constant(b)))


def _exports(module: CoreModule, body: Reader) -> None:
    for _ in range(body.count("exports")):
        start, name = body.at, body.name()
        if name in module.exports:
            raise body.fail(f"two exports of the name {name!r}", start)
        module.exports[name] = Export(_member(body, Kind), body.u32())


def _start(module: CoreModule, body: Reader) -> None:
    module.start = body.u32()


def _element(body: Reader) -> Element:
    flags = body.u32()
    if flags > 7:
        raise body.fail(f"element segment with flags {flags}", body.at - 1)
    active, explicit, expressions = not flags & 1, flags & 2, flags & 4
    table = body.u32() if active and explicit else 0
    offset = _constant(body) if active else None
    element: int = ValueType.FUNCREF
    if flags & 3:
        if expressions:
            element = _member(body, ValueType)
        elif body.byte():
            raise body.fail("unknown kind of element segment", body.at - 1)
    functions = _vector(body, "elements", _reference if expressions else Reader.u32)
    return Element(tuple(functions), element, table, offset, declarative=not active and bool(explicit))


def _reference(body: Reader) -> int | None:
    start, code = body.at, _constant(body)
    match code:
        case ((0xD2, int(index)),):
            return index
        case ((0xD0, _),):
            return None
        case _:
            raise body.fail("an element that is neither a function nor null", start)


def _elements(module: CoreModule, body: Reader) -> None:
    module.elements = _vector(body, "element segments", _element)


def _body(body: Reader) -> Body:
    size = body.u32()
    start = body.skip(size)
    locals_ = Reader(body.data, start, body.at)
    total = 0
    for _ in range(locals_.count("locals")):
        total += locals_.u32()
        _member(locals_, ValueType)
    if total > _MAX_LOCALS:
        raise locals_.fail(f"{total} locals", start)
    return Body(start, locals_.at, body.at)


def _code(module: CoreModule, body: Reader) -> None:
    module.bodies = _vector(body, "functions", _body)


def _datum(body: Reader) -> Data:
    flags = body.u32()
    if flags > 2:
        raise body.fail(f"data segment with flags {flags}", body.at - 1)
    memory = body.u32() if flags == 2 else 0
    offset = _constant(body) if flags != 1 else None
    size = body.u32()
    return Data(body.skip(size), body.at, memory, offset)


def _data(module: CoreModule, body: Reader) -> None:
    module.data = _vector(body, "data segments", _datum)


def _data_count(module: CoreModule, body: Reader) -> None:
    body.u32()


def _custom(module: CoreModule, body: Reader) -> None:
    module.customs.append(body.name())
    body.at = body.end


_SECTIONS: dict[int, Callable[[CoreModule, Reader], None]] = {
    Section.CUSTOM: _custom,
    Section.TYPE: _types,
    Section.IMPORT: _imports,
    Section.FUNCTION: _functions,
    Section.TABLE: _tables,
    Section.MEMORY: _memories,
    Section.GLOBAL: _globals,
    Section.EXPORT: _exports,
    Section.START: _start,
    Section.ELEMENT: _elements,
    Section.CODE: _code,
    Section.DATA: _data,
    Section.DATA_COUNT: _data_count,
}
