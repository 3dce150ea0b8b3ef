"""Generated gadgets that both hosts can be asked about, and the requests by which they are."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from gadget_abi import Profile
from tests.fuzz import layout as at
from tests.fuzz.generate import Case, Generator
from tests.fuzz.guest import ABI, functions
from tests.fuzz.layout import Malloc, Op, Special, Value, encode
from tests.fuzz.world import (
    ADDRESSES,
    DYNAMIC,
    IMAGE,
    KIND_NAMES,
    MAPS,
    MEMBERS,
    MNTNS,
    PARAMS,
    SOURCES,
    SYMBOLS,
    TEXTS_AT,
)
from tests.upstream.gentle import Gentle

__all__ = ["Request", "closed_at_the_end", "make", "requests"]

NOT_ASKED: Final = {"perfReaderRead", "newPerfReader", "getSyscallDeclaration"}
"""Functions that wait for ever without an eBPF program, or take a second, as upstream reads all declarations anew."""
FOREIGN_TYPES: Final = {*range(3, 34)} - {9, 22}
"""Types of maps that the kernel has, and a host without a kernel need not have."""
MORE: Final = 40
"""Events besides those that the generator thinks of: they cost little once a gadget runs."""

Request = dict[str, Any]


def _pack(text: str) -> int:
    """The packed pointer to one of the texts in the guest's memory."""
    address, size = ADDRESSES[text]
    return size << 32 | address


_OTHERS: Final = {
    Value(at.SOURCE_SLOT, 0): Value(0, 1),  # the source a callback is given: garbage upstream
    Value(0, _pack("tick")): Value(0, _pack("mine")),  # or the embedder's source would have two owners
    Value(0, _pack("perf")): Value(0, _pack("hash")),  # of no use without its reader
}


def make(seed: int, number: int, release: str, *, gentle: bool) -> Case:
    """A gadget, strict, of one release; a gentle one is meant to live to its end."""
    rng = random.Random(f"{seed}:{number}:{release}")
    profile = Profile(ABI, release, strict=True)
    names = functions(profile)
    case = (Gentle if gentle else Generator)(rng, profile, names, wild=False).case()
    if rng.random() < 0.9:  # before gadgetInit upstream traps at the first opportunity
        case.hooks.update({name: [] for name in ("_start", "_initialize") if name in case.hooks})
    steps = [
        *case.steps,
        *((rng.choice(list(SOURCES)), rng.randrange(1 << 30)) for _ in range(rng.randrange(MORE))),
    ]
    if closed_at_the_end(profile):
        case.hooks["gadgetPostStop"] = []
    return replace(
        case,
        hooks={name: _asked(ops, names) for name, ops in case.hooks.items()},
        callbacks=[_asked(ops, names) for ops in case.callbacks],
        steps=steps,
        malloc_script=_asked(case.malloc_script, names),
    )


def closed_at_the_end(profile: Profile) -> bool:
    """Whether gadgetPostStop is called on a module that was closed before: it ends where wazero looks whether it is."""
    return not (profile.changed("post-stop-not-called") or profile.changed("post-stop-called-again"))


def _asked(ops: Sequence[Op], names: Sequence[str]) -> list[Op]:
    """What both hosts can be asked."""
    return [
        replace(op, args=tuple(_small(op, number, arg) for number, arg in enumerate(op.args)))
        for op in ops
        if op.code >= Special.END or names[op.code] not in NOT_ASKED
    ]


def _small(op: Op, number: int, arg: Value) -> Value:
    """An argument; of a new map a type that both hosts have or neither, and numbers that the kernel has memory for."""
    if op.label != "newMap" or number == 0:
        return _OTHERS.get(arg, arg)
    if number == 1:
        return Value(0, arg.plus if not arg.slot and arg.plus not in FOREIGN_TYPES else 1)
    return Value(arg.slot, arg.plus & 0x3FF)


# ------------------------------------------------------------------------------------------- what is asked


