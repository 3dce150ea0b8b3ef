"""What every fuzzed gadget finds around it: sources with events, maps, parameters; for the host and for the model."""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from typing import Any, Final

import gadget_abi
from gadget_host import FieldSchema, Gadget, MapRegistry, SourceSchema
from gadget_host.backends import KernelSymbols, MountNsFilter, SyscallTable
from gadget_host.sources import Source as HostSource

from .follow import Follower
from .model import BOOL, BYTES, CSTRING, FORMATS, STRING, WIDTHS, Array, Element, Source
from .state import Table, World

KIND_NAMES: Final = list(gadget_abi.load().enums["Kind"].members)
DYNAMIC: Final = {
    "num": 8,
    "flag": 1,
    "i8": 2,
    "i16": 3,
    "i64": 5,
    "f32": 10,
    "f64": 11,
    "text": 12,
    "cstr": 13,
    "blob": 14,
}
"""Dynamic fields of the embedder's sources, with their kinds."""
MEMBERS: Final = [
    ("st.a", 7, 0, 2),
    ("st.b", 12, 2, 6),
    ("st.c", 5, 8, 8),
    ("st.d", 14, 16, 4),
    ("st.e", 13, 20, 5),
]
"""Members of a structure: full name, kind, offset, size."""
EMPTY_FIELD: Final = "st"
SOURCES: Final = {"single": False, "list": True, "tick": False}
"""The embedder's sources; whether they are arrays."""
PARAMS: Final = {"key": "value", "empty": "", "long": "x" * 300}
SYMBOLS: Final = frozenset({"vfs_read", "do_sys_open"})
MNTNS: Final = frozenset({7, 1 << 40})
MAPS: Final = {
    "hash": ("Hash", 1, 4, 8, 16),
    "array": ("Array", 2, 4, 4, 8),
    "perf": ("PerfEventArray", 4, 4, 4, 2),
}

TEXTS: Final = [
    *SOURCES,
    *("mine", "other", "MINE", "", "no such"),
    *DYNAMIC,
    *(member[0] for member in MEMBERS),
    *("st", "NUM", "new0", "new1", "new2", "a.b", "datasources.mine.tags"),
    *PARAMS,
    *MAPS,
    *("openat", "read", "clone3", "vfs_read", "a line with\0 a NUL", "\udcff\udcfe no UTF-8", "x" * 200),
]
TEXTS_AT: Final = 0x100
ADDRESSES: Final[dict[str, tuple[int, int]]] = {}
_image = bytearray()
for _text in TEXTS:
    _raw = _text.encode("utf-8", "surrogateescape")
    ADDRESSES[_text] = TEXTS_AT + len(_image), len(_raw)
    _image += _raw + b"\0"
IMAGE: Final = bytes(_image)
"""The texts as they lie in the guest's memory from TEXTS_AT on."""


def model_world(log_level: int, *, filtered: bool) -> World:
    """The model's side."""
    maps = {
        name: Table(number, key, value, most, _entries(number, value, most))
        for name, (_, number, key, value, most) in MAPS.items()
    }
    return World(PARAMS, SyscallTable(), SYMBOLS, MNTNS if filtered else None, log_level, maps)


def _entries(type: int, value_size: int, most: int) -> dict[bytes, bytes] | None:
    if type == 1:
        return {}
    return {n.to_bytes(4, "little"): bytes(value_size) for n in range(most)} if type == 2 else None


def host_world(*, filtered: bool) -> dict[str, Any]:
    """The host's side: arguments for Gadget.load."""
    maps = MapRegistry(cpus=1)
    for name, (type_, _, key, value, most) in MAPS.items():
        maps.create(name, type=type_, key_size=key, value_size=value, max_entries=most)
    world: dict[str, Any] = {"params": PARAMS, "maps": maps, "kallsyms": KernelSymbols(SYMBOLS)}
    return world | ({"mntns": MountNsFilter(MNTNS)} if filtered else {})


def add_sources(gadget: Gadget, follower: Follower) -> tuple[dict[str, HostSource], dict[str, Source]]:
    """Add the embedder's sources to both."""
    dynamic = [FieldSchema(name, KIND_NAMES[kind]) for name, kind in DYNAMIC.items()]
    empty = [FieldSchema(EMPTY_FIELD, "Invalid", flags=3)]
    members = [
        FieldSchema(name, KIND_NAMES[kind], offset=offset, size=size, payload=100, flags=24)
        for name, kind, offset, size in MEMBERS
    ]
    ours: dict[str, HostSource] = {}
    models: dict[str, Source] = {}
    for name, is_array in SOURCES.items():
        schema = SourceSchema(name, "array" if is_array else "single", (*members, *empty, *dynamic))
        ours[name] = gadget.add_source(schema)
        models[name] = model = Source(name, is_array)
        model.add_structure(MEMBERS)
        model.add_empty(EMPTY_FIELD)
        for field, kind in DYNAMIC.items():
            model.add(field, kind)
        follower.calls.sources[name] = model
    return ours, models


def event(rng: random.Random, source: Source) -> tuple[dict[str, Any], Element]:
    """A random event of one of the embedder's sources, as a dict and as the model's element."""
    structure = bytearray(source.widths[0])
    nested: dict[str, Any] = {}
    for name, kind, offset, size in MEMBERS:
        nested[name.removeprefix("st.")], raw = _value(rng, kind, size)
        structure[offset : offset + size] = raw
    made: dict[str, Any] = {"st": nested}
    slots: list[bytes] = [bytes(structure)]
    for name, kind in DYNAMIC.items():
        made[name], raw = _value(rng, kind, 0)
        slots.append(raw)
    blank = [bytes(n or 0) for n in source.blanks[len(slots) :]]
    return made, Element(source, [*slots, *blank], single=not source.is_array)


def _value(rng: random.Random, kind: int, size: int) -> tuple[Any, bytes]:
    if kind == BOOL:
        value = rng.random() < 0.5
        return value, bytes([value])
    if kind in FORMATS:
        raw = rng.choice([rng.randbytes(WIDTHS[kind]), bytes(WIDTHS[kind]), b"\1" + bytes(WIDTHS[kind] - 1)])
        (number,) = struct.unpack(f"<{FORMATS[kind]}", raw)
        if number != number:
            return _value(rng, kind, size)  # a NaN has many forms
        return number, raw
    raw = rng.choice([b"", b"abc", b"four", b"/home/a/b", b"\xff\xfe", bytes(range(1, 20))])
    raw = raw[:size] if size else raw
    if kind == BYTES:
        return raw.ljust(size, b"\0"), raw.ljust(size, b"\0")
    assert kind in (STRING, CSTRING)
    return raw.decode("utf-8", "surrogateescape"), raw.ljust(size, b"\0")


def emission(rng: random.Random, source: Source) -> tuple[Any, Element | Array]:
    """What Python emits on a source: for the host and for the model."""
    if not source.is_array:
        return event(rng, source)
    pairs: Sequence[tuple[dict[str, Any], Element]] = [event(rng, source) for _ in range(rng.randrange(4))]
    return [made for made, _ in pairs], Array(source, [element for _, element in pairs])
