"""The memory of the universal guest, and what Python writes to it and reads from it.

    0       4000    5000    6000       26000             a0000        b0000      c0000
    +-------+-------+-------+----------+-----------------+------------+----------+ - - -
    | low   | slots | state | scripts  | trace           | kept slots | high     | pages it grew by
    +-------+-------+-------+----------+-----------------+------------+----------+ - - -

The two windows, low and high, are what calls may read and write; everything else is the interpreter's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

PAGE: Final = 65536
PAGES: Final = 12
LOW: Final = range(0, 0x4000)
SLOTS: Final = 0x4000
SLOT_COUNT: Final = 512
STATE: Final = 0x5000
SCRIPTS: Final = range(0x6000, 0x26000)
TRACE: Final = range(0x26000, 0xA0000)
KEPT: Final = 0xA0000
"""Where callbacks keep the slots of those they interrupt: 16 times all of them."""
HIGH: Final = range(0xB0000, PAGES * PAGE)
ARENA: Final = range(0xB8000, PAGES * PAGE)
"""Where the guest's malloc takes memory from, round and round."""

# Members of the state: addresses of u32 unless said otherwise.
TRACE_TOP: Final = STATE
OVERFLOW: Final = STATE + 4
MALLOC_COUNT: Final = STATE + 8
MALLOC_TOP: Final = STATE + 12
HOOK_TABLE: Final = STATE + 64
"""Where the script of each entry of HOOKS begins."""
CALLBACK_TABLE: Final = STATE + 128
"""Where the scripts of callbacks begin; 32 of them."""
CALLBACKS: Final = 32
MALLOC_TABLE: Final = STATE + 512
"""What malloc does: [mode: u32][argument: u32], 64 of them, round and round."""
MALLOCS: Final = 64

HOOKS: Final = (
    "_start",
    "_initialize",
    "gadgetInit",
    "gadgetPreStart",
    "gadgetStart",
    "gadgetStop",
    "gadgetPostStop",
)

NO_SLOT, SOURCE_SLOT, DATA_SLOT, CALLBACK_SLOT, FIRST_SLOT = range(5)
"""Slot 0 is 0 for ever; a callback finds its arguments in the next three."""

MARGIN: Final = 5500
"""Entries of the trace that must be free for a script to go on: what is open must still be ended, and callbacks
that were to come anyway still come."""
ARGUMENTS: Final = 6


class Special(IntEnum):
    """Operations that are no calls of host functions."""

    END = 100
    RETURN = 101
    TRAP = 102
    POKE = 103
    GROW = 104
    SPIN = 105
    RECURSE = 106
    EXIT = 107


class Malloc(IntEnum):
    """What the guest's malloc does."""

    TAKE = 0
    ANSWER = 1
    TRAP = 2
    GROW = 3
    RUN = 4
    SPIN = 5


class Kind(IntEnum):
    """What an entry of the trace is about."""

    CALL = 1
    RESULT = 2
    CALLBACK = 3
    CALLBACK_END = 4
    MALLOC = 5
    MALLOC_END = 6
    SPECIAL = 7
    HOOK = 8
    HOOK_END = 9


class Value(NamedTuple):
    """An argument: what is in a slot, plus a number."""

    slot: int
    plus: int = 0


@dataclass(frozen=True)
class Op:
    """One operation of a script.

    Args:
        code: the number of a host function in the set, or one of Special.
        args: at most six.
        into: the slot that takes the result; 0 for none.
        label: what a person reads; for generators and shrinking only.
    """

    code: int
    args: tuple[Value, ...] = ()
    into: int = 0
    label: str = ""

    def __str__(self) -> str:
        args = ", ".join(
            (f"${a.slot}" if a.slot else "") + (f"{a.plus:+#x}" if a.plus else "") or "0" for a in self.args
        )
        return (f"${self.into} = " if self.into else "") + f"{self.label or Special(self.code).name}({args})"


_OP: Final = struct.Struct("<II6H4x6Q")
OP_SIZE: Final = _OP.size
_ENTRY: Final = struct.Struct("<II7Q")
ENTRY_SIZE: Final = _ENTRY.size
_U64: Final = (1 << 64) - 1


class Entry(NamedTuple):
    """One entry of the trace; all numbers unsigned, and raw as they passed the guest's stack."""

    kind: int
    code: int
    values: tuple[int, ...]


def encode(ops: Iterable[Op]) -> bytes:
    """A script's bytes, its end included."""
    return b"".join(map(_encoded, [*ops, Op(Special.END)]))


def _encoded(op: Op) -> bytes:
    args = [*op.args, *[Value(NO_SLOT)] * (ARGUMENTS - len(op.args))]
    return _OP.pack(op.code, op.into, *(a.slot for a in args), *(a.plus & _U64 for a in args))


def decode(trace: bytes) -> Sequence[Entry]:
    """The entries of a trace."""
    return [Entry(kind, code, tuple(values)) for kind, code, *values in _ENTRY.iter_unpack(trace)]
