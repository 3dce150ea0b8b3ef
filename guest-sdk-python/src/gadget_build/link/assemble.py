"""Fill a template with the snapshot of one gadget."""

from __future__ import annotations

from collections.abc import Collection

from gadget_build.component.graph import LinkError
from gadget_build.link.fold import Value, encode
from gadget_build.link.template import Template
from gadget_build.snapshot import PAGE, data_section, normalise
from gadget_build.wasm import binary
from gadget_build.wasm.binary import Reader
from gadget_build.wasm.module import CoreModule, Section

__all__ = ["assemble"]


def assemble(template: Template, main: CoreModule, without: Collection[str] = ()) -> bytes:
    """The finished module: a template, and the main module's memory and variables.

    Args:
        template: what all gadgets have in common.
        main: the snapshot.
        without: exports that are left out.

    Raises:
        LinkError: the main module is not a snapshot that componentize-py took.
    """
    memory = normalise(main)
    variables = binary.vector(_variable(main, *entry) for entry in template.globals)
    return b"".join(
        (
            binary.MAGIC + b"\1\0\0\0",
            template.head,
            binary.section(Section.MEMORY, b"\1\0" + binary.u32(len(memory) // PAGE)),
            binary.section(Section.GLOBAL, variables),
            _without(template.tail, without),
            binary.section(Section.DATA, data_section(memory)),
        )
    )


def _variable(main: CoreModule, encoded: bytes, position: int | None) -> bytes:
    if position is None:
        return encoded
    init = main.globals[position].init
    if len(init) != 1:
        raise LinkError("a variable of the main module does not start with a plain constant")
    return encoded + encode(Value(*init[0]))


def _without(tail: bytes, names: Collection[str]) -> bytes:
    """The sections from the exports on, some exports left out."""
    if not names:
        return tail
    reader = Reader(tail)
    if reader.byte() != Section.EXPORT:
        raise LinkError("a template does not go on with its exports")
    body = reader.take(reader.u32())
    entries, kept = Reader(body), []
    for _ in range(entries.u32()):
        name = entries.name()
        kind, index = entries.byte(), entries.u32()
        if name not in names:
            kept.append(binary.name(name) + bytes([kind]) + binary.u32(index))
    return binary.section(Section.EXPORT, binary.vector(kept)) + tail[reader.at :]
