"""One gadget's wasm: its engine, store and instance, and the host functions it is linked with."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import wasmtime

from gadget_abi import EmbedderError, GuestError, load
from gadget_abi.wasm import External, FuncType

from . import wasi
from ._engine import PAGE, LimitedStore, Limits, new_engine
from ._host import Hooks, Host
from ._lift import Lift, cold_calls
from ._logs import DEBUG, LogRecord, Logs, level_number
from ._memory import GuestMemory
from ._module import GuestModule, load_module
from ._traps import function_names
from .backends import Config, KernelSymbols, MapRegistry, MountNsFilter, SyscallTable
from .plane import Plane
from .sources import SourceRegistry

__all__ = ["CALLBACK", "Provided", "Runtime", "Settings"]

CALLBACK = "dataSourceCallback"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a gadget is run; see Gadget.load."""

    params: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] | None = field(default_factory=dict)
    log_level: str | int = "info"
    on_log: Callable[[LogRecord], None] | None = None
    log_stdout: bool = False
    deadline: float | None = 10.0
    stop_deadline: float | None = 42.0
    memory_pages: int = 256
    plane_pages: int = 4096
    clock: wasi.Clock = "fixed"
    maps: MapRegistry | None = None
    syscalls: SyscallTable | None = None
    kallsyms: KernelSymbols | None = None
    mntns: MountNsFilter | None = None

    def __post_init__(self) -> None:
        for name in ("deadline", "stop_deadline"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise EmbedderError(f"{name} is {value!r}; it is a number of seconds above 0, or None")
        if not 1 <= self.memory_pages <= self.plane_pages <= 65536:
            raise EmbedderError("memory_pages and plane_pages are numbers of 64 KiB pages from 1 to 65536")
        if self.clock not in ("fixed", "real"):
            raise EmbedderError(f'clock is {self.clock!r}; it is "fixed" or "real"')
        for key, value in self.params.items():
            if not (isinstance(key, str) and isinstance(value, str)):
                raise EmbedderError(f"parameter {key!r}: the value {value!r} is no string")
        level_number(self.log_level)


@dataclass(frozen=True)
class Provided:
    """An import module that the embedder provides, beside those of the ABI.

    Args:
        module: its name.
        functions: what is in it; they take and return core integers.
    """

    module: str
    functions: Mapping[str, Callable[..., Any]]


class Runtime:
    """A gadget that is instantiated: its (start) section has run, nothing else of it.

    Args:
        wasm: the module.
        name: what messages call it.
        settings: how to run it.
        provided: further functions it may import, from a module of the embedder's choice.

    Raises:
        GuestError: the module is unfit, or its (start) section failed.
    """

    def __init__(
        self, wasm: bytes, name: str, settings: Settings, *, provided: Provided | None = None
    ) -> None:
        self.began = perf_counter()
        self.settings, self.abi = settings, load()
        self.provided = provided or Provided("", {})
        engine = new_engine()
        self.module = load_module(
            engine,
            wasm,
            name=name,
            abi=self.abi,
            memory_pages=settings.memory_pages,
            provided=self.provided.module,
        )
        self.store = LimitedStore(engine, Limits(settings.memory_pages, settings.plane_pages))
        self.logs = Logs(level_number(settings.log_level), settings.on_log)
        self.hooks = Hooks(self.store, name, _seconds(settings.deadline), self.logs)
        self.memory = GuestMemory()
        try:
            self._assemble(settings)
        except BaseException:
            self.close()
            raise

    def _assemble(self, settings: Settings) -> None:
        handles = self.abi.limits["handles"].value
        self.plane = Plane(self.store, self.hooks, handle_limit=handles, log_level=self.logs.level)
        config = Config(settings.config)
        self.sources = SourceRegistry(self.plane, config)
        self.host = Host(
            plane=self.plane,
            logs=self.logs,
            params=dict(settings.params),
            config=config,
            maps=MapRegistry() if settings.maps is None else settings.maps,
            syscalls=settings.syscalls or SyscallTable(),
            kallsyms=settings.kallsyms or KernelSymbols(),
            mntns=settings.mntns or MountNsFilter(),
            sources=self.sources,
            has_callback=self.module.has_function(CALLBACK),
        )
        self.lift = Lift(self.host, self.plane, self.memory, self.abi)
        self.instance = self._instantiate(_Linker(self).externs())
        self.exports = self.instance.exports(self.store)
        memory = self.exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self.memory.attach(self.store, memory)
        self.plane.attach(memory, self.function(CALLBACK))
        turns = ctypes.c_uint64.from_address(self.plane.call_counter_address())
        self.hooks.count = lambda: turns.value

    def _instantiate(self, externs: list[wasmtime.Func]) -> wasmtime.Instance:
        """Instantiate, which runs the module's (start) section."""
        self.hooks.enter(self.hooks.deadline, function="(start)")
        try:
            return wasmtime.Instance(self.store, self.module.compiled, externs)
        except wasmtime.WasmtimeError as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise GuestError(f"cannot be instantiated: {reason}", module=self.module.name) from None
        except wasmtime.Trap as trap:
            if too_early := self._called_too_early(trap):
                raise too_early from None
            raise self.hooks.failure("(start)", trap) from None
        except BaseException as error:
            raise self.hooks.failure("(start)", error) from None
        finally:
            self.hooks.leave()

    def _called_too_early(self, trap: wasmtime.Trap) -> GuestError | None:
        """The data plane's functions trap on a null pointer until the memory is known."""
        names = function_names(trap)
        if trap.trap_code != wasmtime.TrapCode.INDIRECT_CALL_TO_NULL or not names:
            return None
        return early_call(self.module, names[0]) if names[0] in self.abi.current else None

    def function(self, name: str) -> wasmtime.Func | None:
        """The exported function of that name."""
        found = self.exports.get(name)
        return found if isinstance(found, wasmtime.Func) else None

    def call(self, name: str, *, deadline: float | None = None) -> int | None:
        """Call an exported function without parameters; None when it is not exported or has no result.

        Raises:
            GuestError: it trapped, ran too long, or called proc_exit.
        """
        function = self.function(name)
        if function is None:
            return None
        result: int | None = self.hooks.call(function, function=name, deadline=deadline)
        return result

    def close(self) -> None:
        """Give everything back."""
        self.hooks.close()
        if hasattr(self, "plane"):
            self.plane.close()
        self.store.close()

    @property
    def pages(self) -> int:
        """Pages of the guest's memory."""
        return self.memory.size // PAGE


def early_call(module: GuestModule, function: str) -> GuestError:
    """The error of a host call from a (start) section."""
    return GuestError(
        "called from the module's (start) section, before the host knows its memory",
        module=module.name,
        function=function,
        hint="call it from _initialize or gadgetInit",
    )


class _Linker:
    """Finds the host functions a module imports."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._hot: Mapping[str, wasmtime.Func] = runtime.plane.imports
        self._cold = {form.function: (form, call) for form, call in cold_calls(runtime.abi, self._hot)}
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
        if item.module == wasi.MODULE:
            charged = name == "poll_oneoff"  # or a guest could sleep for ever
            return self._func(name, wasi.SIGNATURES[name], self._wasi.function(name), charged=charged)
        if name in self._hot:
            return self._hot[name]
        form, call = self._cold[name]
        return self._func(name, form.core_type, self._runtime.lift.lift(form, call))

    def _func(
        self,
        name: str,
        type_: tuple[tuple[str, ...], tuple[str, ...]],
        function: Callable[..., Any],
        *,
        charged: bool = False,
    ) -> wasmtime.Func:
        runtime, memory = self._runtime, self._runtime.memory

        def guarded(*args: int) -> Any:
            if not memory.attached:
                raise early_call(runtime.module, name)
            return function(*args)

        params, results = (list(map(_value_type, types)) for types in type_)
        return wasmtime.Func(
            runtime.store, wasmtime.FuncType(params, results), runtime.hooks.host(guarded, charged=charged)
        )

    def _write(self, _fd: int, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            self._runtime.logs.add(DEBUG, line)


def _value_type(name: str) -> wasmtime.ValType:
    return wasmtime.ValType.i64() if name == "i64" else wasmtime.ValType.i32()


def _seconds(deadline: float | None) -> float:
    return math.inf if deadline is None else deadline
