"""Constant expressions, evaluated.

The libraries in a component compute where their segments go from imported globals (`__memory_base`,
`__table_base`). In one module those globals are no imports any more, and wasm 2.0 allows neither arithmetic nor a
global of the module itself in a constant expression: what remains has to be plain constants.
"""

from __future__ import annotations

from typing import NamedTuple

from gadget_build.component.graph import Definition, Graph, LinkError, Target
from gadget_build.wasm import binary
from gadget_build.wasm.module import Constant, Kind

__all__ = ["Value", "encode", "fold", "fold_i32"]

_GLOBAL_GET, _I32, _I64, _F32, _F64, _REF_NULL, _REF_FUNC = 0x23, 0x41, 0x42, 0x43, 0x44, 0xD0, 0xD2
_DEEPEST = 16
_ARITHMETIC = {
    0x6A: (_I32, int.__add__),
    0x6B: (_I32, int.__sub__),
    0x6C: (_I32, int.__mul__),
    0x7C: (_I64, int.__add__),
    0x7D: (_I64, int.__sub__),
    0x7E: (_I64, int.__mul__),
}
_MASKS = {_I32: 0xFFFFFFFF, _I64: 0xFFFFFFFFFFFFFFFF}


class Value(NamedTuple):
    """A folded constant: the opcode that makes it (t.const, ref.null, ref.func) and its immediate."""

    opcode: int
    value: int | bytes | Target


def fold(graph: Graph, unit: int, code: Constant, depth: int = 0) -> Value:
    """Evaluate a constant expression of a unit; `depth` counts the globals that led to it.

    Raises:
        LinkError: it depends on the host, on itself, or is not well-typed.
    """
    stack: list[Value] = []
    for opcode, immediate in code:
        if opcode in _ARITHMETIC:
            kind, operation = _ARITHMETIC[opcode]
            right, left = _number(stack, kind), _number(stack, kind)
            stack.append(Value(kind, operation(left, right) & _MASKS[kind]))
        elif opcode == _GLOBAL_GET:
            stack.append(_global(graph, unit, immediate, depth))
        elif opcode == _REF_FUNC:
            assert isinstance(immediate, int)
            stack.append(Value(opcode, graph.resolve(Definition(unit, Kind.FUNC, immediate))))
        else:
            stack.append(Value(opcode, immediate))
    if len(stack) != 1:
        raise _broken(graph, unit)
    return stack[0]


def fold_i32(graph: Graph, unit: int, code: Constant) -> int:
    """Evaluate an offset; unsigned."""
    value = fold(graph, unit, code)
    if value.opcode != _I32 or not isinstance(value.value, int):
        raise _broken(graph, unit)
    return value.value & _MASKS[_I32]


def encode(value: Value) -> bytes:
    """A folded constant as an expression with its end; not for a reference to a function."""
    opcode = bytes((value.opcode,))
    match value.opcode, value.value:
        case (0x41, int(number)):
            return opcode + binary.s32(number) + b"\x0b"
        case (0x42, int(number)):
            return opcode + binary.s64(number) + b"\x0b"
        case (0xD0, int(number)):
            return opcode + bytes((number,)) + b"\x0b"
        case (_, bytes(raw)):
            return opcode + raw + b"\x0b"
    raise LinkError(f"a constant that is no number: opcode {value.opcode:#04x}")


def _broken(graph: Graph, unit: int) -> LinkError:
    return LinkError(f"module {graph.units[unit].name!r}: a constant expression that is not well-typed")


def _number(stack: list[Value], kind: int) -> int:
    if not stack or stack[-1].opcode != kind or not isinstance(stack[-1].value, int):
        raise LinkError("a constant expression that is not well-typed")
    value = stack.pop().value
    assert isinstance(value, int)
    return value


def _global(graph: Graph, unit: int, index: int | bytes, depth: int) -> Value:
    assert isinstance(index, int)
    if depth > _DEEPEST:
        raise LinkError(f"module {graph.units[unit].name!r}: globals that are defined by each other")
    target = graph.resolve(Definition(unit, Kind.GLOBAL, index))
    if not isinstance(target, Definition):
        raise LinkError(f"a constant expression depends on the host's {target.module!r} {target.name!r}")
    owner = graph.units[target.unit]
    position = target.index - len(owner.imported[Kind.GLOBAL])
    if position >= len(owner.module.globals) or owner.module.globals[position].type.mutable:
        raise LinkError(f"module {owner.name!r}: a constant expression depends on global {index}")
    return fold(graph, target.unit, owner.module.globals[position].init, depth + 1)
