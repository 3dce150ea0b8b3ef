"""Inspektor Gadget's wasm ABI as data: one table from which everything else is derived."""

from gadget_abi.errors import EmbedderError, GadgetError, GuestError, TableError, WasmError
from gadget_abi.loader import load, parse_table
from gadget_abi.profile import Profile
from gadget_abi.semantic import SemanticType
from gadget_abi.table import (
    Abi,
    Change,
    Enum,
    Export,
    Family,
    Form,
    Function,
    Param,
    Quirk,
    Release,
    SignatureSet,
)

__all__ = [
    "Abi",
    "Change",
    "EmbedderError",
    "Enum",
    "Export",
    "Family",
    "Form",
    "Function",
    "GadgetError",
    "GuestError",
    "Param",
    "Profile",
    "Quirk",
    "Release",
    "SemanticType",
    "SignatureSet",
    "TableError",
    "WasmError",
    "load",
    "parse_table",
]
