"""Reachability: what of the flattened component the finished module needs.

Roots are the exports; from there calls, references, globals and tables are followed. A table that is reachable
keeps every function its element segments put there, since nobody can tell which slot an indirect call will hit. A
root can be withdrawn (`Roots.without`) once something better is known: start-up code behind an entry of
CPython's table of built-in modules, for instance. The code in such a slot is replaced by a trap.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from gadget_build.component.graph import Definition, Graph, LinkError, Target
from gadget_build.wasm.body import Site, find_sites
from gadget_build.wasm.module import Kind

__all__ = ["Reached", "Roots", "reach"]

_REF_FUNC = 0xD2
_SPACES = {"func": Kind.FUNC, "global": Kind.GLOBAL, "table": Kind.TABLE}


@dataclass(frozen=True)
class Roots:
    """Where reachability starts: exports by name, minus functions that no table slot may keep alive."""

    exports: Mapping[str, Target]
    without: frozenset[Definition] = frozenset()


@dataclass
class Reached:
    """What is needed. `sites` has every reachable function that is not the host's, with the indices in its body.

    `meaning` maps the bytes of an index in a unit's code to what it refers to, by unit and kind.
    """

    live: set[Target] = field(default_factory=set)
    sites: dict[Definition, list[Site]] = field(default_factory=dict)
    elements: list[tuple[int, int]] = field(default_factory=list)  # unit, number of the segment
    meaning: dict[tuple[int, Kind], dict[bytes, Target]] = field(default_factory=dict)
    declared: set[Target] = field(default_factory=set)  # functions that code takes a reference of


def reach(graph: Graph, roots: Roots) -> Reached:
    """Find what is reachable.

    Raises:
        LinkError: something reachable is provided by nobody, or is of a kind this linker does not merge.
        WasmError: the code of a reachable function is malformed.
    """
    return _Walk(graph, roots).run()


class _Walk:
    def __init__(self, graph: Graph, roots: Roots) -> None:
        self.graph, self.roots, self.found = graph, roots, Reached()
        self.todo: list[Definition] = []
        self.met: defaultdict[int, set[tuple[str, bytes]]] = defaultdict(set)
        self.segments = _segments_by_table(graph)

    def run(self) -> Reached:
        for target in self.roots.exports.values():
            self._mark(target)
        for number, unit in enumerate(self.graph.units):
            if unit.module.start is not None:
                self._mark(self.graph.resolve(Definition(number, Kind.FUNC, unit.module.start)))
        while self.todo:
            definition = self.todo.pop()
            if definition.kind == Kind.FUNC:
                self._function(definition)
            elif definition.kind == Kind.TABLE:
                self._table(definition)
        return self.found

    def _mark(self, target: Target) -> None:
        if target not in self.found.live:
            self.found.live.add(target)
            if isinstance(target, Definition):
                self.todo.append(target)

    def _function(self, definition: Definition) -> None:
        unit = self.graph.units[definition.unit]
        module = unit.module
        position = definition.index - len(unit.imported[Kind.FUNC])
        if position >= len(module.bodies):
            raise LinkError(f"module {unit.name!r}: no function {definition.index}")
        source, body = module.source, module.bodies[position]
        sites = self.found.sites[definition] = find_sites(source, body)
        met = self.met[definition.unit]
        for site in sites:
            use = site.kind, site.raw
            if use not in met:
                met.add(use)
                self._meet(definition.unit, site)
            if site.kind == "func" and source[site.start - 1] == _REF_FUNC:
                self.found.declared.add(self.found.meaning[definition.unit, Kind.FUNC][site.raw])

    def _meet(self, number: int, site: Site) -> None:
        """Look up what the bytes of an index stand for in a unit, which is the same wherever they stand."""
        module = self.graph.units[number].module
        if site.kind in _SPACES:
            self._refer(number, _SPACES[site.kind], site)
        elif site.kind in ("data", "elem"):
            name = self.graph.units[number].name
            raise LinkError(f"module {name!r}: code that uses passive segments cannot be merged")
        elif site.number >= len(module.types):
            raise LinkError(f"module {self.graph.units[number].name!r}: no type {site.number}")

    def _refer(self, number: int, kind: Kind, site: Site) -> None:
        index, unit = site.number, self.graph.units[number]
        if index >= len(unit.imported[kind]) + unit.module.defined(kind):
            raise LinkError(f"module {unit.name!r}: no {kind.name.lower()} {index} (at byte {site.start:#x})")
        target = self.graph.resolve(Definition(number, kind, index))
        self.found.meaning.setdefault((number, kind), {})[site.raw] = target
        self._mark(target)

    def _table(self, definition: Definition) -> None:
        for unit, number in self.segments.get(definition, ()):
            self.found.elements.append((unit, number))
            for index in self.graph.units[unit].module.elements[number].functions:
                if index is not None:
                    function = self.graph.resolve(Definition(unit, Kind.FUNC, index))
                    if function not in self.roots.without:
                        self._mark(function)


def _segments_by_table(graph: Graph) -> dict[Target, list[tuple[int, int]]]:
    found: dict[Target, list[tuple[int, int]]] = {}
    for number, unit in enumerate(graph.units):
        for position, segment in enumerate(unit.module.elements):
            if segment.offset is not None:
                table = graph.resolve(Definition(number, Kind.TABLE, segment.table))
                found.setdefault(table, []).append((number, position))
    return found
