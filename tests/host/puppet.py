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
