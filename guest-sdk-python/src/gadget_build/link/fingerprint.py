"""What two gadgets have to have in common to share a template."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from gadget_abi import Abi
from gadget_build.component.decode import HEADER
from gadget_build.component.graph import LinkError
from gadget_build.wasm.binary import Reader
from gadget_build.wasm.decode import decode
from gadget_build.wasm.module import CoreModule, Section

__all__ = ["fingerprint"]

_CORE_MODULE, _ALIAS = 1, 6  # section ids in a component
_UNREACHABLE = b"\0\x0b"  # a body that only traps
_STUB_SIZE = 4096  # bytes; most stubs have less than 1500
_SNAPSHOT = (Section.MEMORY, Section.GLOBAL, Section.DATA)


def fingerprint(component: bytes, abi: Abi, release: str) -> tuple[str, CoreModule]:
    """A digest of everything in a component but the snapshot, and the main module, which holds the snapshot.

    The linker's own source and the ABI table are part of the digest. Of the main module's globals only those that
    never change are, since they may be folded into the code. Left out are the modules of trapping stubs that
    --stub-wasi makes, and the aliases, which number them: they come in another order each time, and the floor takes
    the place of them all.

    Raises:
        LinkError: no module of the component, or more than one, has a memory.
        WasmError: the component is malformed.
    """
    digest = hashlib.sha256(f"{_sources()} {release} {abi.source_text}".encode())
    reader, mains = Reader(component), []
    if reader.take(len(HEADER)) != HEADER:
        raise reader.fail("not a component", 0)
    while reader.at < reader.end:
        kind, body = reader.section()
        if kind == _CORE_MODULE and (parts := _without_snapshot(body)):
            mains.append(decode(component, body.at, body.end))
            for part in parts:
                digest.update(part)
        elif kind not in (0, _ALIAS) and not (kind == _CORE_MODULE and _is_stub(component, body)):
            digest.update(memoryview(component)[body.at : body.end])
    if len(mains) != 1:
        raise LinkError(f"{len(mains)} modules of the component have a memory, expected one")
    for variable in mains[0].globals:
        digest.update(repr((variable.type, None if variable.type.mutable else variable.init)).encode())
    return digest.hexdigest(), mains[0]


def _is_stub(component: bytes, body: Reader) -> bool:
    """Tell whether a module imports nothing and holds nothing but functions that trap."""
    if body.end - body.at > _STUB_SIZE:
        return False
    module = decode(component, body.at, body.end)
    if module.imports or module.tables or module.memories or module.globals or not module.bodies:
        return False
    return all(component[code.code : code.end] == _UNREACHABLE for code in module.bodies)


def _without_snapshot(module: Reader) -> list[memoryview]:
    """The sections of a core module but those of the snapshot; none if the module has no memory."""
    reader, parts, has_memory = Reader(module.data, module.at + 8, module.end), [], False
    while reader.at < reader.end:
        kind, body = reader.section()
        has_memory = has_memory or kind == Section.MEMORY
        if kind not in _SNAPSHOT:
            parts.append(memoryview(module.data)[body.at : body.end])
    return parts if has_memory else []


@cache
def _sources() -> str:
    digest = hashlib.sha256()
    for package in ("gadget_build", "gadget_abi"):
        for path in sorted(_walk(files(package)), key=str):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _walk(directory: Traversable) -> list[Traversable]:
    found = []
    for entry in directory.iterdir():
        if entry.is_dir():
            found += _walk(entry)
        elif entry.name.endswith((".py", ".wat", ".toml")):
            found.append(entry)
    return found
