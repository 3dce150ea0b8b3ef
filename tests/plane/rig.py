"""A guest for the data plane's tests: every hot function callable from Python, every callback answered in Python."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from ctypes import c_uint32
from typing import Any, NoReturn, cast

import wasmtime

import gadget_abi
from gadget_abi import Profile
from gadget_host._rawcall import Forward
from gadget_host._state import CallError, TrapError
from gadget_host.plane import Plane
from gadget_host.plane.layout import hot
from gadget_host.schema import FieldSchema, SourceSchema
from gadget_host.sources import Source, SourceRegistry

ABI = gadget_abi.load()
KINDS = ABI.enums["Kind"].members
WIDTHS = ABI.enums["Kind"].widths
TRAP, WORK = 666, 667
"""The callback numbers whose callback traps, and whose callback runs the rig's own wasm code."""


def profile_of(release: str = ABI.newest, strict: bool = False) -> Profile:
    """A release's behaviour."""
    return Profile(ABI, release, strict)


def guest_text(profile: Profile, work: str = "") -> str:
    """A module that exports each hot function under its own name, calling the import of that name.

    Its malloc answers what Python says, and traps when that is None.

    ``work`` is code for the callback WORK; it has the locals $data and $a to $d, and the globals $field and $source.
    """
    imports, exports = [], []
    for name, form in hot(profile).items():
        params, results = form.core_type
        signature = f"(param {' '.join(params)}) (result {' '.join(results)})"
        arguments = " ".join(f"(local.get {index})" for index in range(len(params)))
        imports.append(f'(import "ig" "{name}" (func ${name} {signature}))')
        exports.append(f'(func (export "{name}") {signature} (call ${name} {arguments}))')
    return f"""(module
      {"".join(imports)}
      (import "test" "callback" (func $script (param i64 i32 i32)))
      (import "test" "malloc" (func $malloc (param i32) (result i64)))
      (import "test" "memory" (memory 1))
      (global $field (export "field") (mut i32) (i32.const 0))
      (global $source (export "source") (mut i32) (i32.const 0))
      {"".join(exports)}
      (func (export "malloc") (param $size i32) (result i32) (local $address i64)
        (local.set $address (call $malloc (local.get $size)))
        (if (i64.lt_s (local.get $address) (i64.const 0)) (then (unreachable)))
        (i32.wrap_i64 (local.get $address)))
      (func (export "dataSourceCallback") (param $callback i64) (param $source i32) (param $data i32)
        (local $a i32) (local $b i32) (local $c i32) (local $d i32)
        (if (i64.eq (local.get $callback) (i64.const {TRAP})) (then (unreachable)))
        (if (i64.eq (local.get $callback) (i64.const {WORK})) (then {work} (return)))
        (call $script (local.get $callback) (local.get $source) (local.get $data))))"""


class EndError(Exception):
    """The gadget was ended."""


