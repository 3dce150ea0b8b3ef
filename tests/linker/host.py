"""A host for linked modules that keeps what it is told and answers from attributes."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from typing import Any

import wasmtime

__all__ = ["Host"]

WASM_2 = {
    "wasm_tail_call": False,
    "wasm_threads": False,
    "wasm_multi_memory": False,
    "wasm_memory64": False,
    "wasm_relaxed_simd": False,
    "wasm_function_references": False,
    "wasm_gc": False,
    "wasm_exceptions": False,
}


class Host:
    """A module under wasm 2.0 with a host that keeps what it is told and answers from attributes."""

    def __init__(self, wasm: bytes, *, pages: int = 256) -> None:
        config = wasmtime.Config()
        config.cache = True
        config.max_wasm_stack = 2 << 20  # as gadget_host has it
        for feature, wanted in WASM_2.items():
            setattr(config, feature, wanted)
        engine = wasmtime.Engine(config)
        self.module = wasmtime.Module(engine, wasm)
        self.store = wasmtime.Store(engine)
        self.store.set_limits(memory_size=pages << 16)
        self.calls: list[tuple[str, tuple[int, ...]]] = []
        self.logs: list[tuple[int, str]] = []
        self.answers: dict[str, Callable[..., int]] = {}
        self.params: dict[bytes, bytes] = {}
        functions = [self._function(item) for item in self.module.imports]
        instance = wasmtime.Instance(self.store, self.module, functions)
        self.exports = instance.exports(self.store)
        memory = self.exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self.memory = memory

    @property
    def imports(self) -> set[str]:
        """The imports, as module.name."""
        return {f"{item.module}.{item.name}" for item in self.module.imports}

    @property
    def pages(self) -> int:
        """Memory in use."""
        return self.memory.size(self.store)

    def call(self, name: str, *args: int) -> Any:
        """Call an export."""
        function = self.exports[name]
        assert isinstance(function, wasmtime.Func)
        return function(self.store, *args)

    def read(self, packed: int) -> bytes:
        """The bytes a packed pointer stands for."""
        start, length = packed & 0xFFFFFFFF, packed >> 32 & 0xFFFFFFFF
        return bytes(self.memory.read(self.store, start, start + length))

    def write(self, address: int, data: bytes) -> None:
        """Write to the guest's memory."""
        self.memory.write(self.store, data, address & 0xFFFFFFFF)

    def run(self, script: str) -> str:
        """Have the probe evaluate a script; the last line it logs at level trace."""
        self.params[b"script"] = script.encode()
        assert self.call("gadgetStart") == 0, self.logs[-3:]
        return [text for level, text in self.logs if level == 4][-1]

    def _function(self, item: wasmtime.ImportType) -> wasmtime.Func:
        kind = item.type
        assert isinstance(kind, wasmtime.FuncType)
        known = getattr(self, f"_{item.name}", None)

        def call(*args: int) -> int | None:
            if item.name in self.answers:
                return self.answers[item.name](*args)
            if known is not None:
                result: int | None = known(*args)
                return result
            self.calls.append((item.name or "", args))
            return 1 if kind.results else None

        return wasmtime.Func(self.store, kind, call)

    def _gadgetLog(self, level: int, text: int) -> None:  # the ABI's name
        self.logs.append((level, self.read(text).decode()))

    def _getParamValue(self, key: int, destination: int) -> int:  # the ABI's name
        self.write(destination, self.params.get(self.read(key), b""))
        return 0

    def _dataSourceSubscribe(self, *args: int) -> int:  # the ABI's name
        self.calls.append(("dataSourceSubscribe", args))
        return 0

    def _clock_time_get(self, clock: int, precision: int, address: int) -> int:
        self.write(address, struct.pack("<Q", time.monotonic_ns() if clock else time.time_ns()))
        return 0

    def _random_get(self, address: int, length: int) -> int:
        self.write(address, os.urandom(length))
        return 0
