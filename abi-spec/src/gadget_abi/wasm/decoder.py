"""Decode types and instructions, and take note of everything that came after wasm 2.0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from gadget_abi.wasm.binary import Reader
from gadget_abi.wasm.module import FuncType, Limits
from gadget_abi.wasm.opcodes import INSTRUCTIONS, Opcode

__all__ = ["Decoder"]

# Code -> name and feature. Types of references may also stand alone, as heap types.
_NUMBERS = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128"}
_REFERENCES = {
    0x70: ("funcref", ""),
    0x6F: ("externref", ""),
    0x6E: ("anyref", "gc"),
    0x6D: ("eqref", "gc"),
    0x6C: ("i31ref", "gc"),
    0x6B: ("structref", "gc"),
    0x6A: ("arrayref", "gc"),
    0x71: ("nullref", "gc"),
    0x72: ("nullexternref", "gc"),
    0x73: ("nullfuncref", "gc"),
    0x69: ("exnref", "exceptions"),
    0x74: ("nullexnref", "exceptions"),
}
_REF_NULL, _REF, _EMPTY = 0x63, 0x64, 0x40
_MOST_CONSTANT = 10_000  # instructions: a global's value is one, an array's initial elements may be many
_PREFIXES = frozenset(prefix for prefix, _ in INSTRUCTIONS if prefix)


class Decoder(Reader):
    """A reader that knows types and instructions.

    `found` maps each feature beyond wasm 2.0 to the offset of its first use; cursors made by `within` share it.
    """

    __slots__ = ("found",)

    def __init__(
        self, data: bytes, at: int = 0, end: int | None = None, found: dict[str, int] | None = None
    ) -> None:
        super().__init__(data, at, end)
        self.found: dict[str, int] = {} if found is None else found

    def within(self, at: int, end: int) -> Self:
        """Another cursor over the same file, with the same notes."""
        return type(self)(self.data, at, end, self.found)

    def note(self, feature: str, at: int) -> None:
        """Take note of a use of a feature; "" is wasm 2.0."""
        if feature:
            self.found.setdefault(feature, at)

    # ------------------------------------------------------------------------------------------- types

    def value_type(self) -> str:
        """A value type, by name."""
        start, code = self.at, self.byte()
        if code in _NUMBERS:
            return _NUMBERS[code]
        if code in _REFERENCES:
            name, feature = _REFERENCES[code]
            self.note(feature, start)
            return name
        if code in (_REF, _REF_NULL):
            self.note("function-references", start)
            return f"(ref {'null ' if code == _REF_NULL else ''}{self.heap_type()})"
        raise self.fail(f"unknown value type {code:#x}", start)

    def heap_type(self) -> str:
        """What a reference refers to: one of the fixed types, or a type index."""
        start = self.at
        if self.peek() in _REFERENCES:
            return self.value_type().removesuffix("ref")
        if (index := self.signed(33)) < 0:
            raise self.fail("unknown heap type", start)
        self.note("function-references", start)
        return str(index)

    def block_type(self) -> None:
        """Nothing, one result, or the index of a function type."""
        start, code = self.at, self.peek()
        if code == _EMPTY:
            self.at += 1
        elif code in _NUMBERS or code in _REFERENCES or code in (_REF, _REF_NULL):
            self.value_type()
        elif self.signed(33) < 0:
            raise self.fail("unknown block type", start)

    def value_types(self) -> tuple[str, ...]:
        """A vector of value types."""
        return tuple(self.value_type() for _ in range(self.count("value types", 1000)))

    def func_type(self) -> FuncType:
        """A function type, without the byte that says it is one."""
        return FuncType(self.value_types(), self.value_types())

    def limits(self) -> Limits:
        """Limits of a memory or table."""
        start, flags = self.at, self.byte()
        for bit, feature in ((2, "threads"), (4, "memory64"), (8, "custom-page-sizes")):
            self.note(feature if flags & bit else "", start)
        if flags > 0xF:
            raise self.fail(f"limits with flags {flags:#x}", start)
        bits = 64 if flags & 4 else 32
        least = self.unsigned(bits)
        most = self.unsigned(bits) if flags & 1 else None
        if flags & 8:
            self.u32()
        if most is not None and most < least:
            raise self.fail(f"limits from {least} to {most}", start)
        return Limits(least, most)

    def global_type(self) -> str:
        """Type of a global: "i32", "mut i32"."""
        value, start, mutable = self.value_type(), self.at, self.byte()
        if mutable > 1:
            raise self.fail(f"mutability {mutable}", start)
        return f"mut {value}" if mutable else value

    # ------------------------------------------------------------------------------------ instructions

    def instruction(self) -> tuple[Opcode, int]:
        """Step over one instruction; returns its opcode and its first immediate, 0 where that is no index."""
        start, number, prefix = self.at, self.byte(), 0
        if number in _PREFIXES:
            prefix, number = number, self.u32()
        row = INSTRUCTIONS.get((prefix, number))
        if row is None:
            text = self.data[start : min(self.at, start + 4)].hex(" ")
            raise self.fail(f"unknown instruction {text}", start)
        self.note(row.feature, start)
        values = [_IMMEDIATES[kind](self) for kind in row.immediates]
        first = values[0] if values else 0
        return (prefix, number), first if isinstance(first, int) else 0

    def constant(self, imported_globals: int) -> None:
        """Step over a constant expression."""
        first = self.at
        for _ in range(_MOST_CONSTANT):
            start = self.at
            opcode, index = self.instruction()
            if opcode == (0, 0x0B):
                return
            if opcode in _EXTENDED or (opcode == (0, 0x23) and index >= imported_globals):
                self.note("extended-const", start)
            elif opcode not in _CONSTANT and INSTRUCTIONS[opcode].feature != "gc":
                raise self.fail("an instruction that is not constant in a constant expression", start)
        raise self.fail(f"a constant expression of more than {_MOST_CONSTANT} instructions", first)

    def memory_index(self) -> int:
        """Index of a memory: 0, until there could be several."""
        start, index = self.at, self.u32()
        self.note("multi-memory" if index else "", start)
        return index

    def _memarg(self) -> None:
        start, alignment = self.at, self.u32()
        if alignment & 0x40:
            self.note("multi-memory", start)
            self.u32()
        self.unsigned(64)

    def _value_type_list(self) -> None:
        start = self.at
        if len(self.value_types()) != 1:
            raise self.fail("select with other than one type", start)

    def _labels(self) -> None:
        for _ in range(self.count("labels") + 1):
            self.u32()

    def _catches(self) -> None:
        for _ in range(self.count("catch clauses")):
            start, kind = self.at, self.byte()
            if kind > 3:
                raise self.fail(f"unknown catch clause {kind:#x}", start)
            if kind < 2:
                self.u32()
            self.u32()


# arithmetic; all but global.get, which is extended only for globals of the module's own
_EXTENDED = frozenset((0, opcode) for opcode in (0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E))
_CONSTANT = frozenset([*((0, opcode) for opcode in (0x23, 0x41, 0x42, 0x43, 0x44, 0xD0, 0xD2)), (0xFD, 0x0C)])

_INDICES = ["func", "type", "table", "global", "data", "elem", "local", "label", "tag", "field", "length"]
_IMMEDIATES: dict[str, Callable[[Decoder], object]] = {
    **dict.fromkeys(_INDICES, Decoder.u32),
    "blocktype": Decoder.block_type,
    "heaptype": Decoder.heap_type,
    "valuetypes": Decoder._value_type_list,
    "labels": Decoder._labels,
    "catches": Decoder._catches,
    "memarg": Decoder._memarg,
    "memory": Decoder.memory_index,
    "i32": lambda decoder: decoder.signed(32),
    "i64": lambda decoder: decoder.signed(64),
    "f32": lambda decoder: decoder.skip(4),
    "f64": lambda decoder: decoder.skip(8),
    "v128": lambda decoder: decoder.skip(16),
    "lane": Decoder.byte,
    "flags": Decoder.byte,
}
