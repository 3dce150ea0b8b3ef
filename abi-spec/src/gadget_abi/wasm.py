"""Read what a wasm binary says about itself: types, imports, exports, memories. Code is not looked at.

Binary format: https://webassembly.github.io/spec/core/binary/modules.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeVar

from gadget_abi.errors import WasmError

__all__ = ["External", "FuncType", "Kind", "Limits", "Module", "Section", "is_component", "read_module"]

T = TypeVar("T")

MAGIC = b"\0asm"
CORE_VERSION = b"\1\0\0\0"
COMPONENT_LAYER = b"\1\0"  # upper half of the version field of a component (component-model, Binary.md)

_VALUE_TYPES = {
    0x7F: "i32",
    0x7E: "i64",
    0x7D: "f32",
    0x7C: "f64",
    0x7B: "v128",
    0x70: "funcref",
    0x6F: "externref",
}


class Section(IntEnum):
    """Section ids, in the order they have in a file except for DATA_COUNT, which precedes CODE."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12


class Kind(IntEnum):
    """What an import or export is; also the five index spaces."""

    FUNC = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@dataclass(frozen=True)
class FuncType:
    """A function type: names of parameter and result types."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> ({', '.join(self.results)})"


@dataclass(frozen=True)
class Limits:
    """Size of a memory (64 KiB pages) or table (elements); `max` is None when unbounded."""

    min: int
    max: int | None


@dataclass(frozen=True)
class External:
    """An import or export; `module` is empty for exports, `type` a FuncType for functions."""

    module: str
    name: str
    kind: Kind
    type: FuncType | Limits | str


@dataclass
class Module:
    """What a core module declares."""

    types: list[FuncType | None] = field(default_factory=list)  # None: a type that is no function
    imports: list[External] = field(default_factory=list)
    exports: list[External] = field(default_factory=list)
    functions: list[FuncType] = field(default_factory=list)  # the whole index space, imports first
    tables: list[Limits] = field(default_factory=list)
    memories: list[Limits] = field(default_factory=list)
    globals: list[str] = field(default_factory=list)
    tags: int = 0
    start: int | None = None
    custom: list[str] = field(default_factory=list)
    bodies: int = 0  # functions with code

    @property
    def imported_functions(self) -> int:
        """How many functions are imported."""
        return sum(item.kind == Kind.FUNC for item in self.imports)

    def export(self, name: str) -> External | None:
        """The export of that name."""
        return next((export for export in self.exports if export.name == name), None)


class _Reader:
    """A cursor over the bytes of a file, between `at` and `end`."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def take(self, count: int) -> bytes:
        if count > self.end - self.at:
            raise WasmError(f"expected {count} more bytes, found {self.end - self.at}", self.at)
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self) -> int:
        return self.take(1)[0]

    def u32(self, bits: int = 32) -> int:
        start, result, shift = self.at, 0, 0
        while shift < bits:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                if result >> bits:
                    break
                return result
            shift += 7
        raise WasmError(f"number does not fit {bits} bits", start)

    def name(self) -> str:
        start = self.at
        try:
            return self.take(self.u32()).decode("utf-8")
        except UnicodeDecodeError:
            raise WasmError("name is not UTF-8", start) from None

    def vector(self, item: Callable[[], T]) -> Iterator[T]:
        for _ in range(self.u32()):
            yield item()

    def section(self) -> tuple[int, _Reader]:
        kind, size = self.byte(), self.u32()
        body = _Reader(self.data, self.at, self.at + size)
        self.take(size)
        return kind, body


def is_component(data: bytes) -> bool:
    """Tell whether the bytes are a wasm component rather than a core module."""
    return data[:4] == MAGIC and data[6:8] == COMPONENT_LAYER


def read_module(data: bytes) -> Module:
    """Read a core module.

    Raises:
        WasmError: not a core module, or malformed; with the byte offset.
    """
    if data[:4] != MAGIC:
        raise WasmError(f"not a wasm file: it starts with {data[:4]!r} instead of {MAGIC!r}", 0)
    if is_component(data):
        raise WasmError("a component, not a core module", 4)
    if data[4:8] != CORE_VERSION:
        raise WasmError(f"unknown version {data[4:8]!r}", 4)
    module, reader = Module(), _Reader(data, 8, len(data))
    while reader.at < reader.end:
        kind, body = reader.section()
        _read_section(module, kind, body)
    if module.bodies != (declared := len(module.functions) - module.imported_functions):
        raise WasmError(f"{declared} functions declared, {module.bodies} have a body: cut short?", reader.at)
    return module


