"""From a component to a core module: everything in its order."""

from __future__ import annotations

from dataclasses import dataclass

from gadget_abi import Abi

from gadget_build.adapters.floor import floor_name, floor_wat, is_wasi
from gadget_build.adapters.raw import Adapters, adapters
from gadget_build.component.graph import Graph, Host, flatten, post_returns
from gadget_build.component.model import Component
from gadget_build.link.merge import Template, merge
from gadget_build.wasm.decode import decode
from gadget_build.wasm.module import CoreModule, Import, Kind

__all__ = ["template"]

_WORLD = "$root"  # the import module of the world's own functions, as componentize-py's bindings name it


@dataclass(frozen=True)
class _Override:
    """What imports of the component's modules are bound to, instead of what the component provides."""

    lowered: frozenset[str]
    interposer: str

    def __call__(self, item: Import) -> tuple[str, str] | Host | None:
        if is_wasi(item):
            return "floor", floor_name(item)
        if item.module == _WORLD and item.name in self.lowered:
            return "adapters", item.name
        return None


def template(component: Component, abi: Abi, release: str) -> Template:
    """Link a component for a release of the ABI.

    Raises:
        LinkError: the component is not what the pinned componentize-py makes, or cannot be linked.
        WasmError: it is malformed.
    """
    raw = adapters(abi, release, post_returns(component))
    added = {"adapters": _assemble(raw.wat), "floor": _assemble(floor_wat(component.modules))}
    graph = flatten(component, added, _Override(raw.lowered, ""))
    return merge(graph, _exports(graph, raw), graph.unit("main"))


def _exports(graph: Graph, raw: Adapters) -> dict[str, object]:
    unit = graph.unit("adapters")
    return {name: graph.export(unit, name) for name in raw.exports}


def _assemble(wat: str) -> CoreModule:
    import wasmtime  # half a second: only when something has to be linked

    return decode(bytes(wasmtime.wat2wasm(wat)))
