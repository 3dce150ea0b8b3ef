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
from gadget_abi.wasm import Section
from gadget_abi.wasm.binary import Reader
from gadget_abi.wasm.encode import section, u32

__all__ = ["Modules", "bake"]

_HEADER = 8  # bytes


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
        b"\0\x41" + _signed(address) + b"\x0b" + u32(len(data)) + data for address, data in memory.items()
    )
    at = _after_code(wasm)
    return wasm[:at] + section(Section.DATA, u32(len(memory)) + segments) + wasm[at:]


def _after_code(wasm: bytes) -> int:
    """Where the code section ends."""
    reader = Reader(wasm, _HEADER)
    while reader.at < reader.end:
        kind, _ = reader.section()
        if kind == Section.CODE:
            return reader.at
    raise ValueError("a guest without code")


def _signed(value: int) -> bytes:
    """Signed LEB128 of an address: with a further byte where bit 6 of the last is set."""
    out = bytearray(u32(value))
    if out[-1] & 0x40:
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)
