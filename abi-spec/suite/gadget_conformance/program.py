"""A case for one release as the universal guest runs it: its scripts and data as bytes, its steps by number."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gadget_abi import EmbedderError, Form

from . import layout
from .arguments import Arguments, Value
from .case import Run
from .fetch import call_of
from .layout import MALLOC_MODES, PHASES, SPECIAL
from .memory import Data
from .values import MASK, bytes_of

__all__ = ["Content", "Program", "Step"]

_CONTROL = struct.Struct(f"<{len(PHASES)}I 32x I I")  # scripts by phase, table of callbacks, mode of malloc
_CALLBACK = struct.Struct("<QII")
assert _CONTROL.size == layout.MALLOC_MODE + 4 - layout.CONTROL


@dataclass(frozen=True)
class Content:
    """An expectation: bytes in memory of the guest's malloc that a packed result points to."""

    data: bytes


@dataclass(frozen=True)
class Step:
    """A step of a script.

    Args:
        number: as in the journal.
        where: the export whose script it is in; "dataSourceCallback N" for a callback.
        name: host function, or what else it does.
        args: as the guest computes them.
        slot: of the result, 0 for none.
        expect: what the case says about the result; None when it says nothing.
        form: of the host function, None for a step of the guest's own.
    """

    number: int
    where: str
    name: str
    args: tuple[Value, ...]
    slot: int
    expect: Any
    form: Form | None


