"""The host written the obvious way: every host function a Python callback. What the data plane is measured against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import wasmtime

import gadget_abi

ABI = gadget_abi.load()
_CORE = {"i32": wasmtime.ValType.i32, "i64": wasmtime.ValType.i64}
STRING = ABI.enums["Kind"].members["String"]
BYTES = ABI.enums["Kind"].members["Bytes"]


class NaiveHost:
    """One source, one event at a time, as little work per call as a Python callback can do."""

    def __init__(self, module: Path) -> None:
        engine = wasmtime.Engine()
        self.store = wasmtime.Store(engine)
        self.fields: list[str] = [""]
        self.callback_id = 0
        self.event: dict[str, Any] = {}
        compiled = wasmtime.Module.from_file(engine, str(module))
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        self.store.set_wasi(wasmtime.WasiConfig())
        for name, form in ABI.current.items():
            params, results = form.core_type
            type_ = wasmtime.FuncType([_CORE[p]() for p in params], [_CORE[r]() for r in results])
            linker.define(self.store, "ig", name, wasmtime.Func(self.store, type_, self._function(name)))
        self.exports = linker.instantiate(self.store, compiled).exports(self.store)
        memory = self.exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self.memory = memory
        self._call("_initialize", required=False)
        self._call("gadgetInit")
        callback = self.exports["dataSourceCallback"]
        assert isinstance(callback, wasmtime.Func)
        self.callback = callback

    def _call(self, name: str, *, required: bool = True) -> None:
        function = self.exports.get(name)
        if isinstance(function, wasmtime.Func):
            assert not function(self.store), name
        else:
            assert not required, name

    def _function(self, name: str) -> Callable[..., Any]:
        return getattr(self, ABI.functions[name].snake, lambda *_: 0)

    def _read(self, packed: int) -> bytes:
        address, length = packed & 0xFFFFFFFF, packed >> 32
        return bytes(self.memory.read(self.store, address, address + length))

    def emit(self, event: dict[str, Any]) -> None:
        """Deliver one event."""
        self.event = event
        self.callback(self.store, self.callback_id, 1, 1)

    def gadget_log(self, level: int, message: int) -> None:
        raise AssertionError(self._read(message).decode())

    def get_data_source(self, name: int) -> int:
        return 1

    def data_source_get_field(self, source: int, name: int) -> int:
        self.fields.append(self._read(name).decode())
        return len(self.fields) - 1

    def data_source_subscribe(self, source: int, type_: int, priority: int, callback: int) -> int:
        self.callback_id = callback
        return 0

    def field_get_scalar(self, field: int, data: int, kind: int, error: int) -> int:
        value: int = self.event[self.fields[field]]
        return value

    def field_get_buffer(self, field: int, data: int, kind: int, destination: int) -> int:
        value = self.event[self.fields[field]].encode()
        if len(value) > destination >> 32:
            return -1
        self.memory.write(self.store, value, destination & 0xFFFFFFFF)
        return len(value)

    def field_set(self, field: int, data: int, kind: int, value: int) -> int:
        if kind in (STRING, BYTES):
            self.event[self.fields[field]] = self._read(value).decode()
        else:
            self.event[self.fields[field]] = value
        return 0
