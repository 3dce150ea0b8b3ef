"""Arguments for generated calls: mostly such as can work, and some of every kind that cannot."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from gadget_abi import Param, Profile

from . import layout as at
from .layout import Value
from .model import STRING, U32, U64
from .world import ADDRESSES, DYNAMIC, MAPS, MEMBERS, PARAMS, SOURCES

GOOD: Final = 0.88
"""How likely an argument is one that can work."""
END: Final = at.PAGES * at.PAGE
TEXT_OF: Final = {
    "newDataSource.name": ["mine", "other", "MINE", "mine", "tick", ""],
    "getDataSource.name": [*SOURCES, "mine", "other"],
    "dataSourceGetField.name": [
        *DYNAMIC,
        *(m[0] for m in MEMBERS),
        "st",
        "NUM",
        "NUM",
        "NUM",
        "new0",
        "new1",
    ],
    "dataSourceAddField.name": ["new0", "new1", "new2", "NUM", "a.b"],
    "getParamValue.key": [*PARAMS],
    "getMap.name": [*MAPS],
    "getSyscallID.name": ["openat", "read", "clone3"],
    "getSyscallDeclaration.name": ["openat", "read", "clone3"],
    "kallsymsSymbolExists.symbol": ["vfs_read", "mine"],
    "newMap.name": ["mine", "mine", "new0", "a.b", "a line with\0 a NUL"],
}
STATIC: Final = -1
KINDS: Final = {"packet": ("single", "array"), "data": ("single", "data", "element")}
"""What a handle parameter of a kind takes, where that has another name."""


@dataclass(frozen=True)
class Known:
    """What a slot will hold: a kind of handle, of which source (for a map its name); a field's kind, an
    element's array; STATIC for a member of a structure.
    """

    slot: int
    kind: str
    source: str = ""
    field_kind: int = 0
    parent: int = 0


class Arguments:
    """Picks arguments; knows which slots will hold what.

    Args:
        rng: where chance comes from.
        profile: release, careful or strict.
        wild: also pointers that cannot be compared: into the interpreter's own memory.
    """

    def __init__(self, rng: random.Random, profile: Profile, *, wild: bool) -> None:
        self.rng, self.profile, self.wild = rng, profile, wild
        self.known: list[Known] = []

    def _argument(self, function: str, param: Param) -> Value:
        rng = self.rng
        place = f"{function}.{param.name}"
        match param.type.name:
            case "handle":
                return self._handle(param.type.handle)
            case "string" if rng.random() < GOOD:
                return self._text(rng.choice(TEXT_OF.get(place, list(ADDRESSES))))
            case "string":
                return Value(0, rng.choice([self._bytes(), self._bad_pointer()]))
            case "bytes" | "value":
                return Value(0, self._map_bytes(param.name) if function.startswith("map") else self._bytes())
            case "out-buffer":
                return Value(0, self._destination())
            case "error-pointer" | "packed-address":
                return Value(0, self._error_pointer())
        return Value(0, self._plain(place, param))

    def _plain(self, place: str, param: Param) -> int:
        """A number that is no pointer and no handle."""
        rng = self.rng
        if rng.random() > GOOD:
            return self._number() & (U32 if param.type.core == "i32" else U64)
        if place == "setConfig.kind":
            return STRING
        if place == "newMap.type":
            return rng.choice([1, 1, 2, 2, 9, 22])
        if place == "newPerfReader.size":
            return 4096
        small = {
            "kind": 15,
            "source-type": 2,
            "subscription-type": 3,
            "bool": 2,
            "log-level": 6,
            "map-flags": 3,
            "u32": 10,
            "s32": 3,
        }
        most = small.get(param.type.name, 8)
        least = 1 if param.type.name.endswith("-type") else 0
        if place.startswith("newMap"):
            return rng.choice([4, 4, 8])
        if place == "shouldDiscardMntnsID.mntns_id":
            return rng.choice([7, 1 << 40, 8])
        return rng.randrange(least, most + least)

    def _number(self) -> int:
        rng = self.rng
        return rng.choice([0, 1, 2, U32, 1 << 31, U64, 1 << 63, rng.getrandbits(8), rng.getrandbits(64)])

    # -- handles

    def _choose(self, *kinds: str, source: str | None = None) -> Known | None:
        fitting = [k for k in self.known if k.kind in kinds and source in (None, k.source)]
        if not fitting:
            return None
        return self.rng.choice(fitting if "field" in kinds or self.rng.random() < 0.4 else fitting[-8:])

    def _value(self, known: Known) -> Value:
        return Value(known.slot)

    def _handle(self, kind: str) -> Value:
        rng = self.rng
        kinds = KINDS.get(kind, (kind,))
        if rng.random() < GOOD and (found := self._choose(*kinds)):
            return self._value(found)
        array = self._choose("array")
        made_up = [
            Value(0, rng.choice([0, 1, 5, 60_000, 65_536, U32, 1 << 31, rng.getrandbits(32)])),
            Value(rng.randrange(at.SLOT_COUNT)),
            Value(array.slot if array else 0, 1 << 31 | rng.choice([0, 1, 2, 0x7FFF]) << 16),
            self._value(rng.choice(self.known)) if self.known else Value(0),
        ]
        return rng.choice(made_up)

    # -- pointers

    def _text(self, text: str) -> Value:
        address, size = ADDRESSES[text]
        return Value(0, size << 32 | address)

    def _range(self, size: int) -> int:
        """A packed pointer to so many bytes of a window."""
        windows = [(0x1000, 0x4000), (at.HIGH.start, at.ARENA.start)]
        start, stop = self.rng.choice(windows)
        return size << 32 | self.rng.randrange(start, stop - size)

    def _bytes(self) -> int:
        """A packed pointer to read from."""
        rng = self.rng
        if rng.random() > GOOD:
            return self._bad_pointer()
        sizes = [0, 1, 2, 4, 8, rng.randrange(64), rng.randrange(64), 6, 4, 16]
        return self._range(rng.choice([*sizes, rng.randrange(4096)]))

    def _destination(self) -> int:
        """A packed pointer to write to."""
        rng = self.rng
        return (
            self._bad_pointer()
            if rng.random() > GOOD
            else self._range(rng.choice([400, 64, 300, 256, 8, 4, 0]))
        )

    def _map_bytes(self, name: str) -> int:
        rng = self.rng
        if rng.random() > GOOD:
            return self._bytes()
        at_zero = rng.randrange(0x3000, 0x3F00, 64) if name == "key" else rng.randrange(0x2000, 0x3000)
        return rng.choice([4, 4, 8] if name == "key" else [4, 8, 8]) << 32 | at_zero

    def _bad_pointer(self) -> int:
        """One at the edge of memory, beyond it, or nowhere."""
        rng = self.rng
        size = rng.choice([0, 1, 4, 8, 64])
        places = [END - size, END - size + 1, END, END + 1, 1 << 31, U32]
        edges = [
            0,
            size << 32 | END - size,
            size << 32 | rng.choice(places),
            U64,
            U32 << 32 | 8,
            1 << 63 | 0x1000,
            size << 32 | 0x10,
        ]
        if self.wild:
            edges += [rng.getrandbits(64), rng.randrange(1 << 16) << 32 | rng.randrange(END)]
        return rng.choice(edges)

    def _error_pointer(self) -> int:
        rng = self.rng
        if rng.random() < 0.9:
            return rng.choice(
                [0, rng.randrange(0x1000, 0x3FFC), rng.randrange(at.HIGH.start, at.ARENA.start)]
            )
        return rng.choice([END - 4] * 6 + [END - 3, END, U32, 1 << 31])
