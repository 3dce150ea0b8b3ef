"""A core module as data."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from gadget_abi.wasm import Kind, Section

__all__ = [
    "Body",
    "Constant",
    "CoreModule",
    "Data",
    "Element",
    "Export",
    "FuncType",
    "Global",
    "GlobalType",
    "Import",
    "Kind",
    "Limits",
    "Section",
    "TableType",
    "ValueType",
]


class ValueType(IntEnum):
    """Value types of wasm 2.0, by their code."""

    I32 = 0x7F
    I64 = 0x7E
    F32 = 0x7D
    F64 = 0x7C
    V128 = 0x7B
    FUNCREF = 0x70
    EXTERNREF = 0x6F


class FuncType(NamedTuple):
    """Parameter and result types, one ValueType code per byte."""

    params: bytes
    results: bytes

    def __str__(self) -> str:
        params, results = (", ".join(ValueType(c).name.lower() for c in codes) for codes in self)
        return f"({params}) -> ({results})"


class Limits(NamedTuple):
    """Size of a memory (pages of 64 KiB) or table (elements); `max` is None when unbounded."""

    min: int
    max: int | None = None


class TableType(NamedTuple):
    """Element type (FUNCREF, EXTERNREF) and size of a table."""

    element: int
    limits: Limits


class GlobalType(NamedTuple):
    """Value type and mutability of a global."""

    value: int
    mutable: bool


class Import(NamedTuple):
    """An import. `type` is a type index for functions and tags."""

    module: str
    name: str
    kind: Kind
    type: int | TableType | Limits | GlobalType


class Export(NamedTuple):
    """What an export refers to."""

    kind: Kind
    index: int  # type: ignore[assignment]  # a tuple's own index() is of no use here


Instruction = tuple[int, int | bytes]
Constant = tuple[Instruction, ...]
"""A constant expression without its end: (opcode, immediate); the immediate of an opcode without one is 0."""


class Global(NamedTuple):
    """A global and its initial value."""

    type: GlobalType
    init: Constant


class Element(NamedTuple):
    """An element segment: functions (None: a null reference) to write to `table` from `offset` on.

    A segment that is not active has no offset; `declarative` ones are never written.
    """

    functions: tuple[int | None, ...]
    element: int
    table: int = 0
    offset: Constant | None = None
    declarative: bool = False


class Data(NamedTuple):
    """A data segment: the bytes source[start:end]; a passive one has no offset."""

    start: int
    end: int
    memory: int = 0
    offset: Constant | None = None


class Body(NamedTuple):
    """A function body: locals from `start`, instructions from `code` to `end`, all offsets in the source."""

    start: int
    code: int
    end: int


@dataclass
class CoreModule:
    """A core module. Indices are those of the file: of every kind, imports come first.

    `functions` are type indices; spans (bodies, data) are offsets in `source`.
    """

    source: bytes = b""
    types: list[FuncType] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tables: list[TableType] = field(default_factory=list)
    memories: list[Limits] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: dict[str, Export] = field(default_factory=dict)
    start: int | None = None
    elements: list[Element] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    data: list[Data] = field(default_factory=list)
    customs: list[str] = field(default_factory=list)

    def imported(self, kind: Kind) -> list[Import]:
        """The imports of a kind, in index order."""
        return [item for item in self.imports if item.kind == kind]

    def defined(self, kind: Kind) -> int:
        """How many entries of an index space the module defines itself."""
        spaces: dict[Kind, Sized] = {
            Kind.FUNC: self.functions,
            Kind.TABLE: self.tables,
            Kind.MEMORY: self.memories,
            Kind.GLOBAL: self.globals,
        }
        return len(spaces.get(kind, ()))
