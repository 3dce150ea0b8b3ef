"""A case for one release as the universal guest runs it: its scripts and data as bytes, its steps by number."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gadget_abi import EmbedderError, Form, Param

from . import layout
from .case import Run
from .layout import PHASES, SPECIAL
from .memory import MEMORY_END, Area, Data
from .values import MASK, bits_of, bytes_of, is_tagged

__all__ = ["Content", "Program", "Step", "Value"]

Value = tuple[int, int]
"""An argument: a slot and a constant to add."""
_REFERENCE = re.compile(r"\$(\w+)([+-](?:0x[0-9a-fA-F]+|\d+))?")
_PREDEFINED = {"callback": 1, "source": 2, "data": 3}
_FETCH_SIZE = 64


@dataclass(frozen=True)
class Content:
    """An expectation: bytes in memory of the guest's malloc that a packed result points to."""

    data: bytes


@dataclass(frozen=True)
class Step:
    """A step of a script.

    Args:
        number: as in the journal.
        where: the export whose script it is in.
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
    data: Data = field(default_factory=Data)
    memory: dict[int, bytes] = field(default_factory=dict)
    slots: dict[str, int] = field(default_factory=lambda: dict(_PREDEFINED))
    buffers: dict[str, Area] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._compile()
        except EmbedderError as error:
            raise EmbedderError(f"{self.run.case.id}: {error}") from None

    def _compile(self) -> None:
        case, profile = self.run.case, self.run.profile
        self._functions = {name: n for n, name in enumerate((*profile.forms, *SPECIAL))}
        self._code, control = bytearray(), bytearray(layout.CONTROL + 80 - layout.CONTROL)
        for name, content in case.data.get("buffers", {}).items():
            initial = layout.FILL * content if isinstance(content, int) else bytes_of(content)
            self.buffers[name] = self.data.add(f"buffer {name}", initial)
        scripts = {"gadgetInit": [], **case.scripts} if case.data.get("bind") else case.scripts
        table = bytearray()
        # Callbacks come last: what they refer to is named in the phases before.
        for where in sorted(
            scripts, key=lambda name: (*PHASES, name).index(name.split()[0]) if name in PHASES else 99
        ):
            address = self._script(where, scripts[where])
            if where in PHASES:
                struct.pack_into("<I", control, 4 * PHASES.index(where), address)
            else:
                table += self._callback(where, address)
        struct.pack_into("<II", control, 64, self._place(bytes(table + bytes(16))), self._malloc_mode())
        for name, content in case.data.get("memory", {}).items():
            self._buffer(name).becomes(None if content == "any" else bytes_of(content))
        self.memory = {
            0: self.data.areas[0].initial,
            layout.CONTROL: bytes(control),
            layout.SCRIPTS: bytes(self._code),
            layout.DATA: self.data.image,
        }

    def _callback(self, where: str, address: int) -> bytes:
        number = where.split()[1]
        script = self.run.case.data["callbacks"][number]
        quiet = isinstance(script, Mapping) and script.get("quiet", False)
        return struct.pack("<QII", int(number, 0) & MASK, address, quiet)

    def _malloc_mode(self) -> int:
        return layout.MALLOC_MODES.index(self.run.case.data.get("malloc", "ok"))

    def _place(self, code: bytes) -> int:
        address = layout.SCRIPTS + len(self._code)
        self._code += code
        if len(self._code) > layout.DATA - layout.SCRIPTS:
            raise EmbedderError("the scripts are too long")
        return address

    # ---------------------------------------------------------------------------------------------- scripts

    def _script(self, where: str, script: Iterable[Mapping[str, Any]]) -> int:
        bound = b"".join(self._bound()) if where == "gadgetInit" else b""
        return self._place(bound + self._block(where, script))

    def _block(self, where: str, script: Iterable[Mapping[str, Any]]) -> bytes:
        code = b"".join(self._step(where, step) for step in script)
        return code + _encode(layout.END, 0, (), 0)

    def _bound(self) -> Iterable[bytes]:
        """Steps that fetch the sources and fields a case gives names to."""
        for name, path in self.run.case.data.get("bind", {}).items():
            source, slash, field_name = path.partition("/")
            if not slash:
                yield self._call("gadgetInit", "getDataSource", [source], name, "handle")
                continue
            owner = next((key for key, value in self.run.case.data["bind"].items() if value == source), None)
            if owner is None or owner not in self.slots:
                raise EmbedderError(f"bind the source {source!r} before its field {field_name!r}")
            yield self._call("gadgetInit", "dataSourceGetField", [f"${owner}", field_name], name, "handle")

    def _step(self, where: str, step: Mapping[str, Any]) -> bytes:
        name, expect = step.get("as", ""), step.get("expect")
        if isinstance(expect, Mapping) and "packed" in expect:
            expect = Content(bytes_of(expect["packed"]))
        if "call" in step:
            return self._call(where, step["call"], step.get("args", []), name, expect, step.get("writes"))
        if "fetch" in step:
            return self._fetch(where, step)
        if "repeat" in step:
            block = self._block(where, step["do"])
            return _encode(layout.REPEAT, 0, ((0, step["repeat"]), (0, len(block))), 0) + block
        if "return" in step:
            return _encode(layout.RETURN, 0, (self._plain(step["return"]),), 0)
        if "poke" in step:
            return self._poke(where, step)
        if "malloc" in step:
            mode = layout.MALLOC_MODES.index(step["malloc"])
            return self._own(where, "store8", [(0, layout.MALLOC_MODE), (0, mode)])
        if "trap" in step:
            return self._own(where, "trap", [], expect="trap")
        own = next(own for own in ("note", "load", "grow") if own in step)
        return self._own(where, "load64" if own == "load" else own, [self._plain(step[own])], name, expect)

    def _poke(self, where: str, step: Mapping[str, Any]) -> bytes:
        area = self._buffer(step["poke"])
        address = area.address + step.get("offset", 0)
        return b"".join(
            self._own(where, "store8", [(0, address + n), (0, byte)])
            for n, byte in enumerate(bytes_of(step["value"]))
        )

    def _own(self, where: str, function: str, args: list[Value], name: str = "", expect: Any = None) -> bytes:
        return self._emit(Step(len(self.steps), where, function, tuple(args), self._slot(name), expect, None))

    def _call(
        self, where: str, function: str, args: list[Any], name: str, expect: Any, writes: Any = None
    ) -> bytes:
        form = self.run.profile.forms[function]
        before = len(self.data.areas)
        values = tuple(self._argument(param, arg) for param, arg in zip(form.params, args, strict=True))
        if writes is not None:
            self._written(args, before).becomes(None if writes == "any" else bytes_of(writes))
        return self._emit(Step(len(self.steps), where, function, values, self._slot(name), expect, form))

    def _written(self, args: list[Any], before: int) -> Area:
        """The buffer among the arguments."""
        arg = next(
            (arg for arg in args if isinstance(arg, Mapping) and ("buffer" in arg or "address" in arg)), None
        )
        if arg is None:
            raise EmbedderError("`writes` without a buffer among the arguments")
        name = arg.get("buffer", arg.get("address"))
        if isinstance(name, str):
            return self._buffer(name)
        return next(area for area in self.data.areas[before:] if area.name.startswith("buffer"))

    def _emit(self, step: Step) -> bytes:
        self.steps.append(step)
        return _encode(self._functions[step.name], step.slot, step.args, step.number)

    def _slot(self, name: str) -> int:
        if not name:
            return 0
        if name not in self.slots and len(self.slots) + 1 == layout.SLOT_COUNT:
            raise EmbedderError(f"more than {layout.SLOT_COUNT} names")
        return self.slots.setdefault(name, len(self.slots) + 1)

    # -------------------------------------------------------------------------------------------- fetching

    def _fetch(self, where: str, step: Mapping[str, Any]) -> bytes:
        """Get a value or bytes in the way this release has for it."""
        name, args, expect = step["fetch"], list(step["args"]), step["expect"]
        widths = self.run.profile.abi.enums["Kind"].widths
        if name == "field" and "fieldGet" in self.run.profile.forms:
            name = "fieldGet"
        elif name == "field":
            name = "fieldGetScalar" if args[2] in widths else "fieldGetBuffer"
        form = self.run.profile.forms[name]
        if name in ("fieldGet", "fieldGetScalar") and args[2] in widths:
            return self._fetch_scalar(where, form, args, expect)
        if form.result is not None and form.result.name in ("packed", "value"):
            wanted = "error" if expect == "fails" else Content(bytes_of(expect))
            return self._call(where, name, args, "", wanted)
        return self._fetch_bytes(where, form, args, expect, step.get("size", _FETCH_SIZE))

    def _fetch_scalar(self, where: str, form: Form, args: list[Any], expect: Any) -> bytes:
        fails = expect == "fails"
        if len(form.params) == 3:
            return self._call(where, form.function, args, "", "error" if fails else expect)
        wanted = "any" if fails else expect
        return self._call(where, form.function, [*args, {"buffer": 4}], "", wanted, "u32:1" if fails else "")

    def _fetch_bytes(self, where: str, form: Form, args: list[Any], expect: Any, size: int) -> bytes:
        wanted: Any = "error"
        content = "" if expect == "fails" else expect
        if expect != "fails":
            length = form.result is not None and form.result.name == "length"
            wanted = len(bytes_of(expect)) if length else "ok"
        if form.params[-1].type.name == "packed-address":
            raise EmbedderError(f"{form.function} of {self.run.profile.release} cannot be fetched; call it")
        return self._call(where, form.function, [*args, {"buffer": size}], "", wanted, content)

    # ------------------------------------------------------------------------------------------- arguments

    def _argument(self, param: Param, arg: Any) -> Value:
        type_ = param.type
        if isinstance(arg, Mapping):
            return self._place_argument(param, arg)
        if isinstance(arg, str) and not _REFERENCE.fullmatch(arg):
            enum = next((e for e in self.run.profile.abi.enums.values() if e.type == type_.name), None)
            if enum is not None and not is_tagged(arg):
                if arg not in enum.members:
                    raise EmbedderError(f"there is no {enum.name} {arg!r}")
                return 0, enum.members[arg]
            if type_.name in ("string", "bytes") or (
                type_.name == "value" and (not is_tagged(arg) or arg.startswith("bytes:"))
            ):
                return 0, self.data.add(repr(arg), bytes_of(arg)).packed if arg else 0
        return self._plain(arg)

    def _place_argument(self, param: Param, arg: Mapping[str, Any]) -> Value:
        if "string" in arg:
            return 0, self.data.add(repr(arg["string"]), arg["string"].encode()).packed
        if "packed" in arg:
            (slot, address), length = self._plain(arg["packed"][0]), bits_of(arg["packed"][1])
            return slot, (length << 32) + address & MASK
        if "buffer" in arg:
            area = self._area(arg["buffer"])
            return 0, area.packed if param.type.core == "i64" else area.address
        return self._plain(arg)

    def _area(self, buffer: int | str) -> Area:
        if isinstance(buffer, str):
            return self._buffer(buffer)
        return self.data.add(f"buffer of {buffer} bytes", layout.FILL * buffer)

    def _buffer(self, name: str) -> Area:
        if name not in self.buffers:
            raise EmbedderError(f"there is no buffer {name!r}")
        return self.buffers[name]

    def _plain(self, arg: Any) -> Value:
        """A number, a reference, or an address."""
        if isinstance(arg, Mapping):
            if "end" in arg:
                return 0, MEMORY_END + arg["end"]
            return 0, self._buffer(arg["address"]).address + arg.get("offset", 0)
        if isinstance(arg, str) and (found := _REFERENCE.fullmatch(arg)):
            if found[1] not in self.slots:
                raise EmbedderError(f"nothing is called ${found[1]} yet")
            return self.slots[found[1]], int(found[2] or "0", 0) & MASK
        return 0, bits_of(arg)


def _encode(function: int, slot: int, args: Iterable[Value], number: int) -> bytes:
    values = list(args)
    head = struct.pack("<4I", function, slot, len(values), number)
    return head + b"".join(struct.pack("<IIQ", slot, 0, constant) for slot, constant in values)
