"""What a wasm trap means, in words."""

from __future__ import annotations

from wasmtime import Frame, Trap, TrapCode

__all__ = ["describe"]

_OURS = ("plane",)  # the data plane's module, which a guest can make trap through bad pointers

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


def describe(trap: Trap, moved: int = 0) -> str:
    """Why and where it happened: "trapped: divided by zero, in f (byte 0x4d)".

    Args:
        trap: what happened.
        moved: bytes by which the code is further behind than in the file.
    """
    code = trap.trap_code
    reason = _REASONS.get(code) if code else None
    if reason is None:
        reason = trap.message.rpartition("\n")[2].strip() or "unknown reason"
    where = [_place(frame, moved) for frame in trap.frames if frame.module_name not in _OURS]
    return ", ".join([f"trapped: {reason}", *where[:1]])


def _place(frame: Frame, moved: int) -> str:
    name = frame.func_name or f"function {frame.func_index}"
    offset = frame.module_offset  # all ones where the frame has none
    return f"in {name}" if offset >> 32 else f"in {name} (byte {offset - moved:#x})"
