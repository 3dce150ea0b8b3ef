"""The instructions of wasm: one table of opcodes, immediates and, beyond wasm 2.0, the feature they belong to.

Code is a sequence of opcodes, each followed by immediates whose length their kind decides. A regular expression
made from the table steps over the instructions of wasm 2.0 in long runs; it stops at the first other one.

Spec: https://webassembly.github.io/spec/core/binary/instructions.html and the proposals named as headings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "IMMEDIATES",
    "INDEX_KINDS",
    "INSTRUCTIONS",
    "ROWS",
    "RUN",
    "ULEB",
    "Row",
    "any_of",
    "encoded",
    "run_of",
]

# first opcode - last opcode: immediates. Opcodes behind a prefix byte carry it (fd0c); the number that follows the
# prefix is itself LEB128. A heading without colon names the feature of the rows below it.
_TABLE = """
00-01:                    unreachable, nop
02-04: blocktype          block, loop, if
05:                       else
0b:                       end
0c-0d: label              br, br_if
0e: labels                br_table
0f:                       return
10: func                  call
11: type table            call_indirect
1a-1b:                    drop, select
1c: valuetypes            select with types
20-22: local              local.get, local.set, local.tee
23-24: global             global.get, global.set
25-26: table              table.get, table.set
28-3e: memarg             loads and stores
3f-40: memory             memory.size, memory.grow
41: i32                   i32.const
42: i64                   i64.const
43: f32                   f32.const
44: f64                   f64.const
45-c4:                    comparisons, arithmetic, conversions, sign extension
d0: heaptype              ref.null
d1:                       ref.is_null
d2: func                  ref.func
fc00-fc07:                saturating truncations
fc08: data memory         memory.init
fc09: data                data.drop
fc0a: memory memory       memory.copy
fc0b: memory              memory.fill
fc0c: elem table          table.init
fc0d: elem                elem.drop
fc0e: table table         table.copy
fc0f-fc11: table          table.grow, table.size, table.fill
fd00-fd0b: memarg         v128 loads and stores
fd0c: v128                v128.const
fd0d: v128                i8x16.shuffle
fd0e-fd14:                swizzle, splats
fd15-fd22: lane           lane access
fd23-fd53:                comparisons, bitwise
fd54-fd5b: memarg lane    lane loads and stores
fd5c-fd5d: memarg         v128.load32_zero, v128.load64_zero
fd5e-fdff:                vector arithmetic

tail-call
12: func                  return_call
13: type table            return_call_indirect

exceptions
06: blocktype             try, of the form before 2023, as are catch, rethrow, delegate, catch_all
07: tag                   catch
08: tag                   throw
09: label                 rethrow
0a:                       throw_ref
18: label                 delegate
19:                       catch_all
1f: blocktype catches     try_table

function-references
14: type                  call_ref
15: type                  return_call_ref
d4:                       ref.as_non_null
d5-d6: label              br_on_null, br_on_non_null

gc
d3:                       ref.eq
fb00-fb01: type           struct.new, struct.new_default
fb02-fb05: type field     struct.get, struct.get_s, struct.get_u, struct.set
fb06-fb07: type           array.new, array.new_default
fb08: type length         array.new_fixed
fb09: type data           array.new_data
fb0a: type elem           array.new_elem
fb0b-fb0e: type           array.get, array.get_s, array.get_u, array.set
fb0f:                     array.len
fb10: type                array.fill
fb11: type type           array.copy
fb12: type data           array.init_data
fb13: type elem           array.init_elem
fb14-fb17: heaptype       ref.test, ref.cast
fb18-fb19: flags label heaptype heaptype  br_on_cast, br_on_cast_fail
fb1a-fb1e:                any.convert_extern, extern.convert_any, ref.i31, i31.get_s, i31.get_u

wide-arithmetic
fc13-fc16:                i64.add128, i64.sub128, i64.mul_wide_s, i64.mul_wide_u

relaxed-simd
fd100-fd113:              relaxed vector arithmetic

