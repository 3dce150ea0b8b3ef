"""One gadget's wasm: its engine, store and instance, and the host functions it is linked with."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import wasmtime

from gadget_abi import GuestError, load

from ._callback import any_callback
from ._early import Early
from ._engine import PAGE, LimitedStore, Limits, new_engine
from ._exports import Exports
from ._host import Hooks, Host
from ._lift import Lift
from ._linker import Linker, Provided
from ._logs import Logs, level_number
from ._malloc import MALLOC
from ._module import CALLBACK, load_module
from ._settings import Settings
from ._split import MEMORY
from .backends import Config, KernelSymbols, MapRegistry, MountNsFilter, SyscallTable
from .plane import Plane
from .sources import SourceRegistry

__all__ = ["Provided", "Runtime"]


_BEYOND = {
    wasmtime.TrapCode.MEMORY_OUT_OF_BOUNDS: "its data reaches beyond the end of its memory",
    wasmtime.TrapCode.TABLE_OUT_OF_BOUNDS: "its elements reach beyond the end of their table",
}


class Runtime:
    """A gadget that is instantiated: nothing of it has run.

    Args:
        wasm: the module.
        name: what messages call it.
        settings: how to run it.
        provided: further functions it may import, from a module of the embedder's choice.

    Raises:
        GuestError: the module is unfit, or cannot be instantiated.
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
            family=settings.abi,
            release=settings.release,
            strict=settings.strict,
            memory_pages=settings.memory_pages,
            provided=self.provided.module,
        )
        self.profile = self.module.profile
        self.store = LimitedStore(engine, Limits(settings.memory_pages, settings.plane_pages))
        self.logs = Logs(level_number(settings.log_level), settings.on_log)
        deadline = math.inf if settings.deadline is None else settings.deadline
        self.hooks = Hooks(self.store, name, deadline, self.logs, self.profile)
        self.hooks.moved = self.module.moved
        self.memory = self.hooks.memory
        try:
            self._assemble(settings)
        except BaseException:
            self.close()
            raise

    def _assemble(self, settings: Settings) -> None:
        self.plane = Plane(
            self.store,
            self.hooks,
            profile=self.profile,
            handle_limit=self.abi.limits["handles"].value,
            log_level=self.logs.level,
        )
        guest_memory = self._make_memory()
        self.memory.attach(self.store, guest_memory)
        self.plane.attach(guest_memory)
        config = Config(settings.config)
        self.sources = SourceRegistry(self.plane, config)
        self.host = Host(
            profile=self.profile,
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
        self.lift = Lift(self.host, self.plane, self.memory, self.hooks.malloc)
        self.early = Early(self.hooks, self.memory)
        externs: list[Any] = [*Linker(self).externs(), *([guest_memory] if guest_memory else [])]
        self.instance = self._instantiate(self.module.compiled.code, externs)
        self._connect(dict(self.instance.exports(self.store).items()))

    def _connect(self, found: Mapping[str, Any]) -> None:
        """Make the guest's functions known to the host's."""
        self._found = found
        self.exports = Exports(self.hooks, self.profile, found, self.module.start)
        self.hooks.malloc.function = self.exports.function(MALLOC)
        callback = any_callback(self.store, self.exports.function(CALLBACK))
        self.plane.connect(callback, self.hooks.malloc.function)
        turns = ctypes.c_uint64.from_address(self.plane.call_counter_address())
        self.hooks.count = lambda: turns.value

    def _make_memory(self) -> wasmtime.Memory | None:
        """The guest's memory, with its data in it; None when it has none."""
        image = self.module.compiled.image
        if image is None:
            return None
        found = self._instantiate(image, []).exports(self.store)[MEMORY]
        assert isinstance(found, wasmtime.Memory)
        return found

    def _instantiate(
        self, module: wasmtime.Module, externs: Sequence[wasmtime.Func | wasmtime.Memory]
    ) -> wasmtime.Instance:
        """Instantiate one of the guest's modules, which fills memory and tables; they have no (start) section."""
        try:
            with self.hooks.lock:
                return wasmtime.Instance(self.store, module, externs)
        except wasmtime.Trap as trap:
            reason = _BEYOND.get(trap.trap_code, str(trap)) if trap.trap_code else str(trap)
        except wasmtime.WasmtimeError as error:
            reason = str(error).strip().splitlines()[-1].strip()
        raise GuestError(f"cannot be instantiated: {reason}", module=self.module.name)

    def start(self) -> None:
        """Run the (start) section and the start function.

        Raises:
            GuestError: one of them failed.
        """
        if self.profile.quirk("early-calls"):
            self.memory.by_instance = self.host.has_callback = False
        self.host.starting = True
        try:
            self.exports.start_functions()
        finally:
            self.host.starting = False
            self.memory.by_instance, self.host.has_callback = True, self.module.has_function(CALLBACK)
            self.early.over()

    def function(self, name: str) -> wasmtime.Func | None:
        """The exported function of that name, whether or not the release knows it."""
        found = self._found.get(name)
        return found if isinstance(found, wasmtime.Func) else None

    def call(self, name: str, *, deadline: float | None = None) -> Any:
        """Call an exported function without parameters; None when it is not exported or has no result.

        Raises:
            GuestError: it trapped, ran too long, or called proc_exit.
        """
        function = self.function(name)
        return None if function is None else self.hooks.call(function, function=name, deadline=deadline)

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
