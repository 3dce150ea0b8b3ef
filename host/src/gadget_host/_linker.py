"""The functions a module imports: the data plane's, those written in Python, WASI's, and the embedder's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import wasmtime

from gadget_abi.wasi import MODULE as WASI
from gadget_abi.wasi import SIGNATURES
from gadget_abi.wasm import External, FuncType

from . import _early, wasi
from ._lift import cold_call
from ._logs import DEBUG

if TYPE_CHECKING:
    from ._runtime import Runtime

__all__ = ["Linker", "Provided"]


@dataclass(frozen=True)
class Provided:
    """An import module that the embedder provides, beside those of the ABI.

    Args:
        module: its name.
        functions: what is in it; they take and return core integers.
    """

    module: str
    functions: Mapping[str, Callable[..., Any]]


class Linker:
    """Finds the functions a gadget imports."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._hot: Mapping[str, wasmtime.Func] = runtime.plane.imports
        self._wasi = wasi.Wasi(
            runtime.memory,
            clock=runtime.settings.clock,
            write=self._write if runtime.settings.log_stdout else None,
            longest_sleep=runtime.hooks.deadline,
        )

    def externs(self) -> list[wasmtime.Func]:
        """A function for each import, in order."""
        return [self._extern(item) for item in self._runtime.module.info.imports]

    def _extern(self, item: External) -> wasmtime.Func:
        name, provided = item.name, self._runtime.provided
        if item.module == provided.module and isinstance(item.type, FuncType):
            type_ = item.type.params, item.type.results
            return self._func(name, type_, provided.functions[name])
        if item.module == WASI:
            charged = name == "poll_oneoff"  # or a guest could sleep for ever
            return self._func(name, SIGNATURES[name], self._wasi.function(name), charged=charged)
        if name in self._hot:
            return self._plane_function(name)
        form, call = cold_call(self._runtime.profile, name)
        return self._func(name, form.core_type, self._runtime.lift.lift(form, call))

    def _plane_function(self, name: str) -> wasmtime.Func:
        runtime, found = self._runtime, self._hot[name]
        if name in _early.HOT and runtime.profile.quirk("early-calls"):
            return runtime.early.function(runtime.profile.forms[name], found)
        return found

    def _func(
        self,
        name: str,
        type_: tuple[tuple[str, ...], tuple[str, ...]],
        function: Callable[..., Any],
        *,
        charged: bool = False,
    ) -> wasmtime.Func:
        runtime = self._runtime
        params, results = (list(map(_value_type, types)) for types in type_)
        return wasmtime.Func(
            runtime.store, wasmtime.FuncType(params, results), runtime.hooks.host(function, charged=charged)
        )

    def _write(self, _fd: int, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            self._runtime.logs.add(DEBUG, line)


def _value_type(name: str) -> wasmtime.ValType:
    return wasmtime.ValType.i64() if name == "i64" else wasmtime.ValType.i32()
