"""Small modules for the tests of gadget check and gadget abi."""

from __future__ import annotations

from wasmtime import wat2wasm

import gadget_abi

ABI = gadget_abi.load()
VERSION = '(func (export "gadgetAPIVersion") (result i64) i64.const 1)'
MEMORY = '(memory (export "memory") 1)'
MALLOC = '(func (export "malloc") (param i32) (result i32) i32.const 8)'


def assemble(wat: str) -> bytes:
    """The bytes of a module in text form."""
    return bytes(wat2wasm(wat))


def module(*fields: str, version: str = VERSION, memory: str = MEMORY) -> bytes:
    """A module with the given fields (imports first) and everything a gadget must have."""
    return assemble(f"(module {' '.join(fields)} {memory} {version})")


def imported(module_name: str, signature: str) -> str:
    """An import in WAT from a signature as the table prints it."""
    name, _, rest = signature.partition("(")
    params, _, results = rest.partition(") -> (")
    param = f"(param {params.replace(',', '')})" if params else ""
    result = f"(result {results[:-1]})" if results[:-1] else ""
    return f'(import "{module_name}" "{name}" (func {param} {result}))'


def whole(sigset: gadget_abi.SignatureSet) -> bytes:
    """A module that imports every function of a set, and exports what its releases require."""
    imports = [imported(sigset.family.module, form.signature) for form in sigset.forms.values()]
    return module(*imports, MALLOC)


def using(release: str, *names: str) -> str:
    """Imports of functions as a release has them."""
    forms, family = ABI.forms_in(release), ABI.family_of(release)
    return " ".join(imported(family.module, forms[name].signature) for name in names)
