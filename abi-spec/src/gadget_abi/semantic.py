"""Semantic types: what a core i32 or i64 of the ABI means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["HANDLE_KINDS", "SemanticType", "parse_type"]

Core = Literal["i32", "i64"]

HANDLE_KINDS = ("source", "field", "packet", "array", "data", "map", "perf-reader", "any")
"""What a handle can stand for. A packet handle also serves as array or data, by the type of its source."""

_CORES: dict[str, Core] = {
    "string": "i64",  # packed pointer to text, read by the host
    "bytes": "i64",  # packed pointer to bytes, read by the host
    "out-buffer": "i64",  # packed pointer to memory the host writes to
    "error-pointer": "i32",  # address of a u32 the host sets to 1 on failure; 0: not wanted
    "packed-address": "i32",  # address of a u64 that receives a packed pointer (v0.37 perfReaderRead)
    "value": "i64",  # scalar bits, or a packed pointer when the kind is String or Bytes
    "scalar": "i64",  # scalar bits
    "packed": "i64",  # result: packed pointer to memory from the guest's malloc
    "status": "i32",  # result: 0 success
    "length": "i32",  # result: bytes written
    "bool": "i32",
    "u32": "i32",
    "s32": "i32",
    "u64": "i64",
    "kind": "i32",
    "source-type": "i32",
    "subscription-type": "i32",
    "log-level": "i32",
    "map-type": "i32",
    "map-flags": "i64",
}

_RESULT_ONLY = frozenset({"packed", "status", "length", "scalar"})
_PARAM_ONLY = frozenset({"string", "bytes", "out-buffer", "error-pointer", "packed-address"})


@dataclass(frozen=True, slots=True)
class SemanticType:
    """A semantic type and the core type that carries it.

    `name` is the type without its argument ("handle"); `handle` is what a handle stands for, empty for every
    other type.
    """

    name: str
    core: Core
    handle: str = ""

    def __str__(self) -> str:
        return f"{self.name}<{self.handle}>" if self.handle else self.name


def parse_type(text: str, *, result: bool = False) -> SemanticType:
    """Parse "handle<source>", "string", ...; `result` says whether it stands for a result.

    Raises:
        ValueError: the text names no semantic type, or one that cannot stand there.
    """
    name, bracket, rest = text.partition("<")
    if bracket:
        kind = rest.removesuffix(">")
        if name != "handle" or rest == kind or kind not in HANDLE_KINDS:
            raise ValueError(f"unknown type {text!r}; a handle is one of {', '.join(HANDLE_KINDS)}")
        return SemanticType(name, "i32", kind)
    if name not in _CORES:
        raise ValueError(f"unknown type {text!r}; known are handle<...>, {', '.join(sorted(_CORES))}")
    if name in (_PARAM_ONLY if result else _RESULT_ONLY):
        raise ValueError(f"type {text!r} cannot be a {'result' if result else 'parameter'}")
    return SemanticType(name, _CORES[name])