@dataclass
class Program:
    """Compiles a case. `steps` are by number; `memory` is what goes into the guest's memory, by address.

    Raises:
        EmbedderError: the case asks for something that cannot be; the message names it.
    """

    run: Run
    steps: list[Step] = field(default_factory=list)
    memory: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._functions = {name: n for n, name in enumerate((*self.run.profile.forms, *SPECIAL))}
        self._args = Arguments(self.run.profile.abi)
        self._code = bytearray()
        try:
            self._compile(self.run.case.data)
        except EmbedderError as error:
            raise EmbedderError(f"{self.run.case.id}: {error}") from None

    @property
    def data(self) -> Data:
        """Its strings and buffers."""
        return self._args.data

    def name(self, slot: int) -> str:
        """What the result in a slot is called."""
        return next(name for name, number in self._args.slots.items() if number == slot)

    def _compile(self, data: Mapping[str, Any]) -> None:
        for name, content in data.get("buffers", {}).items():
            initial = layout.FILL * content if isinstance(content, int) else bytes_of(content)
            self._args.buffers[name] = self.data.add(f"buffer {name}", initial)
        phases = [self._phase(name) for name in PHASES]
        # Callbacks come last: what they refer to is named in the phases.
        table = [self._callback(*item) for item in data.get("callbacks", {}).items()]
        control = _CONTROL.pack(
            *phases,
            self._place(b"".join([*table, bytes(_CALLBACK.size)])),
            MALLOC_MODES.index(data.get("malloc", "ok")),
        )
        for name, content in data.get("memory", {}).items():
            self._args.buffer(name).becomes(None if content == "any" else bytes_of(content))
        self.memory = {
            0: self.data.areas[0].initial,
            layout.CONTROL: control,
            layout.SCRIPTS: bytes(self._code),
            layout.DATA: self.data.image,
        }

    def _phase(self, name: str) -> int:
        """The address of a phase's script, 0 when there is none."""
        script = self.run.case.scripts.get(name)
        bound = list(self._bound()) if name == "gadgetInit" else []
        return self._place(self._block(name, [*bound, *(script or ())])) if bound or script is not None else 0

    def _bound(self) -> Iterator[Mapping[str, Any]]:
        """Steps that fetch the sources and fields a case gives names to."""
        bind: Mapping[str, str] = self.run.case.data.get("bind", {})
        sources: dict[str, str] = {}
        for name, path in bind.items():
            source, slash, field_name = path.partition("/")
            common = {"as": name, "expect": "handle"}
            if not slash:
                sources[source] = name
                yield {"call": "getDataSource", "args": [{"string": source}], **common}
            elif source in sources:
                args = [f"${sources[source]}", {"string": field_name}]
                yield {"call": "dataSourceGetField", "args": args, **common}
            else:
                raise EmbedderError(f"bind the source {source!r} before its field {field_name!r}")

    def _callback(self, number: str, script: Any) -> bytes:
        quiet = isinstance(script, Mapping)
        first = len(self.steps)
        block = self._block(f"dataSourceCallback {number}", script["do"] if quiet else script)
        if quiet and any(step.expect is not None for step in self.steps[first:]):
            raise EmbedderError(f"callback {number} is quiet: nobody sees what its calls give")
        return _CALLBACK.pack(int(number, 0) & MASK, self._place(block), quiet)

    def _place(self, code: bytes) -> int:
        address = layout.SCRIPTS + len(self._code)
        self._code += code
        if len(self._code) > layout.DATA - layout.SCRIPTS:
            raise EmbedderError("the scripts are too long")
        return address

    # ----------------------------------------------------------------------------------------------- steps

    def _block(self, where: str, script: Iterable[Mapping[str, Any]]) -> bytes:
        code = b"".join(self._step(where, step) for step in script)
        return code + _encode(layout.END)

    def _step(self, where: str, step: Mapping[str, Any]) -> bytes:
        if "fetch" in step:
            step = call_of(step, self.run.profile)
        if "call" in step:
            return self._call(where, step)
        if "repeat" in step:
            block = self._block(where, step["do"])
            return _encode(layout.REPEAT, ((0, step["repeat"]), (0, len(block)))) + block
        if "return" in step:
            return _encode(layout.RETURN, (self._args.number(step["return"]),))
        return self._own(where, step)

    def _call(self, where: str, step: Mapping[str, Any]) -> bytes:
        form, args = self.run.profile.forms[step["call"]], step.get("args", [])
        before = len(self.data.areas)
        values = (self._args.value(param, arg) for param, arg in zip(form.params, args, strict=True))
        code = self._emit(where, form.function, tuple(values), step, form)
        if "writes" in step:
            content = None if step["writes"] == "any" else bytes_of(step["writes"])
            self._args.written(args, before).becomes(content)
        return code

    def _own(self, where: str, step: Mapping[str, Any]) -> bytes:
        """A step that is no host call."""
        if "trap" in step:
            return self._emit(where, "trap", (), {"expect": "trap"})
        if "malloc" in step:
            mode = MALLOC_MODES.index(step["malloc"])
            return self._emit(where, "store8", ((0, layout.MALLOC_MODE), (0, mode)), {})
        if "poke" in step:
            address = self._args.buffer(step["poke"]).address + step.get("offset", 0)
            stores = enumerate(bytes_of(step["value"]), start=address)
            return b"".join(self._emit(where, "store8", ((0, at), (0, byte)), {}) for at, byte in stores)
        key, function = next(item for item in _LOOKING.items() if item[0] in step)
        return self._emit(where, function, (self._args.number(step[key]),), step)

    def _emit(
        self,
        where: str,
        name: str,
        args: tuple[Value, ...],
        step: Mapping[str, Any],
        form: Form | None = None,
    ) -> bytes:
        expect = step.get("expect")
        if isinstance(expect, Mapping) and "packed" in expect:
            expect = Content(bytes_of(expect["packed"]))
        made = Step(len(self.steps), where, name, args, self._args.slot(step.get("as", "")), expect, form)
        self.steps.append(made)
        return _encode(self._functions[name], args, made.slot, made.number)


_LOOKING = {"note": "note", "load": "load64", "grow": "grow"}


def _encode(function: int, args: Iterable[Value] = (), slot: int = 0, number: int = 0) -> bytes:
    values = list(args)
    head = struct.pack("<4I", function, slot, len(values), number)
    return head + b"".join(struct.pack("<IIQ", slot, 0, constant) for slot, constant in values)
