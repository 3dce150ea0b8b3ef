"""What a wasm trap means, in words."""

from __future__ import annotations

from wasmtime import Frame, Trap, TrapCode

__all__ = ["describe", "function_names"]

_OURS = (
    "plane",
    "trampolines",
)  # modules of the data plane, which a guest can make trap through bad pointers

_REASONS = {
    TrapCode.STACK_OVERFLOW: "used up its stack (endless recursion?)",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "accessed memory beyond its end",
    TrapCode.TABLE_OUT_OF_BOUNDS: "called through a function pointer beyond the table",
    TrapCode.INDIRECT_CALL_TO_NULL: "called through a null function pointer",
    TrapCode.BAD_SIGNATURE: "called through a function pointer of another type",
    TrapCode.INTEGER_OVERFLOW: "overflowed an integer division",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "divided by zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "converted a float that is no integer",
    TrapCode.UNREACHABLE: "executed `unreachable` (an abort, a panic or a failed assertion)",
    TrapCode.INTERRUPT: "was interrupted",
}


def describe(trap: Trap) -> str:
    """Why and where it happened: "trapped: divided by zero, in f (byte 0x4d)"."""
    code = trap.trap_code
    reason = _REASONS.get(code) if code else None
    if reason is None:
        reason = trap.message.rpartition("\n")[2].strip() or "unknown reason"
    where = [_place(frame) for frame in trap.frames if frame.module_name not in _OURS]
    return ", ".join([f"trapped: {reason}", *where[:1]])


def function_names(trap: Trap) -> list[str]:
    """Names of the functions on the stack, innermost first; those without a name are left out."""
    return [frame.func_name for frame in trap.frames if frame.func_name]


def _place(frame: Frame) -> str:
    name = frame.func_name or f"function {frame.func_index}"
    offset = frame.module_offset  # all ones where the frame has none
    return f"in {name}" if offset >> 32 else f"in {name} (byte {offset:#x})"