class Hooks:
    """A sandbox without limits, which keeps what it is told."""

    def __init__(self, store: wasmtime.Store) -> None:
        self.store = store
        self.guest_malloc: wasmtime.Func | None = None
        self.forwards, self.forward = True, cast("Forward | None", None)
        self.lock = threading.RLock()
        self.warnings: list[tuple[str, str]] = []
        self.traps: list[BaseException] = []
        self.most_pages = 1 << 16

    def warn(self, function: str, message: str) -> None:
        self.warnings.append((function, message))

    def guest_trap(self, function: str, error: BaseException) -> None:
        assert function
        if not isinstance(error, wasmtime.Trap | TrapError):
            raise error
        self.traps.append(error)

    def end(self, function: str, reason: str) -> NoReturn:
        raise EndError(f"{function}: {reason}")

    def forward_malloc(self, room: c_uint32) -> Forward | None:
        self.forward = Forward.new(self.store) if self.forwards else None
        room.value = 16 if self.forward else 0
        return self.forward

    def malloc(self, size: int, address: int = -1) -> int:
        """Says what the guest said, even if it is no good."""
        assert self.guest_malloc is not None
        if address >= 0:
            return address
        if self.forward and (error := self.forward.failure()):
            if not isinstance(error, wasmtime.Trap | TrapError):
                raise error
            raise CallError("malloc trapped")
        try:
            return int(self.guest_malloc(self.store, size)) & 0xFFFFFFFF
        except (wasmtime.Trap, TrapError):
            raise CallError("malloc trapped") from None

    def before_run(self) -> None:
        self.lock.acquire()
        self.store.set_epoch_deadline(1)

    def after_run(self) -> None:
        self.lock.release()

    def host(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def grow(self, memory: wasmtime.Memory, pages: int) -> bool:
        if memory.size(self.store) + pages > self.most_pages:
            return False
        memory.grow(self.store, pages)
        return True

    def unlimited(self) -> AbstractContextManager[None]:
        return nullcontext()


class Rig:
    """A plane, a guest and a registry of sources around it.

    `rig.fieldSet(...)` calls the ABI function through the guest. `rig.on_callback` is what the guest's callback does,
    `rig.on_malloc` what its malloc answers: None is a trap.
    """

    def __init__(
        self,
        work: str = "",
        *,
        release: str = ABI.newest,
        strict: bool = False,
        interrupted: bool = False,
        memory: bool = True,
        forwards: bool = True,
        **plane: Any,
    ) -> None:
        self.profile = profile_of(release, strict)
        config = wasmtime.Config()
        config.epoch_interruption = interrupted
        config.memory_may_move = False
        config.wasm_multi_memory = True
        self.store = wasmtime.Store(wasmtime.Engine(config))
        self.store.set_epoch_deadline(1)
        self.hooks = Hooks(self.store)
        self.hooks.forwards = forwards
        self.plane = Plane(self.store, self.hooks, profile=self.profile, **plane)
        self.on_callback: Callable[[int, int, int], object] = lambda callback, source, data: None
        self.calls: list[tuple[int, int, int]] = []
        self.on_malloc: Callable[[int], int | None] = lambda size: 0xC000
        module = wasmtime.Module(self.store.engine, bytes(wasmtime.wat2wasm(guest_text(self.profile, work))))
        self.memory = wasmtime.Memory(self.store, wasmtime.MemoryType(wasmtime.Limits(1, None)))
        self.plane.attach(self.memory if memory else None)
        imports: list[Any] = [*self.plane.imports.values(), self._script(), self._malloc(), self.memory]
        instance = wasmtime.Instance(self.store, module, imports)
        self.exports: dict[str, Any] = dict(instance.exports(self.store).items())
        self.hooks.guest_malloc = self.exports["malloc"]
        self.plane.connect(self.exports["dataSourceCallback"], self.exports["malloc"])
        self.registry = SourceRegistry(self.plane)

    def _script(self) -> wasmtime.Func:
        def script(callback: int, source: int, data: int) -> None:
            self.calls.append((callback, source, data))
            self.on_callback(callback, source, data)

        kind = wasmtime.FuncType([wasmtime.ValType.i64(), wasmtime.ValType.i32(), wasmtime.ValType.i32()], [])
        return wasmtime.Func(self.store, kind, script)

    def _malloc(self) -> wasmtime.Func:
        def malloc(size: int) -> int:
            address = self.on_malloc(size)
            return -1 if address is None else address & 0xFFFFFFFF

        kind = wasmtime.FuncType([wasmtime.ValType.i32()], [wasmtime.ValType.i64()])
        return wasmtime.Func(self.store, kind, malloc)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in hot(self.profile):
            raise AttributeError(name)
        return lambda *args: self.exports[name](self.store, *args)

    # -- the guest's memory

    @property
    def size(self) -> int:
        return int(self.memory.data_len(self.store))

    def fill(self) -> None:
        """All of the memory '?'."""
        self.memory.write(self.store, b"?" * self.size, 0)

    def put(self, address: int, data: bytes) -> int:
        """Write bytes; the packed pointer to them."""
        assert self.memory.write(self.store, data, address) == len(data)
        return len(data) << 32 | address

    def get(self, address: int, length: int) -> bytes:
        return bytes(self.memory.read(self.store, address, address + length))

    def image(self) -> bytes:
        return self.get(0, self.size)

    # -- sources

    def source(self, name: str, fields: str = "", type: Any = "single") -> tuple[Source, int]:
        """A source with fields given as "name:kind ..." and its handle."""
        pairs = (field.split(":") for field in fields.split())
        schemas = tuple(FieldSchema(name, kind) for name, kind in pairs)
        source = self.registry.add(SourceSchema(name, type, schemas))
        return source, self.plane.new_handle("source", source)

    def field(self, source: Source, name: str) -> int:
        """A handle of a field."""
        return self.plane.new_handle("field", source.field(name))

    def subscribe(
        self, source: Source, callback: int = 1, priority: int = 0, kind: int = 1, handle: int = 0
    ) -> None:
        source.subscribe_guest(kind, priority, callback, handle)

    # -- values

    def read(self, field: int, data: int, room: int = 1024) -> bytes | None:
        """A field's bytes through fieldGetBuffer or, in older releases, fieldGet; None when that fails."""
        if "fieldGet" in hot(self.profile):
            self.hooks.warnings.clear()
            packed = self.fieldGet(field, data, KINDS["Bytes"])
            return None if self.hooks.warnings else self.get(packed & 0xFFFFFFFF, packed >> 32)
        length = self.fieldGetBuffer(field, data, KINDS["Bytes"], room << 32 | 0x8000)
        return None if length == -1 else self.get(0x8000, length)

    def write(self, field: int, data: int, value: bytes) -> int:
        """Set a field's bytes through fieldSet; its result."""
        return int(self.fieldSet(field, data, KINDS["String"], self.put(0x4000, value)))

    def scalar(self, field: int, data: int, kind: str) -> int | None:
        """A field's scalar through fieldGetScalar; None when that fails."""
        if "fieldGet" in hot(self.profile):
            self.hooks.warnings.clear()
            value = int(self.fieldGet(field, data, KINDS[kind]))
            return None if self.hooks.warnings else value
        self.put(16, bytes(4))
        if not self.profile.changed("error-pointer"):
            self.hooks.warnings.clear()
            value = int(self.fieldGetScalar(field, data, KINDS[kind]))
            return None if self.hooks.warnings else value
        value = int(self.fieldGetScalar(field, data, KINDS[kind], 16))
        return None if self.get(16, 4) == b"\x01\0\0\0" else value

    @property
    def warned(self) -> list[str]:
        """The warnings since the last look: "function: message"."""
        found = [f"{function}: {message}" for function, message in self.hooks.warnings]
        self.hooks.warnings.clear()
        return found
