"""Instructions whose immediates are indices into the module's own spaces, and how to find them quickly.

Almost all instructions mean the same in any module and are stepped over in long runs; only indices into the
module's own spaces (functions, types, tables, globals, segments) change when modules are merged. The regular
expressions of this file, built from the table of instructions, do the stepping: a walk of libpython's 2.5 million
instructions stops 0.3 million times.
"""

from __future__ import annotations

import re

from gadget_abi.wasm.opcodes import IMMEDIATES, INDEX_KINDS, ROWS, ULEB, any_of, encoded, run_of

__all__ = ["LABELS", "PLAIN", "SITE", "SITES"]

# Empty or one result; anything else is a type index, which is one of the module's own.
_PLAIN_BLOCK = rb"[\x40\x6f\x70\x7b-\x7f]"

SITES = {
    encoded(opcode): row.immediates
    for row in ROWS
    for opcode in row.opcodes
    if not row.feature and {*row.immediates} & (INDEX_KINDS | {"labels", "blocktype"})
}
"""Opcodes of the instructions that need a look, and their immediates; the first one is always LEB128."""

PLAIN = re.compile(run_of(IMMEDIATES | {"blocktype": _PLAIN_BLOCK}), re.DOTALL)
"""As many instructions as possible that need no look."""

SITE = re.compile(PLAIN.pattern + b"(" + any_of(sorted(SITES, key=len)) + b")(" + ULEB + b")", re.DOTALL)
"""Such a run and the instruction that ends it: group 1 its opcode, group 2 its first immediate."""

LABELS = re.compile(ULEB)
"""One entry of br_table's vector."""
