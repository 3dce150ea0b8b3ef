"""Function bodies: where they refer to the module's own index spaces, and how to point them elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gadget_abi import WasmError
from gadget_build.wasm import binary
from gadget_build.wasm.module import Body
from gadget_build.wasm.opcodes import LABELS, PLAIN, SITE, SITES

__all__ = ["Site", "find_sites", "relocate"]

_END = 0x0B


class Site(NamedTuple):
    """An index in code: its kind (func, type, blocktype, table, global, data, elem) and source[start:end]."""

    kind: str
    raw: bytes
    start: int
    end: int

    @property
    def number(self) -> int:
        """The index as a number."""
        return binary.Reader(self.raw).u32()


def find_sites(source: bytes, body: Body) -> list[Site]:
    """List every index in a body, in order.

    Raises:
        WasmError: at the first instruction that is not in wasm 2.0 or does not end inside the body.
    """
    sites: list[Site] = []
    at, end, site_at = body.code, body.end, SITE.match
    while match := site_at(source, at, end):
        opcode, raw = match.groups()
        kinds, at = SITES[opcode], match.end()
        kind = kinds[0]
        if kind == "labels":
            at = _skip_labels(source, raw, at, end)
        else:
            sites.append(Site(kind, raw, at - len(raw), at))
            if len(kinds) > 1:
                at = _second(source, kinds[1], at, end, sites)
    _check_end(source, at, end)
    return sites


def _skip_labels(source: bytes, count: bytes, at: int, end: int) -> int:
    for _ in range(binary.Reader(count).u32() + 1):
        at = _number(source, at, end)
    return at


def _number(source: bytes, at: int, end: int) -> int:
    match = LABELS.match(source, at, end)
    if match is None:
        raise WasmError("unexpected end of an instruction", at)
    return match.end()


def _second(source: bytes, kind: str, at: int, end: int, sites: list[Site]) -> int:
    after = _number(source, at, end)
    if kind != "memory":
        sites.append(Site(kind, source[at:after], at, after))
    elif source[at:after] != b"\0":
        raise WasmError("a second memory: not in wasm 2.0", at)
    return after


def _check_end(source: bytes, at: int, end: int) -> None:
    match = PLAIN.match(source, at, end)
    assert match is not None, "the pattern matches the empty string"
    if match.end() != end:
        at = match.end()
        raise WasmError(f"unknown or truncated instruction {source[at : min(at + 4, end)].hex(' ')}", at)
    if at >= end or source[end - 1] != _END:
        raise WasmError("a function body without an end", end)


def relocate(
    source: bytes, body: Body, sites: list[Site], maps: Mapping[str, Mapping[bytes, bytes]]
) -> bytes:
    """Rewrite a body: every index is replaced by what the map of its kind says, everything else is copied."""
    pieces, at = [], body.start
    for kind, raw, start, end in sites:
        pieces.append(source[at:start])
        pieces.append(maps[kind][raw])
        at = end
    pieces.append(source[at : body.end])
    return b"".join(pieces)
