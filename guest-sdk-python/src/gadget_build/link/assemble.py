"""Fill a template with the snapshot of one gadget."""

from __future__ import annotations

from gadget_build.component.graph import LinkError
from gadget_build.link.fold import Value, encode
from gadget_build.link.merge import Template
from gadget_build.wasm import binary
from gadget_build.wasm.module import CoreModule, Limits, Section

__all__ = ["assemble"]


def assemble(template: Template, main: CoreModule, pages: int, data: bytes) -> bytes:
    """The finished module: `pages` of memory at start, the main module's variables, and an encoded data section."""
    memory = binary.section(Section.MEMORY, b"\1\0" + binary.u32(pages))
    variables = binary.vector(_variable(main, *entry) for entry in template.globals)
    return b"".join(
        (
            binary.MAGIC + b"\1\0\0\0",
            template.head,
            memory,
            binary.section(Section.GLOBAL, variables),
            template.tail,
            binary.section(Section.DATA, data),
        )
    )


def _variable(main: CoreModule, encoded: bytes, position: int | None) -> bytes:
    if position is None:
        return encoded
    init = main.globals[position].init
    if len(init) != 1:
        raise LinkError("a variable of the main module does not start with a plain constant")
    return encoded + encode(Value(*init[0]))


def memory_limits(main: CoreModule) -> Limits:
    """The memory of the main module."""
    return main.memories[0]
