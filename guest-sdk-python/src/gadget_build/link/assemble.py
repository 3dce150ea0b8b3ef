"""Fill a template with the snapshot of one gadget."""

from __future__ import annotations

from gadget_build.component.graph import LinkError
from gadget_build.link.fold import Value, encode
from gadget_build.link.template import Template
from gadget_build.snapshot import PAGE, data_section, normalise
from gadget_build.wasm import binary
from gadget_build.wasm.module import CoreModule, Section

__all__ = ["assemble"]


def assemble(template: Template, main: CoreModule) -> bytes:
    """The finished module: a template, and the main module's memory and variables.

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
            template.tail,
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
