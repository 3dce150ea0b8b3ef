"""What the universal guest wrote down: host calls with their results, callbacks, calls of malloc."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .arguments import Value
from .layout import CALLBACK_MARK, ENTRY, MALLOC_MARK
from .program import Program, Step
from .values import MASK

__all__ = ["Called", "Entry", "Malloc", "Returned", "read_entries"]

_ENTRY = struct.Struct("<IIQQQ")


@dataclass(frozen=True)
class Returned:
    """A step that was run: its result, None when it did not return; and its arguments."""

    step: Step
    result: int | None
    args: tuple[int, ...]


@dataclass(frozen=True)
class Called:
    """A callback: its parameters."""

    callback: int
    source: int
    data: int


@dataclass(frozen=True)
class Malloc:
    """A call of the guest's malloc."""

    size: int
    address: int


Entry = Returned | Called | Malloc


def read_entries(program: Program, data: bytes) -> list[Entry]:
    """The entries of a journal, in the order in which things began."""
    return list(_replay(program, (_ENTRY.unpack_from(data, at) for at in range(0, len(data), ENTRY))))


def _replay(program: Program, rows: Iterable[tuple[int, int, int, int, int]]) -> Iterator[Entry]:
    slots: dict[int, int] = {}
    for number, done, a, b, c in rows:
        if number == CALLBACK_MARK:
            slots.update({1: a, 2: b, 3: c})
            yield Called(a, b, c)
        elif number == MALLOC_MARK:
            yield Malloc(a, b)
        else:
            step = program.steps[number]
            args = tuple(_compute(value, slots) for value in step.args)
            if done and step.slot:
                slots[step.slot] = a
            yield Returned(step, a if done else None, args)


def _compute(value: Value, slots: dict[int, int]) -> int:
    slot, constant = value
    return slots.get(slot, 0) + constant & MASK