threads
fe00-fe02: memarg         memory.atomic.notify, wait32, wait64
fe03: memory              atomic.fence
fe10-fe4e: memarg         atomic loads, stores, read-modify-write
"""

Opcode = tuple[int, int]
"""Prefix byte (0: none) and number."""


class Row(NamedTuple):
    """A row of the table: the opcodes, their immediates, and the feature ("" for wasm 2.0)."""

    opcodes: tuple[Opcode, ...]
    immediates: tuple[str, ...]
    feature: str


def _rows() -> list[Row]:
    rows, feature = [], ""
    for line in filter(None, _TABLE.splitlines()):
        opcodes, colon, rest = line.partition(":")
        if not colon:
            feature = line
            continue
        first, _, last = opcodes.partition("-")
        prefix = int(first[:2], 16) if len(first) > 2 else 0
        numbers = (int(text[2:] if prefix else text, 16) for text in (first, last or first))
        low, high = numbers
        immediates = "" if rest.startswith("  ") else rest.strip().partition("  ")[0]
        span = tuple((prefix, number) for number in range(low, high + 1))
        rows.append(Row(span, tuple(immediates.split()), feature))
    return rows


ROWS = _rows()

INSTRUCTIONS = {opcode: row for row in ROWS for opcode in row.opcodes}
"""The row of every known opcode."""

ULEB = rb"[\x80-\xff]{0,4}[\x00-\x7f]"
_LEB64 = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
_VALUE_TYPE = rb"[\x6f\x70\x7b-\x7f]"
_LABELS = 16  # longer tables are rare enough to be decoded one by one

INDEX_KINDS = frozenset({"func", "type", "table", "global", "data", "elem"})
"""Immediates that are indices into the module's own spaces; `blocktype` may hold a type index too."""

# How the other immediates of wasm 2.0 look in code.
IMMEDIATES = {
    "label": ULEB,
    "local": ULEB,
    # Empty, one result, or the index of a type, which is a positive signed number.
    "blocktype": rb"(?:[\x40\x6f\x70\x7b-\x7f]|[\x80-\xff]{0,4}[\x00-\x3f])",
    "memarg": rb"[\x00-\x3f]" + _LEB64,  # bit 6 of the alignment: a memory index follows, not in 2.0
    "memory": rb"\x00",
    "i32": ULEB,
    "i64": _LEB64,
    "f32": rb".{4}",
    "f64": rb".{8}",
    "v128": rb".{16}",
    "lane": rb".",
    "heaptype": rb"[\x6f\x70]",
    "valuetypes": rb"\x01" + _VALUE_TYPE,
    "labels": b"(?:" + b"|".join(rb"\x%02x(?:%b){%d}" % (n, ULEB, n + 1) for n in range(_LABELS)) + b")",
}


def encoded(opcode: Opcode) -> bytes:
    """An opcode as it stands in code: one byte, or a prefix and a LEB128 number."""
    prefix, number = opcode
    if not prefix:
        return bytes((number,))
    return bytes((prefix, number) if number < 0x80 else (prefix, number & 0x7F | 0x80, number >> 7))


def any_of(opcodes: list[bytes]) -> bytes:
    """A pattern for any of these opcodes: a class of single bytes, or alternatives."""
    if all(len(opcode) == 1 for opcode in opcodes):
        return b"[" + b"".join(rb"\x%02x" % opcode[0] for opcode in opcodes) + b"]"
    return b"(?:" + b"|".join(b"".join(rb"\x%02x" % byte for byte in opcode) for opcode in opcodes) + b")"


def run_of(immediates: Mapping[str, bytes]) -> bytes:
    """A pattern for as many instructions of wasm 2.0 as possible whose immediates are all among those given."""
    groups: dict[tuple[int, tuple[str, ...]], list[bytes]] = {}
    for row in ROWS:
        if not row.feature and set(row.immediates) <= set(immediates):
            group = groups.setdefault((row.opcodes[0][0], row.immediates), [])
            group.extend(map(encoded, row.opcodes))
    alternatives = [
        any_of(opcodes) + b"".join(immediates[kind] for kind in kinds)
        for (_, kinds), opcodes in groups.items()
    ]
    return b"(?:" + b"|".join(alternatives) + b")*+"


RUN = re.compile(run_of(IMMEDIATES | dict.fromkeys(INDEX_KINDS, ULEB)), re.DOTALL)
"""As many instructions of wasm 2.0 as possible."""