def _read_section(module: Module, kind: int, body: _Reader) -> None:
    match kind:
        case Section.CUSTOM:
            module.custom.append(body.name())
            return
        case Section.TYPE:
            _types(module, body)
            return  # later proposals' types may follow: their bodies are not read
        case Section.IMPORT:
            for entry in body.vector(lambda: _import(module, body)):
                module.imports.append(entry)
        case Section.FUNCTION:
            module.functions.extend(body.vector(lambda: _func_type(module, body)))
        case Section.TABLE:
            return  # a table may carry an initialiser; only imports and memories matter here
        case Section.MEMORY:
            module.memories.extend(body.vector(lambda: _limits(body)))
        case Section.EXPORT:
            module.exports.extend(body.vector(lambda: _export(module, body)))
        case Section.START:
            module.start = body.u32()
        case Section.CODE:
            module.bodies = body.u32()
            return
        case _:
            return
    if body.at != body.end:
        raise WasmError(f"{body.end - body.at} bytes too many in section {kind}", body.at)


def _types(module: Module, body: _Reader) -> None:
    for _ in range(body.u32()):
        form = body.byte()
        if form != 0x60:
            raise WasmError(f"type of form {form:#x}: only function types are in wasm 2.0", body.at - 1)
        params = tuple(body.vector(lambda: _value_type(body)))
        module.types.append(FuncType(params, tuple(body.vector(lambda: _value_type(body)))))


def _value_type(body: _Reader) -> str:
    code = body.byte()
    if code not in _VALUE_TYPES:
        raise WasmError(f"unknown value type {code:#x}", body.at - 1)
    return _VALUE_TYPES[code]


def _func_type(module: Module, body: _Reader) -> FuncType:
    start, index = body.at, body.u32()
    if index >= len(module.types) or (found := module.types[index]) is None:
        raise WasmError(f"no function type {index}", start)
    return found


def _limits(body: _Reader) -> Limits:
    flags = body.byte()
    bits = 64 if flags & 4 else 32
    minimum = body.u32(bits)
    return Limits(minimum, body.u32(bits) if flags & 1 else None)


def _import(module: Module, body: _Reader) -> External:
    names, start = (body.name(), body.name()), body.at
    match body.byte():
        case Kind.FUNC:
            func = _func_type(module, body)
            module.functions.append(func)
            return External(*names, Kind.FUNC, func)
        case Kind.TABLE:
            element = _value_type(body)
            module.tables.append(_limits(body))
            return External(*names, Kind.TABLE, element)
        case Kind.MEMORY:
            module.memories.append(_limits(body))
            return External(*names, Kind.MEMORY, module.memories[-1])
        case Kind.GLOBAL:
            value = _value_type(body)
            module.globals.append(("mut " if body.byte() else "") + value)
            return External(*names, Kind.GLOBAL, module.globals[-1])
        case Kind.TAG:
            body.byte()
            module.tags += 1
            return External(*names, Kind.TAG, _func_type(module, body))
        case other:
            raise WasmError(f"unknown kind of import {other:#x}", start)


def _export(module: Module, body: _Reader) -> External:
    name, start = body.name(), body.at
    kind, index = body.byte(), body.u32()
    if kind == Kind.FUNC:
        if index >= len(module.functions):
            raise WasmError(f"export {name!r}: no function {index}", start)
        return External("", name, Kind.FUNC, module.functions[index])
    if kind == Kind.MEMORY:
        if index >= len(module.memories):
            raise WasmError(f"export {name!r}: no memory {index}", start)
        return External("", name, Kind.MEMORY, module.memories[index])
    if kind not in Kind.__members__.values():
        raise WasmError(f"unknown kind of export {kind:#x}", start)
    return External("", name, Kind(kind), "")
