"""Read what a wasm binary declares, and on request what its code is made of.

Everything is read that a later version of wasm may add, so that it can be named instead of being called broken.
Types are not checked: that is the engine's job. Time is linear in the size of the file, memory a small multiple.

Binary format: https://webassembly.github.io/spec/core/binary/modules.html
"""

from __future__ import annotations

from collections.abc import Iterator

from gadget_abi.errors import WasmError
from gadget_abi.wasm.code import name_functions, scan_code
from gadget_abi.wasm.decoder import Decoder
from gadget_abi.wasm.module import Module, Section, Span, Use
from gadget_abi.wasm.sections import SECTIONS

__all__ = ["is_component", "read_declarations", "read_module"]

MAGIC = b"\0asm"
CORE_VERSION = b"\1\0\0\0"
COMPONENT_LAYER = b"\1\0"  # upper half of the version field of a component (component-model, Binary.md)

_MOST_CUSTOMS = 10_000

_ORDER = [
    *(Section.TYPE, Section.IMPORT, Section.FUNCTION, Section.TABLE, Section.MEMORY, Section.TAG),
    *(Section.GLOBAL, Section.EXPORT, Section.START, Section.ELEMENT, Section.DATA_COUNT),
    *(Section.CODE, Section.DATA),
]
_CONTENTS = frozenset((Section.ELEMENT, Section.DATA_COUNT, Section.CODE, Section.DATA))


def is_component(data: bytes) -> bool:
    """Tell whether the bytes are a wasm component rather than a core module."""
    return data[:4] == MAGIC and data[6:8] == COMPONENT_LAYER


def read_module(data: bytes, *, code: bool = False) -> Module:
    """Read a core module.

    Args:
        data: the file.
        code: look into the function bodies as well, for the features they use.

    Raises:
        WasmError: not a core module, or malformed; with the byte offset.
    """
    _check_header(data)
    module, reader, names = Module(), Decoder(data, 8), Span(0, 0)
    for kind, body in _sections(reader):
        if kind == Section.CUSTOM:
            names = _custom(module, body) or names
        else:
            _read(module, kind, body)
    _note_features(module, reader)
    _check_bodies(module, reader)
    if code:
        scan_code(data, module)
        name_functions(data, module, names)
    return module


def read_declarations(data: bytes) -> Module:
    """Read what a core module declares in front of its elements, code and data, where reading ends.

    A fraction of the work, for a module whose other half is known to be sound.

    Raises:
        WasmError: not a core module, or malformed up to there; with the byte offset.
    """
    _check_header(data)
    module, reader = Module(), Decoder(data, 8)
    for kind, body in _sections(reader):
        if kind in _CONTENTS:
            break
        if kind != Section.CUSTOM:
            _read(module, kind, body)
    _note_features(module, reader)
    return module


def _sections(reader: Decoder) -> Iterator[tuple[Section, Decoder]]:
    """The sections, each with a cursor over its contents; WasmError for one that is out of order."""
    last = -1
    while reader.at < reader.end:
        start = reader.at
        kind, body = reader.section()
        if kind != Section.CUSTOM:
            last = _in_order(kind, last, start)
        yield Section(kind), body


def _read(module: Module, kind: Section, body: Decoder) -> None:
    SECTIONS[kind](module, body)
    body.finish(f"section {kind}")


def _check_header(data: bytes) -> None:
    if data[:4] != MAGIC:
        raise WasmError(f"not a wasm file: it starts with {data[:4]!r} instead of {MAGIC!r}", 0)
    if is_component(data):
        raise WasmError("a component, not a core module", 4)
    if data[4:8] != CORE_VERSION:
        raise WasmError(f"unknown version {data[4:8]!r}", 4)


def _in_order(kind: int, last: int, start: int) -> int:
    place = _ORDER.index(Section(kind)) if kind in _ORDER else -1
    if place < 0:
        raise WasmError(f"unknown section {kind}", start)
    if place <= last:
        raise WasmError(f"section {kind} stands twice or out of order", start)
    return place


def _note_features(module: Module, reader: Decoder) -> None:
    for feature, at in reader.found.items():
        module.features[feature] = Use(feature, at)


def _check_bodies(module: Module, reader: Decoder) -> None:
    declared = len(module.functions) - module.imported_functions
    if len(module.bodies) != declared:
        found = len(module.bodies)
        raise WasmError(f"{declared} functions declared, {found} have a body: cut short?", reader.at)


def _custom(module: Module, body: Decoder) -> Span | None:
    """Note a custom section; gives the place of the one that names functions."""
    if len(module.custom) == _MOST_CUSTOMS:
        raise body.fail(f"more than {_MOST_CUSTOMS} custom sections")
    module.custom.append(body.name())
    return Span(body.at, body.end) if module.custom[-1] == "name" else None
