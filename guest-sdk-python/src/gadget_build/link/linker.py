"""From a component to a core module: everything in its order."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from gadget_abi import Abi
from gadget_build.adapters.floor import floor_name, floor_wat, is_wasi
from gadget_build.adapters.raw import Adapters, adapters
from gadget_build.component.decode import decode as decode_component
from gadget_build.component.graph import Definition, Graph, Target, flatten, post_returns
from gadget_build.component.model import Component
from gadget_build.libraries import HOST, PREINIT
from gadget_build.link.assemble import assemble
from gadget_build.link.fingerprint import fingerprint
from gadget_build.link.merge import merge
from gadget_build.link.reach import Roots
from gadget_build.link.template import Template
from gadget_build.wasm.decode import decode
from gadget_build.wasm.module import CoreModule, Import, Kind

__all__ = ["Store", "link", "make_template"]

_WORLD = "$root"  # the import module of the world's own functions, as componentize-py's bindings name it


class Store(Protocol):
    """A cache of bytes by key. Keys are digests of what the value was made from; values carry one of their own."""

    def get(self, key: str) -> bytes | None:
        """The value of a key, None if there is none."""

    def put(self, key: str, value: bytes) -> None:
        """Keep a value."""


def link(
    component: bytes, abi: Abi, release: str, store: Store | None = None, *, without: Collection[str] = ()
) -> bytes:
    """Link a component that componentize-py made with --stub-wasi into a core module.

    Args:
        component: the component.
        abi: the ABI table.
        release: the oldest release the module is to run on: functions it lacks are answered inside the module.
        store: where to look for, and keep, what all gadgets have in common.
        without: exports that the module is not to have.

    Raises:
        LinkError: the component is not what the pinned componentize-py makes, or cannot be linked.
        WasmError: it is malformed.
    """
    key, main = fingerprint(component, abi, release)
    kept = None if store is None else store.get(key)
    template = Template.from_bytes(kept) if kept else None
    if template is None:
        template = make_template(decode_component(component), abi, release)
        if store is not None:
            store.put(key, template.to_bytes())
    return assemble(template, main, without)


@dataclass(frozen=True)
class _Override:
    """What imports of the component's modules are bound to, instead of what the component provides."""

    lowered: frozenset[str]

    def __call__(self, item: Import) -> tuple[str, str] | None:
        if is_wasi(item):
            return "floor", floor_name(item)
        if item.module == _WORLD and item.name in self.lowered:
            return "adapters", item.name
        if item.module == "env" and item.name.startswith(HOST):
            return "adapters", item.name.removeprefix(HOST)
        return None


def make_template(component: Component, abi: Abi, release: str) -> Template:
    """The part of the link that does not depend on the snapshot.

    Raises:
        LinkError, WasmError: see `link`.
    """
    raw = adapters(abi, release, post_returns(component))
    added = {"adapters": _assemble(raw.wat), "floor": _assemble(floor_wat(component.modules))}
    graph = flatten(component, added, _Override(raw.lowered))
    roots = Roots(_exports(graph, raw), _preinit(graph))
    return merge(graph, roots, graph.unit("main"))


def _exports(graph: Graph, raw: Adapters) -> dict[str, Target]:
    unit = graph.unit("adapters")
    return {name: graph.export(unit, name) for name in raw.exports}


def _preinit(graph: Graph) -> frozenset[Definition]:
    """The functions of the library that is done when the snapshot has been taken."""
    return frozenset(
        Definition(number, Kind.FUNC, export.index)
        for number, unit in enumerate(graph.units)
        if unit.name.endswith(PREINIT)
        for export in unit.module.exports.values()
        if export.kind == Kind.FUNC
    )


def _assemble(wat: str) -> CoreModule:
    import wasmtime  # only when something has to be linked

    return decode(bytes(wasmtime.wat2wasm(wat)))
