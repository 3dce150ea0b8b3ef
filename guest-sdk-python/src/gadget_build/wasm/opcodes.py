"""The instructions of wasm 2.0: one table of opcodes and immediates, and the patterns derived from it.

Code is a sequence of opcodes, each followed by immediates whose length their kind decides. Almost all of them mean
the same in any module and are stepped over in long runs; only indices into the module's own spaces (functions,
types, tables, globals, segments) change when modules are merged. The regular expressions of this file, built from
the table, do the stepping: a walk of libpython's 2.5 million instructions stops 0.3 million times.

Spec: https://webassembly.github.io/spec/core/binary/instructions.html
"""

from __future__ import annotations

import re

__all__ = ["INDEX_KINDS", "LABELS", "PLAIN", "SITE", "SITES", "ULEB"]

# first opcode - last opcode: immediates. Opcodes behind a prefix byte carry it; those numbers are themselves LEB128.
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
d0: reftype               ref.null
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
"""

INDEX_KINDS = frozenset({"func", "type", "table", "global", "data", "elem"})
"""Immediates that are indices into the module's own spaces; `blocktype` may hold a type index too."""

ULEB = rb"[\x80-\xff]{0,4}[\x00-\x7f]"
_LEB64 = rb"[\x80-\xff]{0,9}[\x00-\x7f]"
_VALUE_TYPE = rb"[\x6f\x70\x7b-\x7f]"

_IMMEDIATES = {
    "blocktype": rb"[\x40\x6f\x70\x7b-\x7f]",  # empty or one result; anything else is a type index
    "label": ULEB,
    "local": ULEB,
    "memarg": ULEB.replace(b"\\x7f", b"\\x3f", 1)
    + _LEB64,  # bit 6 of the alignment: a memory index, not in 2.0
    "memory": rb"\x00",
    "i32": ULEB,
    "i64": _LEB64,
    "f32": rb".{4}",
    "f64": rb".{8}",
    "v128": rb".{16}",
    "lane": rb".",
    "reftype": rb"[\x6f\x70]",
    "valuetypes": rb"\x01" + _VALUE_TYPE,
}


def _rows() -> list[tuple[range, tuple[str, ...]]]:
    rows = []
    for line in _TABLE.strip().splitlines():
        opcodes, _, rest = line.partition(":")
        first, _, last = opcodes.partition("-")
        immediates = tuple(rest[: rest.index("  ")].split()) if not rest.startswith("  ") else ()
        rows.append((range(int(first, 16), int(last or first, 16) + 1), immediates))
    return rows


def _opcode(number: int) -> bytes:
    """An opcode as it stands in code: one byte, or a prefix and a LEB128 number."""
    if number < 0x100:
        return bytes((number,))
    prefix, low = divmod(number, 0x100)
    return bytes((prefix, low)) if low < 0x80 else bytes((prefix, low, 0x01))


def _any_of(opcodes: list[bytes]) -> bytes:
    """A pattern for any of these opcodes: a class of single bytes, or alternatives."""
    if all(len(opcode) == 1 for opcode in opcodes):
        return b"[" + b"".join(rb"\x%02x" % opcode[0] for opcode in opcodes) + b"]"
    return b"(?:" + b"|".join(b"".join(rb"\x%02x" % byte for byte in opcode) for opcode in opcodes) + b")"


def _grouped() -> dict[tuple[str, ...], list[bytes]]:
    groups: dict[tuple[str, ...], list[bytes]] = {}
    for opcodes, immediates in _rows():
        for prefix in (0x00, 0xFC, 0xFD):
            found = [_opcode(n) for n in opcodes if n >> 8 == prefix]
            if found:
                groups.setdefault((*immediates, f"after {prefix:02x}"), []).extend(found)
    return groups


def _plain() -> bytes:
    """Any instruction without an index of the module's own spaces."""
    alternatives = [
        _any_of(opcodes) + b"".join(_IMMEDIATES[kind] for kind in immediates)
        for (*immediates, _), opcodes in _grouped().items()
        if all(kind in _IMMEDIATES for kind in immediates)
    ]
    return b"|".join(alternatives)


def _sites() -> dict[bytes, tuple[str, ...]]:
    return {
        _opcode(n): immediates
        for opcodes, immediates in _rows()
        for n in opcodes
        if any(kind in INDEX_KINDS or kind in ("labels", "blocktype") for kind in immediates)
    }


SITES = _sites()
"""Opcodes of the instructions that need a look, and their immediates; the first one is always LEB128."""

PLAIN = re.compile(b"(?:" + _plain() + b")*+", re.DOTALL)
"""As many instructions as possible that need no look."""

SITE = re.compile(PLAIN.pattern + b"(" + _any_of(sorted(SITES, key=len)) + b")(" + ULEB + b")", re.DOTALL)
"""Such a run and the instruction that ends it: group 1 its opcode, group 2 its first immediate."""

LABELS = re.compile(ULEB)
"""One entry of br_table's vector."""
