"""The ABI as canonical functions: what a component world offers instead of packed pointers.

A componentize-py guest sees these; the linker adapts them to the raw functions. The rules, from the newest
form of each function:

* handles, enums, bool and u32 are u32; s32 is s32; u64 and map-flags are u64; string and bytes are list<u8>;
* an out-buffer becomes `capacity: u32` at its place. Where the raw result is a length the result becomes
  option<list<u8>>, as long as the host reported; where it is a status, result<list<u8>, s32>: exactly
  `capacity` bytes, zero where the host wrote nothing, or the status;
* an error pointer disappears, and the result becomes option<u64>;
* a `value` parameter yields two functions: X-scalar with a u64, X-buffer with a list<u8>.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gadget_abi.table import Abi, Form, Function, Param

__all__ = ["CanonicalFunction", "CanonicalParam", "canonical_functions"]

Role = Literal["scalar", "list", "capacity"]
_INTEGERS = {"s32": "s32", "u64": "u64", "map-flags": "u64", "scalar": "u64"}


@dataclass(frozen=True)
class CanonicalParam:
    """A parameter of a canonical function and the raw parameter it stands for."""

    name: str
    wit: str
    role: Role
    raw: Param


@dataclass(frozen=True)
class CanonicalFunction:
    """A canonical function over a raw form.

    `result` is a WIT type or None. `out` is the raw out-buffer parameter and `error_pointer` the raw error
    pointer, where the form has one.
    """

    name: str
    function: Function
    form: Form
    params: tuple[CanonicalParam, ...]
    result: str | None
    out: Param | None
    error_pointer: Param | None

    @property
    def snake(self) -> str:
        """The name as componentize-py's bindings have it."""
        return self.name.replace("-", "_")

    @property
    def reports_length(self) -> bool:
        """Whether the raw result says how many bytes were written to the out-buffer."""
        return self.form.result is not None and self.form.result.name == "length"

    @property
    def wit(self) -> str:
        """The function as a line of WIT, without "import"."""
        params = ", ".join(f"{p.name}: {p.wit}" for p in self.params)
        return f"{self.name}: func({params})" + (f" -> {self.result}" if self.result else "")


def canonical_functions(abi: Abi) -> tuple[CanonicalFunction, ...]:
    """The canonical functions of the newest release, in table order."""
    return tuple(
        canonical for name, form in abi.current.items() for canonical in _variants(abi.functions[name], form)
    )


def _variants(function: Function, form: Form) -> Iterator[CanonicalFunction]:
    if any(param.type.name == "value" for param in form.params):
        yield _canonical(function, form, "-scalar")
        yield _canonical(function, form, "-buffer")
    else:
        yield _canonical(function, form, "")


def _canonical(function: Function, form: Form, variant: str) -> CanonicalFunction:
    out = next((p for p in form.params if p.type.name == "out-buffer"), None)
    error_pointer = next((p for p in form.params if p.type.name == "error-pointer"), None)
    params = tuple(_param(p, variant) for p in form.params if p is not error_pointer)
    result = _result(form, out, error_pointer)
    return CanonicalFunction(function.kebab + variant, function, form, params, result, out, error_pointer)


def _param(raw: Param, variant: str) -> CanonicalParam:
    name = _escape(raw.name.replace("_", "-"))
    match raw.type.name:
        case "out-buffer":
            return CanonicalParam("capacity", "u32", "capacity", raw)
        case "string" | "bytes":
            return CanonicalParam(name, "list<u8>", "list", raw)
        case "value" if variant == "-buffer":
            return CanonicalParam(name, "list<u8>", "list", raw)
        case "value":
            return CanonicalParam(name, "u64", "scalar", raw)
        case other:
            return CanonicalParam(name, _INTEGERS.get(other, "u32"), "scalar", raw)


# Keywords of WIT; as a name they are written with a %.
_KEYWORDS = """
    as async bool borrow char constructor enum error-context export f32 f64 flags from func future
    import include interface list map option own package record resource result s16 s32 s64 s8
    static stream string tuple type u16 u32 u64 u8 use variant with world
"""


def _escape(name: str) -> str:
    return f"%{name}" if name in _KEYWORDS.split() else name


def _result(form: Form, out: Param | None, error_pointer: Param | None) -> str | None:
    # An option where failure has no more to say: componentize-py makes an object for every result<>, which
    # takes as long as the call itself, and these two are the hottest functions there are.
    if out is not None:
        reports_length = form.result is not None and form.result.name == "length"
        return "option<list<u8>>" if reports_length else "result<list<u8>, s32>"
    if error_pointer is not None:
        return "option<u64>"
    if form.result is None:
        return None
    return "s32" if form.result.name in ("status", "s32") else _INTEGERS.get(form.result.name, "u32")