def requests(case: Case, module: str) -> Iterator[Request]:
    """The steps of a gadget's life."""
    pieces = [{"address": address, "bytes": data.hex()} for address, data in _memory(case)]
    load = {"do": "load", "module": module, "release": case.release, "strict": True, "memory": pieces}
    yield {**load, "setup": _setup(case)}
    yield {"do": "init"}
    yield {"do": "start"}
    # Before v0.38 an event ends with the first callback that fails; which of several it was the protocol does not say.
    most = 8 if Profile(ABI, case.release).changed("callback-error-dropped") else 1
    for source, seed in case.steps:
        packet = _packet(seed, SOURCES[source])
        yield {"do": "emit", "source": source, "packet": packet, "count": 1 + seed % most}
    yield {"do": "stop"}


def _setup(case: Case) -> Request:
    """The world of tests.fuzz.world, as the protocol has it."""
    members = [{"name": n, "kind": KIND_NAMES[k], "offset": o, "size": s} for n, k, o, s in MEMBERS]
    structure = {"size": max(offset + size for _, _, offset, size in MEMBERS), "members": members}
    fields = [{"name": name, "kind": KIND_NAMES[kind]} for name, kind in DYNAMIC.items()]
    sources = [
        {"name": name, "type": "array" if is_array else "single", "structs": [structure], "fields": fields}
        for name, is_array in SOURCES.items()
    ]
    maps = [
        {"name": name, "type": type_, "key_size": key, "value_size": value, "max_entries": most}
        for name, (type_, _, key, value, most) in MAPS.items()
        if type_ != "PerfEventArray"
    ]
    levels = list(ABI.enums["LogLevel"].members)
    level = levels[min(max(case.log_level, 0), len(levels) - 1)]
    found = {"sources": sources, "maps": maps, "params": PARAMS, "config": {}, "log_level": level}
    found["kallsyms"] = sorted(SYMBOLS)
    return found | ({"mntns": [f"u64:{inode}" for inode in sorted(MNTNS)]} if case.filtered else {})


def _memory(case: Case) -> Iterator[tuple[int, bytes]]:
    """Scripts and texts, by address."""
    yield TEXTS_AT, IMAGE
    place = at.SCRIPTS.start + at.OP_SIZE
    for name, ops in case.hooks.items():
        yield at.HOOK_TABLE + 4 * at.HOOKS.index(name), struct.pack("<I", place)
        yield place, encode(ops)
        place += len(encode(ops))
    places = []
    for ops in case.callbacks:
        places.append(place)
        yield place, encode(ops)
        place += len(encode(ops))
    table = [places[number % len(places)] for number in range(at.CALLBACKS)]
    yield at.CALLBACK_TABLE, struct.pack(f"<{at.CALLBACKS}I", *table)
    yield place, encode(case.malloc_script)
    for number, (mode, given) in enumerate(case.mallocs):
        answer = place if mode == Malloc.RUN else given
        yield at.MALLOC_TABLE + 8 * number, struct.pack("<II", mode, answer)


def _packet(seed: int, is_array: bool) -> list[dict[str, str]]:
    """The elements of an event."""
    rng = random.Random(seed)
    return [_element(rng) for _ in range(rng.randrange(4) if is_array else 1)]


def _element(rng: random.Random) -> dict[str, str]:
    fixed = {name: _value(rng, KIND_NAMES[kind], size) for name, kind, _, size in MEMBERS}
    return fixed | {name: _value(rng, KIND_NAMES[kind], None) for name, kind in DYNAMIC.items()}


def _value(rng: random.Random, kind: str, size: int | None) -> str:
    """Bytes that are the kind's own: our events are Python's values, which other bytes would not survive."""
    width = size or ABI.enums["Kind"].widths.get(kind) or rng.randrange(20)
    if kind == "Bool":
        return rng.choice(["00", "01"])
    if kind.startswith("Float"):
        return struct.pack("<f" if width == 4 else "<d", rng.randrange(-99, 99) / 8).hex()
    if kind == "CString":
        return bytes(rng.randrange(1, 256) for _ in range(width)).hex()
    return rng.randbytes(width).hex()
