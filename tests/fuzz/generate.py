"""Generates what a gadget does: scripts for its hooks and callbacks, and what Python does meanwhile.

Most of it is meant to work: a generator that knows which slots will hold what picks fitting arguments with a
probability of about 0.9 each, or else every call would fail at its first check.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from gadget_abi import Profile

from . import layout as at
from .arguments import END, GOOD, KINDS, STATIC, Arguments, Known
from .layout import Malloc, Op, Special, Value
from .model import BYTES, STRING, U32, WIDTHS
from .world import ADDRESSES, DYNAMIC, MEMBERS, SOURCES

WEIGHTS: Final = {
    "gadgetLog": 1,
    "newDataSource": 1,
    "getDataSource": 2,
    "fieldSet": 12,
    "fieldGetScalar": 10,
    "fieldGetBuffer": 10,
    "fieldGet": 16,
    "dataSourceNewPacketSingle": 7,
    "dataSourceNewPacketArray": 5,
    "dataSourceEmitAndRelease": 4,
    "dataArrayNew": 8,
    "dataArrayAppend": 8,
    "dataArrayGet": 6,
    "dataArrayLen": 3,
    "dataSourceSubscribe": 0.2,
    "dataSourceAddField": 1.5,
    "dataSourceUnreference": 0.3,
}


@dataclass
class Case:
    """One gadget's life.

    Args:
        release: of Inspektor Gadget.
        strict: with upstream's quirks.
        wild: anything goes, and nothing is compared.
        hooks: the scripts of hooks, by name.
        callbacks: the scripts of callbacks, by number.
        mallocs: what the guest's malloc does, in turn.
        malloc_script: the calls that malloc makes when it makes any.
        steps: what Python emits between start and stop: source and seed of the event.
        log_level: of the gadget.
        filtered: whether there is a mount namespace filter.
        discards: of a Python subscriber on each source: every so-manieth event, 0 for never; if negative, it
            subscribes to data, which of an array are the elements.
    """

    release: str
    strict: bool
    wild: bool
    hooks: dict[str, list[Op]]
    callbacks: list[list[Op]]
    mallocs: list[tuple[Malloc, int]]
    malloc_script: list[Op]
    steps: list[tuple[str, int]]
    log_level: int
    filtered: bool
    discards: dict[str, int] = field(default_factory=dict)

    @property
    def scripts(self) -> list[list[Op]]:
        """Every script, for whoever makes the case smaller."""
        return [*self.hooks.values(), *self.callbacks]


class Generator(Arguments):
    """Makes one case.

    Args:
        rng: where chance comes from.
        profile: release, careful or strict.
        functions: the host functions by code.
        wild: also what cannot be compared: endless loops, exits, pointers into the interpreter's memory.
    """

    def __init__(self, rng: random.Random, profile: Profile, functions: list[str], *, wild: bool) -> None:
        super().__init__(rng, profile, wild=wild)
        self.functions = functions
        self.codes = {name: code for code, name in enumerate(functions)}
        self._slots = at.FIRST_SLOT
        self._lasting: set[Known] = set()
        self.arrays = dict(SOURCES)
        """Whether a source (by tag) has arrays."""

    def case(self) -> Case:
        """A case."""
        rng = self.rng
        subscriptions: list[tuple[str, str]] = []
        hooks: dict[str, list[Op]] = {}
        init = self._prologue(subscriptions)
        hooks["gadgetInit"] = [*init, *self._script(rng.randrange(10, 60))]
        lasting = ("source", "field", "map", "perf-reader")
        everywhere = [k for k in self.known if k.kind in lasting or rng.random() < 0.1]
        for name in (
            "gadgetPreStart",
            "gadgetStart",
            "gadgetStop",
            "gadgetPostStop",
            "_start",
            "_initialize",
        ):
            if name in self.profile.exports:
                self.known = [] if name.startswith("_") else list(everywhere)
                hooks[name] = self._script(rng.randrange(40))
        callbacks = [self._callback(everywhere, *about) for about in subscriptions]
        return Case(
            self.profile.release,
            self.profile.strict,
            self.wild,
            {name: ops if name[0] == "_" else self._with_return(ops) for name, ops in hooks.items()},
            callbacks,
            self._mallocs(),
            self._malloc_script(),
            [
                (rng.choice(["tick", "single", "list"]), rng.randrange(1 << 30))
                for _ in range(rng.randrange(2, 9))
            ],
            log_level=rng.choice([2, 2, 0, 1, 3, 4]),
            filtered=rng.random() < 0.5,
            discards={name: rng.choice([0, 2, 3, -2, -3]) for name in SOURCES if rng.random() < 0.4},
        )

    def _with_return(self, ops: list[Op]) -> list[Op]:
        if self.rng.random() < 0.02:
            ops.insert(
                self.rng.randrange(len(ops) + 1), self._special(Special.RETURN, self.rng.choice([1, U32]))
            )
        return ops

    # -- scripts

    def _prologue(self, subscriptions: list[tuple[str, str]]) -> list[Op]:
        """Finds the sources and their fields, makes some, subscribes."""
        rng = self.rng
        ops: list[Op] = []
        for name in SOURCES:
            source = self._get(ops, "getDataSource", Known(0, "source", name), self._text(name))
            fields = {**DYNAMIC, **{member[0]: member[1] for member in MEMBERS}, "st": 0}
            for field_name in rng.sample(list(fields), rng.randrange(4, len(fields))):
                about = Known(0, "field", name, fields[field_name], STATIC if "." in field_name else 0)
                self._get(ops, "dataSourceGetField", about, Value(source.slot), self._text(field_name))
        for number in range(rng.randrange(1, 4)):
            self._own_source(ops, f"own{number}", rng.random() < 0.5)
        sources = [known for known in self.known if known.kind == "source"]
        for number in range(rng.randrange(2, 10)):
            source = rng.choice(sources) if number else next(s for s in sources if s.source == "tick")
            ops.append(self._subscription(source, subscriptions))
        return ops

    def _own_source(self, ops: list[Op], tag: str, is_array: bool) -> None:
        rng = self.rng
        self.arrays[tag] = is_array
        name = self._text(rng.choice(["mine", "other", "MINE"]))
        source = self._get(ops, "newDataSource", Known(0, "source", tag), name, Value(0, 1 + is_array))
        for number in range(rng.randrange(1, 4)):
            kind = rng.randrange(15)
            about = Known(0, "field", tag, kind)
            self._get(
                ops,
                "dataSourceAddField",
                about,
                Value(source.slot),
                self._text(f"new{number}"),
                Value(0, kind),
            )

    def _subscription(self, source: Known, subscriptions: list[tuple[str, str]]) -> Op:
        rng = self.rng
        is_array = self.arrays[source.source]
        type_ = rng.choice([1, 1, 2, 3] if is_array else [1, 1, 3])
        what = {1: "data" if is_array else "single", 2: "array", 3: "array" if is_array else "single"}[type_]
        number = len(subscriptions) | rng.choice([0, 0, 1 << 32, 1 << 63])
        subscriptions.append((source.source, what))
        priority = rng.choice([0, 0, 1, -1, 20000, -(1 << 31)])
        return self._op(
            "dataSourceSubscribe",
            Value(source.slot),
            Value(0, type_),
            Value(0, priority & U32),
            Value(0, number),
        )

    def _callback(self, everywhere: list[Known], source: str, what: str) -> list[Op]:
        self.known = [*everywhere, *[Known(at.DATA_SLOT, what, source)] * 4]
        self._slots = max(self._slots, at.FIRST_SLOT)
        return self._script(self.rng.randrange(3, 80 if source == "tick" else 25))

    def _script(self, length: int) -> list[Op]:
        names = self.functions
        weights = [WEIGHTS.get(name, 1.0) for name in names]
        ops: list[Op] = []
        self._lasting = lasting = set(self.known)
        for name in self.rng.choices(names, weights, k=length):
            ops += self._call(name)
            if self.rng.random() < 0.03:
                ops.append(self._odd())
        return [*ops, *self._cleaning(lasting)]

    def _cleaning(self, lasting: set[Known]) -> Iterator[Op]:
        """Gives back most of what a script has made, or the handle table would be full for the rest of the run."""
        for known in [k for k in self.known if k not in lasting and self.rng.random() < 0.95]:
            if known.kind in ("single", "array", "data") and (source := self._choose("source")):
                name = self.rng.choice(["dataSourceEmitAndRelease", *["dataSourceRelease"] * 4])
                if known.kind != "data":
                    yield self._op(name, self._value(source), self._value(known))
                elif array := self._choose("array"):
                    yield self._op("dataArrayRelease", self._value(array), self._value(known))
            elif known.kind == "perf-reader":
                yield self._op("perfReaderClose", self._value(known))
            elif "releaseHandle" in self.codes and known.kind in ("source", "field", "map"):
                yield self._op("releaseHandle", self._value(known))

    def _odd(self) -> Op:
        """Something that is no call."""
        rng = self.rng
        if rng.random() < 0.1:
            return self._special(Special.GROW, rng.choice([0, 1, 1, 300, U32]))
        if rng.random() < (0.2 if self.wild else 0.07):
            wild = [Special.SPIN, Special.EXIT, Special.RECURSE] if self.wild else []
            return self._special(rng.choice([Special.TRAP, Special.TRAP, *wild]), rng.choice([0, 3]))
        if rng.random() < 0.1:
            return self._special(Special.END)
        address = rng.choice([rng.randrange(0x1000, 0x3FF8), rng.randrange(at.HIGH.start, END - 8)])
        return self._special(Special.POKE, address, rng.getrandbits(64))

    def _special(self, code: Special, *args: int) -> Op:
        return Op(code, tuple(Value(0, arg) for arg in args))

    def _op(self, name: str, *args: Value, into: int = 0) -> Op:
        return Op(self.codes[name], args, into, name)

    def _get(self, ops: list[Op], name: str, about: Known, *args: Value) -> Known:
        """A call whose result is a handle, and what it then stands for."""
        known = replace(about, slot=self._slot())
        ops.append(self._op(name, *args, into=known.slot))
        self.known.append(known)
        return known

    def _slot(self) -> int:
        self._slots += 1
        return at.FIRST_SLOT + self._slots % (at.SLOT_COUNT - at.FIRST_SLOT)

    # -- one call

    def _call(self, name: str) -> list[Op]:
        maker = _MAKERS.get(name)
        form = self.profile.forms[name]
        ops: list[Op] = []
        if name == "mapRelease" and self.rng.random() < 0.5:
            sizes = (Value(0, number) for number in (1, 4, 4, 8))
            self._get(ops, "newMap", Known(0, "map", "new"), self._text("mine"), *sizes)
        if name == "perfReaderRead" and self.rng.random() < 0.5:
            ops.append(self._op("perfReaderPause", self._handle("perf-reader")))
        for param in form.params:
            if param.type.name == "handle" and self.rng.random() < GOOD:
                self._want(ops, param.type.handle)
        if name.startswith("field") and name != "fieldAddTag":
            args = self._access(name)
        elif name == "dataArrayAppend" or name == "dataArrayRelease":
            self._want_element(ops)
            args = self._pair("array", "data")
        elif name in ("dataSourceEmitAndRelease", "dataSourceRelease"):
            args = self._pair("source", "packet")
        elif name == "dataArrayGet" and self.rng.random() < GOOD and (array := self._filled(ops)):
            args = [self._value(array), Value(0, 0)]
        elif name.startswith("dataSourceNewPacket") and self.rng.random() < GOOD:
            args = [self._source_of(is_array=name.endswith("Array"))]
        elif name in ("mapLookup", "mapUpdate", "mapDelete", "newPerfReader") and self.rng.random() < GOOD:
            args = self._map_access(name)
        elif name in ("releaseHandle", "mapRelease", "perfReaderClose"):
            args = [self._used_up(form.params[0].type.handle, "new" if name == "mapRelease" else None)]
        elif name == "dataSourceSubscribe":
            args = [self._argument(name, param) for param in form.params[:-1]]
            args.append(Value(0, self.rng.randrange(at.CALLBACKS)))
        else:
            args = [self._argument(name, param) for param in form.params]
        if maker is None:
            ops.append(self._op(name, *args))
        else:
            self._get(ops, name, maker(self, args), *args)
        return ops

    def _want(self, ops: list[Op], kind: str) -> None:
        """Make something of that kind when there is nothing."""
        if self._choose(*KINDS.get(kind, (kind,))) is not None:
            return
        if kind in ("map", "perf-reader"):
            name = "perf" if kind == "perf-reader" else self.rng.choice(["hash", "array"])
            made = self._get(ops, "getMap", Known(0, "map", name), self._text(name))
            if kind == "perf-reader":
                args = [Value(made.slot), Value(0, 4096), Value(0, 1)]
                self._get(ops, "newPerfReader", Known(0, "perf-reader"), *args)
        elif kind in ("packet", "array", "data"):
            is_array = kind == "array" or self.rng.random() < 0.3
            name = "dataSourceNewPacketArray" if is_array else "dataSourceNewPacketSingle"
            source = self._source_of(is_array=is_array)
            about = _same_source("array" if is_array else "single")(self, [source])
            made = self._get(ops, name, about, source)
            if kind == "data" and is_array:
                self._get(ops, "dataArrayNew", replace(about, kind="data"), Value(made.slot))

    def _want_element(self, ops: list[Op]) -> None:
        """Make an element for an array when there is none."""
        array = self._choose("array")
        if array and self._choose("data") is None and self.rng.random() < GOOD:
            self._get(ops, "dataArrayNew", Known(0, "data", array.source), Value(array.slot))

    def _filled(self, ops: list[Op]) -> Known | None:
        """An array with an element in it."""
        array = self._choose("array")
        if array and (array.slot != at.DATA_SLOT or self.rng.random() < 0.5):
            new = self._get(ops, "dataArrayNew", Known(0, "data", array.source), Value(array.slot))
            ops.append(self._op("dataArrayAppend", Value(array.slot), Value(new.slot)))
            self.known.remove(new)
        return array

    def _source_of(self, *, is_array: bool) -> Value:
        """A source of that type."""
        fitting = [k for k in self.known if k.kind == "source" and self.arrays.get(k.source) == is_array]
        return self._value(self.rng.choice(fitting)) if fitting else self._handle("source")

    def _used_up(self, kind: str, source: str | None) -> Value:
        """A handle that the call takes away: seldom one of those that other scripts use as well."""
        own = [k for k in self.known if k not in self._lasting and kind in ("any", k.kind)]
        own = [k for k in own if source in (None, k.source)]
        if not own or self.rng.random() > 0.95:
            return self._handle(kind) if self.rng.random() < 0.2 else Value(0, self._number() & U32)
        found = self.rng.choice(own)
        self.known.remove(found)
        return self._value(found)

    def _map_access(self, name: str) -> list[Value]:
        """A map, and a key and a value of its sizes."""
        rng = self.rng
        maps = {"newPerfReader": ["perf"]}.get(name, ["hash", "hash", "array", "new"])
        found = self._choose("map", source=rng.choice(maps)) or self._choose("map")
        if found is None:
            return [self._argument(name, param) for param in self.profile.forms[name].params]
        if name == "newPerfReader":
            return [self._value(found), Value(0, 4096), Value(0, rng.randrange(2))]
        key = 4 << 32 | rng.randrange(0x3000, 0x3100, 32)
        size = {"array": 4, "hash": 8}.get(found.source, rng.choice([4, 8]))
        value = size << 32 | rng.randrange(0x2000, 0x3000)
        args = [found.slot, key, value, rng.choice([0, 0, 0, 1, 2, 5])]
        return [
            self._value(found),
            *(Value(0, arg) for arg in args[1 : len(self.profile.forms[name].params)]),
        ]

    def _pair(self, first: str, second: str) -> list[Value]:
        """Two handles that belong to the same source, the second used up by the call."""
        rng = self.rng
        other = self._choose("data") if second == "data" else self._choose(*KINDS[second])
        if other is None or rng.random() > GOOD:
            return [self._handle(first), self._handle(second)]
        one = self._choose(first, source=other.source) or self._choose(first)
        if rng.random() < 0.9:
            self.known = [k for k in self.known if k != other and k.parent != other.slot]
        return [self._value(one) if one else self._handle(first), self._value(other)]

    def _access(self, name: str) -> list[Value]:
        """Field, data, kind, and what else there is; mostly such as fit one another."""
        rng = self.rng
        data = self._choose("single", "data", "element")
        target = self._field_of(data) if data and rng.random() < GOOD else None
        if data is None or target is None or rng.random() > GOOD:
            args = [self._handle("field"), self._handle("data")]
            kind = rng.randrange(16)
        else:
            args = [self._value(target), self._value(data)]
            kind = target.field_kind
        buffer = name == "fieldGetBuffer" or (kind not in WIDTHS and name != "fieldGetScalar")
        if buffer and rng.random() < GOOD:
            kind = rng.choice([STRING, BYTES])
        elif rng.random() > GOOD:
            kind = rng.choice([rng.randrange(16), U32, 1 << 31])
        args.append(Value(0, kind))
        match name:
            case "fieldGetScalar" if len(self.profile.forms[name].params) == 4:
                args.append(Value(0, self._error_pointer()))
            case "fieldGetBuffer":
                args.append(Value(0, self._destination()))
            case "fieldSet":
                args.append(Value(0, self._bytes() if kind in (STRING, BYTES) else self._number()))
        return args

    def _field_of(self, data: Known) -> Known | None:
        """A field of the data's source, seldom one that data made by a guest does not have."""
        found = self._choose("field", source=data.source)
        if found and found.parent == STATIC and data.slot != at.DATA_SLOT and self.rng.random() < GOOD:
            found = self._choose("field", source=data.source)
        return found

    # -- malloc

    def _mallocs(self) -> list[tuple[Malloc, int]]:
        if "malloc" not in self.profile.exports:
            return []
        rng = self.rng
        some: list[tuple[Malloc, int]] = []
        for _ in range(at.MALLOCS):
            how = rng.random()
            if how < 0.8:
                some.append((Malloc.TAKE, 0))
            elif how < 0.84:
                some.append((Malloc.RUN, 0))
            elif how < 0.92:
                answers = [0, 0, END, END - 2, U32, 1 << 31, 0x2000]
                some.append((Malloc.ANSWER, rng.choice(answers)))
            else:
                modes = [
                    Malloc.TRAP,
                    Malloc.TRAP,
                    Malloc.GROW,
                    *([Malloc.SPIN] if self.wild and how > 0.998 else []),
                ]
                some.append((rng.choice(modes), 0))
        return some

    def _malloc_script(self) -> list[Op]:
        """Calls that leave data as it is: in what order a value is read and memory taken for it, nobody says."""
        source, item = (Value(self._slot()) for _ in range(2))
        ops = [
            self._op("gadgetLog", Value(0, 2), self._text("mine")),
            self._op("getDataSource", self._text("tick"), into=source.slot),
            self._op("dataSourceNewPacketSingle", source, into=item.slot),
            self._op("dataSourceRelease", source, item),
        ]
        if "releaseHandle" in self.codes:
            ops.append(self._op("releaseHandle", source))
        return ops


