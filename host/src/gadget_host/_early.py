"""Host calls from a start function, as a strict host answers them (quirk early-calls).

Upstream runs the (start) section and `_initialize` (until v0.37 `_start`) while it instantiates the module, before
it has noted which instance that is. What writes to the guest through the instance it noted, or calls its malloc,
finds none and traps; what is handed the instance that calls it (mapLookup, getSyscallDeclaration, everything that
only reads) works. dataSourceSubscribe does not know the callback yet and fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import wasmtime

from gadget_abi import Form

from ._cache import compile_wat
from ._entry import Entry
from ._memory import GuestMemory
from ._state import TrapError

__all__ = ["HOT", "THROUGH_INSTANCE", "Early"]

THROUGH_INSTANCE: Final = frozenset({"getParamValue", "getSyscallName", "perfReaderRead"})
"""The functions written in Python that write through the instance. (Or call malloc, in their old forms.)"""
HOT: Final = frozenset({"fieldGetBuffer", "fieldGetScalar"})
"""Those of the data plane; the second only to its error pointer. (fieldGet calls malloc, which says no.)"""

_U32 = 0xFFFFFFFF


class Early:
    """Functions of the data plane, made to trap where they write until `over` is called.

    Args:
        entry: the door to wasm.
        memory: the guest's.
    """

    def __init__(self, entry: Entry, memory: GuestMemory) -> None:
        self._entry, self._memory, self._store = entry, memory, entry.store
        self._made: dict[str, wasmtime.Func] = {}
        self._switches: list[wasmtime.Global] = []

    def function(self, form: Form, later: wasmtime.Func) -> wasmtime.Func:
        """A function that traps where it should at first, and is ``later`` afterwards, as fast as that.

        Args:
            form: says its name and type.
            later: the data plane's.
        """
        if form.function not in self._made:
            self._made[form.function] = self._make(form, later)
        return self._made[form.function]

    def _make(self, form: Form, later: wasmtime.Func) -> wasmtime.Func:
        params, results = form.core_type
        type_ = wasmtime.FuncType([_type(p) for p in params], [_type(r) for r in results])
        module = compile_wat(self._store.engine, _switch(params, results))
        now = self._entry.host(self._now(form, later))
        instance = wasmtime.Instance(self._store, module, [later, wasmtime.Func(self._store, type_, now)])
        function, switch = (instance.exports(self._store)[name] for name in ("function", "is_later"))
        assert isinstance(function, wasmtime.Func)
        assert isinstance(switch, wasmtime.Global)
        self._switches.append(switch)
        return function

    def over(self) -> None:
        """From now on they are the data plane's."""
        for switch in self._switches:
            switch.set_value(self._store, wasmtime.Val.i32(1))

    def _now(self, form: Form, later: wasmtime.Func) -> Callable[..., int]:
        def call(*args: int) -> int:
            return int(self._entry.call(later, *args, function=form.function))

        def buffer(*args: int) -> int:
            """Trap unless it fails for another reason than the address, of which upstream does not get to see anything:
            it is tried at address 0, and what was there is put back."""
            before = self._memory.read(0, min(args[3] >> 32 & _U32, self._memory.size))
            if (length := call(*args[:3], args[3] & ~_U32)) >= 0:
                self._memory.write(0, before[:length])
                raise TrapError(self._memory.UNKNOWN)
            return length

        def scalar(*args: int) -> int:
            """Trap if it fails and is to say so: look at the error pointer, and put back what was there."""
            at = args[3] & _U32 if len(args) > 3 else 0
            if not at:
                return call(*args)
            if at + 4 > self._memory.size:
                raise TrapError(f"the error pointer {at:#x} is outside the memory")
            before = self._memory.read(at, 4)
            self._memory.write(at, bytes(4))
            value, failed = call(*args), any(self._memory.read(at, 4))
            self._memory.write(at, before)
            if failed:
                raise TrapError(self._memory.UNKNOWN)
            return value

        return {"fieldGetBuffer": buffer, "fieldGetScalar": scalar}[form.function]


def _switch(params: Sequence[str], results: Sequence[str]) -> str:
    type_ = f"(param {' '.join(params)}) (result {' '.join(results)})"
    arguments = " ".join(f"(local.get {index})" for index in range(len(params)))
    return f"""(module $shim
      (import "plane" "later" (func $later {type_}))
      (import "host" "now" (func $now {type_}))
      (global $is_later (export "is_later") (mut i32) (i32.const 0))
      (func (export "function") {type_}
        (if (global.get $is_later) (then (return (call $later {arguments}))))
        (call $now {arguments})))"""


def _type(name: str) -> wasmtime.ValType:
    return wasmtime.ValType.i64() if name == "i64" else wasmtime.ValType.i32()
