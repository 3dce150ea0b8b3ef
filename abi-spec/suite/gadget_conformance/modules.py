"""The files of the guests: text assembled to wasm, and a case's bytes put into it where an adapter cannot.

A host may instantiate and initialise a guest in one step, so that nobody can write to its memory in between. For
such a host the scripts and data of a case become a data section of the module::

    ... code section (10) | data section (11): count, then (0: active) (i32.const address) (bytes) | name section
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from gadget_abi import EmbedderError

__all__ = ["Modules", "bake"]

_HEADER, _CODE, _DATA = 8, 10, 11


class Modules:
    """Makes modules, in a directory of its own until close()."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="gadget-conformance-")

    def close(self) -> None:
        """Remove the files."""
        self._directory.cleanup()

    def path(self, text: str, memory: Mapping[int, bytes]) -> Path:
        """The file of a guest's text, with bytes by address put into its memory; the same for the same."""
        wasm = bake(_assemble(text), memory)
        path = Path(self._directory.name) / f"{hashlib.sha256(wasm).hexdigest()[:16]}.wasm"
        if not path.exists():
            path.write_bytes(wasm)
        return path


@cache
def _assemble(text: str) -> bytes:
    try:
        from wasmtime import wat2wasm
    except ImportError:
        raise EmbedderError(
            "the suite needs wasmtime to assemble its guests: pip install gadget-abi[conformance]"
        ) from None
    return bytes(wat2wasm(text))


def bake(wasm: bytes, memory: Mapping[int, bytes]) -> bytes:
    """A module with a data section, which it must not have yet; the module itself when there is nothing to put in."""
    if not memory:
        return wasm
    segments = b"".join(
        b"\0\x41" + _signed(address) + b"\x0b" + _unsigned(len(data)) + data
        for address, data in memory.items()
    )
    body = _unsigned(len(memory)) + segments
    at = _after_code(wasm)
    return wasm[:at] + bytes([_DATA]) + _unsigned(len(body)) + body + wasm[at:]


def _after_code(wasm: bytes) -> int:
    """Where the code section ends."""
    at = _HEADER
    while at < len(wasm):
        kind, size, start = wasm[at], *_read(wasm, at + 1)
        at = start + size
        if kind == _CODE:
            return at
    raise ValueError("a guest without code")


def _read(wasm: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number and where it ends."""
    value = shift = 0
    while True:
        byte = wasm[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _unsigned(value: int) -> bytes:
    """LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _signed(value: int) -> bytes:
    """Signed LEB128 of an address: with a further byte where bit 6 of the last is set."""
    out = bytearray(_unsigned(value))
    if out[-1] & 0x40:
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)
