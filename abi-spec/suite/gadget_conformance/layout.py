"""Where things are in the universal guest's memory, and how its scripts and its journal are encoded.

::

    0x00000  '?' x 64                   what a host that trusts a null pointer would overwrite
    0x01000  slots, 256 x u64           results by name; 0: always 0, 1 to 3: the callback's parameters
    0x01800  control                    addresses of scripts by phase, of the table of callbacks, mode of malloc
    0x02000  scripts
    0x10000  data                       strings and buffers of the case, '?' between them
    0x20000  journal                    what happened, in order
    0x40000  heap                       what malloc gives out, '?' before use

A script is a list of steps, all numbers little-endian::

    step      function u32, slot for the result u32 (0: none), count of arguments u32, number of the step u32
    argument  slot u32, 0 u32, constant u64: their sum is the argument

and ends with the function END. The journal has a header (count u32, whether it overflowed u32, 24 unused) and
entries of 32 bytes: number of the step or one of the MARKs u32, 1 once it is done u32, and three u64: the
result, or what the mark says.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CALLBACKS",
    "CALLBACK_MARK",
    "CONTROL",
    "DATA",
    "END",
    "ENTRY",
    "FILL",
    "GAP",
    "HEAP",
    "JOURNAL",
    "JOURNAL_ENTRIES",
    "MALLOC_MARK",
    "MALLOC_MODE",
    "MALLOC_MODES",
    "PAGES",
    "PHASES",
    "REPEAT",
    "RETURN",
    "SCRIPTS",
    "SLOTS",
    "SLOT_COUNT",
    "SPECIAL",
    "STEP",
]

FILL: Final = b"?"
GAP: Final = 16  # fill between one piece of data and the next
SLOTS: Final = 0x1000
SLOT_COUNT: Final = 256
CONTROL: Final = 0x1800
SCRIPTS: Final = 0x2000
DATA: Final = 0x10000
JOURNAL: Final = 0x20000
HEAP: Final = 0x40000
PAGES: Final = 8

PHASES: Final = (
    "_start",
    "_initialize",
    "gadgetInit",
    "gadgetPreStart",
    "gadgetStart",
    "gadgetStop",
    "gadgetPostStop",
    "run",
)
"""Exports that run a script; the n-th finds its address in CONTROL + 4n. `run` is not an export of the ABI."""
CALLBACKS: Final = CONTROL + 64
"""Address of the table of callbacks: id u64, script u32, flags u32 (1: no journal); a script of 0 ends it."""
MALLOC_MODE: Final = CONTROL + 68
MALLOC_MODES: Final = ("ok", "zero", "garbage", "trap", "grow")

STEP: Final = 16  # bytes of a step's head, and of an argument
ENTRY: Final = 32
JOURNAL_ENTRIES: Final = (HEAP - JOURNAL) // ENTRY - 1

SPECIAL: Final = ("store8", "load64", "grow", "trap", "note")
"""Functions of the guest's own, numbered after the host functions of its signature set."""
END, RETURN, REPEAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
CALLBACK_MARK, MALLOC_MARK = 0xFFFFFFFF, 0xFFFFFFFE