def _same_source(kind: str) -> Callable[[Generator, list[Value]], Known]:
    """What a call makes belongs to the source of its first argument."""

    def about(generator: Generator, args: list[Value]) -> Known:
        first = next((k for k in generator.known if k.slot == args[0].slot), None)
        field_kind = args[2].plus if kind == "field" and len(args) > 2 else 8
        return Known(0, kind, first.source if first else "", field_kind)

    return about


def _element(generator: Generator, args: list[Value]) -> Known:
    made = _same_source("element")(generator, args)
    return Known(0, "element", made.source, parent=args[0].slot)


def _text_at(pointer: Value) -> str:
    return next((text for text, (at_, size) in ADDRESSES.items() if pointer.plus == size << 32 | at_), "")


def _new_source(generator: Generator, args: list[Value]) -> Known:
    tag = f"later{args[0].plus:x}"
    generator.arrays[tag] = args[1].plus == 2
    return Known(0, "source", tag)


def _named_source(generator: Generator, args: list[Value]) -> Known:
    named = next(
        (name for name, (address, size) in ADDRESSES.items() if args[0].plus == size << 32 | address), ""
    )
    return Known(0, "source", named if named in SOURCES else "")


_MAKERS: Final[dict[str, Callable[[Generator, list[Value]], Known]]] = {
    "getDataSource": _named_source,
    "newDataSource": _new_source,
    "dataSourceGetField": _same_source("field"),
    "dataSourceAddField": _same_source("field"),
    "dataSourceNewPacketSingle": _same_source("single"),
    "dataSourceNewPacketArray": _same_source("array"),
    "dataArrayNew": _same_source("data"),
    "dataArrayGet": _element,
    "newMap": lambda generator, args: Known(0, "map", "new"),
    "getMap": lambda generator, args: Known(0, "map", _text_at(args[0])),
    "newPerfReader": lambda generator, args: Known(0, "perf-reader"),
}
