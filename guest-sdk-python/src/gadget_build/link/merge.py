"""Merge what is reachable into one module: new indices, and the sections that hold them.

The result is a template: everything but the contents and size of the memory and the values of the main module's
variables, which are the snapshot of one particular gadget. All gadgets of one componentize-py version share it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gadget_build.component.graph import Definition, Graph, Host, LinkError, Target
from gadget_build.link.fold import encode, fold, fold_i32
from gadget_build.link.reach import Reached, Roots, reach
from gadget_build.link.template import Template
from gadget_build.wasm import binary
from gadget_build.wasm.body import relocate
from gadget_build.wasm.module import CoreModule, FuncType, Import, Kind, Limits, Section

__all__ = ["merge"]

_TRAP = b"\x03\x00\x00\x0b"  # size, no locals, unreachable, end


def merge(graph: Graph, roots: Roots, main: int) -> Template:
    """Merge what the roots reach; `main` is the number of the unit with the memory and the snapshot.

    Raises:
        LinkError, WasmError: see `reach`; also for two memories, or data outside of the main module.
    """
    return _Merger(graph, roots, main).run()


class _Merger:
    def __init__(self, graph: Graph, roots: Roots, main: int) -> None:
        self.graph, self.roots, self.main = graph, roots, main
        self.reached: Reached = reach(graph, roots)
        self.types: dict[FuncType, int] = {}
        live = sorted(t for t in self.reached.live if isinstance(t, Definition))
        self.uses = _first_uses(graph)
        self.hosts = [host for host in self.uses if host in self.reached.live]
        self.functions = [t for t in live if t.kind == Kind.FUNC]
        self.tables = [t for t in live if t.kind == Kind.TABLE]
        self.globals = [t for t in live if t.kind == Kind.GLOBAL]
        self.index: dict[Target, int] = {}
        callable_: list[Target] = [*self.hosts, *self.functions]
        for space in (callable_, self.tables, self.globals):
            self.index |= {target: number for number, target in enumerate(space)}
        self.trap: int | None = None

    def run(self) -> Template:
        self._check_memory()
        elements = self._elements()  # may need the trap function
        code, signatures = self._code(), self._signatures()
        imports = self._imports()
        head = [
            binary.section(Section.TYPE, binary.vector(_encode_type(t) for t in self.types)),
            binary.section(Section.IMPORT, imports),
            binary.section(Section.FUNCTION, signatures),
            binary.section(Section.TABLE, binary.vector(self._table(t) for t in self.tables)),
        ]
        tail = [
            binary.section(Section.EXPORT, self._exports()),
            *self._start(),
            binary.section(Section.ELEMENT, elements),
            binary.section(Section.CODE, code),
        ]
        return Template(b"".join(head), tuple(self._global(t) for t in self.globals), b"".join(tail))

    def _check_memory(self) -> None:
        memories = {
            self.graph.resolve(Definition(number, Kind.MEMORY, index))
            for number, unit in enumerate(self.graph.units)
            for index in range(len(unit.imported[Kind.MEMORY]) + len(unit.module.memories))
        }
        if memories != {Definition(self.main, Kind.MEMORY, 0)}:
            raise LinkError(f"expected one memory, that of the main module; found {len(memories)}")
        for number, unit in enumerate(self.graph.units):
            if unit.module.data and number != self.main:
                raise LinkError(
                    f"module {unit.name!r} has data segments: the snapshot should have replaced them"
                )

    def _type(self, kind: FuncType) -> int:
        return self.types.setdefault(kind, len(self.types))

    def _imports(self) -> bytes:
        return binary.vector(
            binary.name(host.module)
            + binary.name(host.name)
            + b"\0"
            + binary.u32(self._type(self.uses[host]))
            for host in self.hosts
        )

    def _unit_type(self, function: Definition) -> FuncType:
        unit = self.graph.units[function.unit]
        return unit.module.types[unit.module.functions[function.index - len(unit.imported[Kind.FUNC])]]

    def _signatures(self) -> bytes:
        kinds = [self._type(self._unit_type(function)) for function in self.functions]
        if self.trap is not None:
            kinds.append(self._type(FuncType(b"", b"")))
        return binary.vector(binary.u32(kind) for kind in kinds)

    def _table(self, table: Definition) -> bytes:
        unit = self.graph.units[table.unit]
        kind = unit.module.tables[table.index - len(unit.imported[Kind.TABLE])]
        return bytes((kind.element,)) + _encode_limits(kind.limits)

    def _global(self, variable: Definition) -> tuple[bytes, int | None]:
        unit = self.graph.units[variable.unit]
        position = variable.index - len(unit.imported[Kind.GLOBAL])
        kind, init = unit.module.globals[position]
        encoded = bytes((kind.value, kind.mutable))
        if variable.unit == self.main and kind.mutable:
            return encoded, position
        value = fold(self.graph, variable.unit, init)
        if isinstance(value.value, Definition | Host):
            raise LinkError(f"module {unit.name!r}: a global that refers to a function cannot be merged")
        return encoded + encode(value), None

    def _exports(self) -> bytes:
        entries = []
        for name, target in self.roots.exports.items():
            kind = target.kind if isinstance(target, Definition) else Kind.FUNC
            index = 0 if kind == Kind.MEMORY else self.index[target]
            entries.append(binary.name(name) + bytes((kind,)) + binary.u32(index))
        return binary.vector(entries)

    def _start(self) -> Iterable[bytes]:
        starts = [n for n, unit in enumerate(self.graph.units) if unit.module.start is not None]
        if len(starts) > 1:
            raise LinkError(
                "more than one module has a start function: they should have run before the snapshot"
            )
        for number in starts:
            start = self.graph.units[number].module.start
            assert start is not None
            target = self.graph.resolve(Definition(number, Kind.FUNC, start))
            yield binary.section(Section.START, binary.u32(self.index[target]))

    def _elements(self) -> bytes:
        segments = [self._segment(unit, number) for unit, number in sorted(self.reached.elements)]
        declared = sorted(self.index[target] for target in self.reached.declared)
        if declared:
            segments.append(b"\3\0" + binary.vector(map(binary.u32, declared)))
        return binary.vector(segments)

    def _segment(self, unit: int, number: int) -> bytes:
        segment = self.graph.units[unit].module.elements[number]
        assert segment.offset is not None
        table = self.index[self.graph.resolve(Definition(unit, Kind.TABLE, segment.table))]
        offset = b"\x41" + binary.s32(fold_i32(self.graph, unit, segment.offset)) + b"\x0b"
        functions = binary.vector(binary.u32(self._slot(unit, index)) for index in segment.functions)
        return (b"\0" + offset if table == 0 else b"\2" + binary.u32(table) + offset + b"\0") + functions

    def _slot(self, unit: int, function: int | None) -> int:
        if function is not None:
            target = self.graph.resolve(Definition(unit, Kind.FUNC, function))
            if target in self.index:
                return self.index[target]
        if self.trap is None:
            self.trap = len(self.hosts) + len(self.functions)
        return self.trap

    def _code(self) -> bytes:
        maps = _IndexMaps(self)
        bodies = []
        for function in self.functions:
            unit = self.graph.units[function.unit]
            body = unit.module.bodies[function.index - len(unit.imported[Kind.FUNC])]
            sites = self.reached.sites.pop(function)
            code = relocate(unit.module.source, body, sites, maps.of(function.unit))
            bodies.append(binary.u32(len(code)) + code)
        if self.trap is not None:
            bodies.append(_TRAP)
        return binary.vector(bodies)


class _IndexMaps:
    """For each unit, what the bytes of an index in its code become, by kind."""

    def __init__(self, merger: _Merger) -> None:
        self.merger, self.made = merger, dict[int, dict[str, Mapping[bytes, bytes]]]()

    def of(self, unit: int) -> Mapping[str, Mapping[bytes, bytes]]:
        if unit not in self.made:
            module = self.merger.graph.units[unit].module
            spaces = {"func": Kind.FUNC, "table": Kind.TABLE, "global": Kind.GLOBAL}
            self.made[unit] = {
                "type": _TypeMap(self.merger, module, binary.u32),
                "blocktype": _TypeMap(self.merger, module, binary.s32),
                **{name: self._space(unit, kind) for name, kind in spaces.items()},
            }
        return self.made[unit]

    def _space(self, unit: int, kind: Kind) -> dict[bytes, bytes]:
        meaning = self.merger.reached.meaning.get((unit, kind), {})
        return {raw: binary.u32(self.merger.index[target]) for raw, target in meaning.items()}


class _TypeMap(dict[bytes, bytes]):
    """Type indices as they are met: merging drops duplicates and types nobody uses."""

    def __init__(self, merger: _Merger, module: CoreModule, encode: object) -> None:
        super().__init__()
        self.merger, self.module = merger, module
        self.encode = binary.s32 if encode is binary.s32 else binary.u32

    def __missing__(self, raw: bytes) -> bytes:
        kind = self.module.types[binary.Reader(raw).u32()]
        encoded = self[raw] = self.encode(self.merger._type(kind))
        return encoded


def _first_uses(graph: Graph) -> dict[Host, FuncType]:
    """The host's functions in the order units import them, with their types."""
    found: dict[Host, FuncType] = {}
    for unit in graph.units:
        for item, target in zip(unit.module.imports, unit.targets, strict=True):
            if isinstance(target, Host) and target not in found:
                found[target] = _host_type(unit.module, item)
    return found


def _host_type(module: CoreModule, item: Import) -> FuncType:
    if item.kind != Kind.FUNC or not isinstance(item.type, int):
        raise LinkError(f"the host provides functions only, not {item.module!r} {item.name!r}")
    return module.types[item.type]


def _encode_type(kind: FuncType) -> bytes:
    return b"\x60" + binary.u32(len(kind.params)) + kind.params + binary.u32(len(kind.results)) + kind.results


def _encode_limits(limits: Limits) -> bytes:
    if limits.max is None:
        return b"\0" + binary.u32(limits.min)
    return b"\1" + binary.u32(limits.min) + binary.u32(limits.max)
