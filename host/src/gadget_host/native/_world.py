"""What componentize-py generates for a guest, for native Python: the module wit_world.

Each function puts its lists into the stub's memory, calls the host function that the stub exports, and takes
what comes back apart, by the rules of ``gadget_abi.canonical``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gadget_abi import Abi
from gadget_abi.canonical import CanonicalFunction, CanonicalParam, canonical_functions

from .._engine import PAGE
from .._memory import unpack
from .._runtime import Runtime
from ._stub import PAGES

__all__ = ["Err", "world"]

_U32, _U64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_RANGES = {"u32": range(1 << 32), "s32": range(-1 << 31, 1 << 31), "u64": range(1 << 64)}


@dataclass
class Err(Exception):  # noqa: N818 - componentize-py's name
    """What a function with a WIT result raises, as componentize-py has it.

    Args:
        value: the error.
    """

    value: Any


def world(abi: Abi, runtime: Runtime) -> dict[str, ModuleType]:
    """The modules a componentize-py guest finds, over a runtime whose guest is the stub."""
    functions, types = ModuleType("wit_world"), ModuleType("componentize_py_types")
    arena = _Arena(runtime)
    for canonical in canonical_functions(abi):
        setattr(functions, canonical.snake, _function(canonical, runtime, arena))
    types.Err = Err  # type: ignore[attr-defined]
    return {"wit_world": functions, "componentize_py_types": types}


@dataclass
class _Arena:
    """Scratch memory in the stub, given back in the order it was taken."""

    runtime: Runtime
    top: int = 16

    def take(self, size: int) -> int:
        """The address of ``size`` zero bytes."""
        address, self.top = self.top, self.top + -(-size // 16) * 16
        if self.top > PAGES * PAGE:
            raise MemoryError(f"{size} bytes do not fit a guest's memory of {PAGES} pages")
        self.runtime.memory.write(address, bytes(size))
        return address

    def put(self, data: bytes) -> int:
        """A packed pointer to a copy of ``data``."""
        address = self.take(len(data))
        self.runtime.memory.write(address, data)
        return len(data) << 32 | address


def _function(canonical: CanonicalFunction, runtime: Runtime, arena: _Arena) -> Callable[..., Any]:
    name = canonical.form.function
    export = runtime.function(name)
    assert export is not None

    def call(*args: Any) -> Any:
        given = {p.raw.name: (p, arg) for p, arg in zip(canonical.params, args, strict=True)}
        mark = arena.top
        try:
            raw = [
                _lower(arena, *given[param.name]) if param.name in given else arena.take(4)
                for param in canonical.form.params  # what is not given is the error pointer
            ]
            result = runtime.hooks.call(export, *map(_signed, raw), function=name)
            return _lift(canonical, runtime, raw, result)
        finally:
            arena.top = mark

    call.__name__, call.__doc__ = canonical.snake, canonical.function.doc
    return call


def _lower(arena: _Arena, param: CanonicalParam, value: Any) -> int:
    if param.role == "list":
        return arena.put(bytes(value))
    number = int(value)
    if number not in _RANGES[param.wit]:
        raise OverflowError(f"{param.name}: {number} is no {param.wit}")
    return arena.put(bytes(number)) if param.role == "capacity" else number


def _lift(canonical: CanonicalFunction, runtime: Runtime, raw: list[int], result: int | None) -> Any:
    form = canonical.form
    if result is None:
        return None
    if canonical.out is not None:
        if canonical.reports_length and result < 0:
            return None
        if result and not canonical.reports_length:
            raise Err(result)
        address, capacity = unpack(raw[form.params.index(canonical.out)])
        return runtime.memory.read(address, result if canonical.reports_length else capacity)
    if canonical.error_pointer is not None:
        if any(runtime.memory.read(raw[form.params.index(canonical.error_pointer)], 4)):
            return None
        return result & _U64
    return result if canonical.result == "s32" else result & (_U64 if canonical.result == "u64" else _U32)


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
