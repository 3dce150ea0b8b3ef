"""A guest whose host functions are called from Python, of any release and in either mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wasmtime import wat2wasm

import gadget_abi
from gadget_abi import Form
from gadget_host import Gadget

ABI = gadget_abi.load()
TEXT, SCRATCH = 0x400, 0x1000
"""Where texts are put, and what malloc gives first and tests may use for what is written."""

VERSION = '(func (export "gadgetAPIVersion") (result i64) i64.const 1)'
MALLOC = """
(global $next (mut i32) (i32.const 0x8000))
(func (export "malloc") (param $size i32) (result i32)
  (global.get $next) (global.set $next (i32.add (global.get $next) (local.get $size))))"""
CALLBACK = '(func (export "dataSourceCallback") (param i64 i32 i32))'


def declared(form: Form) -> str:
    """Parameters and results of a form, in WAT."""
    params, results = form.core_type
    return f"(param {' '.join(params)}) (result {' '.join(results)})"


def imported(release: str, *names: str) -> str:
    """Imports of host functions as a release has them, each called $name; all of them unless named."""
    forms, module = ABI.forms_in(release), ABI.family_of(release).module
    return "\n".join(
        f'(import "{module}" "{name}" (func ${name} {declared(forms[name])}))' for name in names or forms
    )


def wat(fields: str, *, memory: str = '(memory (export "memory") 1)') -> bytes:
    """A gadget of these fields, imports first."""
    return bytes(wat2wasm(f"(module {fields} {memory} {VERSION})"))


def puppet_text(release: str, *names: str) -> str:
    """Imports, exports of the same names that call them, and a malloc where the release wants one."""
    forms = ABI.forms_in(release)
    exports = [
        f'(func (export "{name}") {declared(form)} (call ${name} '
        f"{' '.join(f'(local.get {n})' for n in range(len(form.params)))}))"
        for name, form in forms.items()
        if not names or name in names
    ]
    malloc = MALLOC if ABI.exports["malloc"].covers(release) else ""
    return "\n".join([imported(release, *names), *exports, malloc])


def doubler(release: str) -> bytes:
    """A gadget of any set that doubles "pid" and puts a mark before "Comm"."""
    forms = ABI.forms_in(release)
    wanted = ["getDataSource", "dataSourceGetField", "dataSourceSubscribe", "fieldSet"]
    if "fieldGet" in forms:
        wanted.append("fieldGet")
        pid = "(call $fieldGet (global.get $pid) (local.get $data) (i32.const 8))"
        comm = "(call $fieldGet (global.get $comm) (local.get $data) (i32.const 12))"
    else:
        wanted += ["fieldGetScalar", "fieldGetBuffer"]
        pointer = "(i32.const 0)" if len(forms["fieldGetScalar"].params) == 4 else ""
        pid = f"(call $fieldGetScalar (global.get $pid) (local.get $data) (i32.const 8) {pointer})"
        comm = """(i64.or (i64.const 0x2000) (i64.shl (i64.extend_i32_u (call $fieldGetBuffer (global.get $comm)
          (local.get $data) (i32.const 12) (i64.const 0x4000002000))) (i64.const 32)))"""
    malloc = MALLOC if release <= "v0.37.0" else ""
    return wat(
        f"""{imported(release, *wanted)} (data (i32.const 8) "openpidComm>") {malloc}
        (global $pid (mut i32) (i32.const 0)) (global $comm (mut i32) (i32.const 0))
        (func (export "gadgetInit") (result i32) (local $open i32)
          (local.set $open (call $getDataSource (i64.const 0x400000008)))
          (global.set $pid (call $dataSourceGetField (local.get $open) (i64.const 0x30000000c)))
          (global.set $comm (call $dataSourceGetField (local.get $open) (i64.const 0x40000000f)))
          (call $dataSourceSubscribe (local.get $open) (i32.const 1) (i32.const 0) (i64.const 5)))
        (func (export "dataSourceCallback") (param $callback i64) (param $source i32) (param $data i32)
          (local $comm i64) (local $size i32)
          (drop (call $fieldSet (global.get $pid) (local.get $data) (i32.const 8)
            (i64.mul (i64.const 2) {pid})))
          (local.set $comm {comm})
          (local.set $size (i32.wrap_i64 (i64.shr_u (local.get $comm) (i64.const 32))))
          (i32.store8 (i32.const 0x3000) (i32.const 62))
          (memory.copy (i32.const 0x3001) (i32.wrap_i64 (local.get $comm)) (local.get $size))
          (drop (call $fieldSet (global.get $comm) (local.get $data) (i32.const 12)
            (i64.or (i64.const 0x3000)
              (i64.shl (i64.extend_i32_u (i32.add (local.get $size) (i32.const 1))) (i64.const 32))))))"""
    )


class Puppet:
    """A gadget whose host functions are its attributes: `puppet.newMap("counts", 1, 4, 4, 8)`.

    Args:
        release: whose functions it imports, and whose behaviour it gets.
        fields: more of the module: hooks, a callback.
        options: of Gadget.load.
    """

    def __init__(self, release: str = "v0.55.1", fields: str = CALLBACK, **options: Any) -> None:
        wasm = wat(puppet_text(release) + fields)
        self.gadget = Gadget.load(wasm, name="g.wasm", release=release, **options)
        self.runtime = self.gadget._runtime

    def __enter__(self) -> Puppet:
        return self

    def __exit__(self, *_: object) -> None:
        self.gadget.close()

    def __getattr__(self, name: str) -> Callable[..., int]:
        function = self.runtime.function(name)
        assert function is not None, name

        def call(*args: int | str | bytes) -> int:
            at, lowered = TEXT, []
            for arg in args:
                lowered.append(arg if isinstance(arg, int) else self.put(arg, at))
                at += 64
            return int(self.runtime.hooks.call(function, *lowered, function=name) or 0)

        return call

    def put(self, text: str | bytes, at: int) -> int:
        """A packed pointer to a text in the guest's memory."""
        raw = text.encode() if isinstance(text, str) else text
        self.runtime.memory.write(at, raw)
        return len(raw) << 32 | at

    def read(self, packed: int) -> bytes:
        """What a packed pointer points to."""
        return self.runtime.memory.read(packed & 0xFFFFFFFF, packed >> 32 & 0xFFFFFFFF)

    def room(self, size: int, at: int = SCRATCH) -> int:
        """A destination of ``size`` bytes of "?"."""
        return self.put(b"?" * size, at)

    @property
    def warnings(self) -> list[str]:
        """What the host had to say, from warnings on."""
        return [r.message for r in self.gadget.logs if r.origin == "host" and r.level <= 1]
