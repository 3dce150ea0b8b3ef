"""Read core wasm modules: what they declare, and which features their code uses."""

from gadget_abi.wasm.code import constant_result
from gadget_abi.wasm.module import External, FuncType, Kind, Limits, Module, Section, Span, Use
from gadget_abi.wasm.reader import is_component, read_declarations, read_module

__all__ = [
    "External",
    "FuncType",
    "Kind",
    "Limits",
    "Module",
    "Section",
    "Span",
    "Use",
    "constant_result",
    "is_component",
    "read_declarations",
    "read_module",
]
