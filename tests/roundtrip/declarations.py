"""The host functions of a signature set as each language declares them: from the ABI table, so they stand once."""

from __future__ import annotations

from gadget_abi.table import Form, SignatureSet

__all__ = ["c", "go", "rust", "wat"]


def wat(signatures: SignatureSet) -> str:
    """Imports."""
    return "\n".join(
        f'  (import "{signatures.family.module}" "{name}" (func ${name}{_wat_type(form)}))'
        for name, form in signatures.forms.items()
    )


def _wat_type(form: Form) -> str:
    params, results = form.core_type
    return "".join(f" (param {type_})" for type_ in params) + "".join(
        f" (result {type_})" for type_ in results
    )


def c(signatures: SignatureSet) -> str:
    """A header."""
    names = {"i32": "uint32_t", "i64": "uint64_t"}
    lines = ["#include <stdint.h>"]
    for name, form in signatures.forms.items():
        params, results = form.core_type
        result = names[results[0]] if results else "void"
        listing = ", ".join(names[type_] for type_ in params) or "void"
        where = f'import_module("{signatures.family.module}"), import_name("{name}")'
        lines.append(f"__attribute__(({where})) {result} {name}({listing});")
    return "\n".join(lines) + "\n"


def go(signatures: SignatureSet) -> str:
    """A file of package main."""
    names = {"i32": "uint32", "i64": "uint64"}
    lines = ["package main", ""]
    for name, form in signatures.forms.items():
        params, results = form.core_type
        listing = ", ".join(f"p{number} {names[type_]}" for number, type_ in enumerate(params))
        result = "".join(f" {names[type_]}" for type_ in results)
        lines += [f"//go:wasmimport {signatures.family.module} {name}", f"func {name}({listing}){result}", ""]
    return "\n".join(lines)


def rust(signatures: SignatureSet) -> str:
    """An extern block."""
    names = {"i32": "u32", "i64": "u64"}
    lines = [f'#[link(wasm_import_module = "{signatures.family.module}")]', 'extern "C" {']
    for name, form in signatures.forms.items():
        params, results = form.core_type
        listing = ", ".join(f"p{number}: {names[type_]}" for number, type_ in enumerate(params))
        result = "".join(f" -> {names[type_]}" for type_ in results)
        lines.append(f"    pub fn {name}({listing}){result};")
    return "\n".join([*lines, "}", ""])
