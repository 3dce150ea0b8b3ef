"""The static instance graph of a component, flattened: core modules whose imports point at each other.

Every core instance is either a module instantiated with named instances or a bag of exports, so what an import
refers to can be found without running anything. A unit is an instantiated module; a chain of bags and re-exports
ends in a definition of some unit, in a function of the host, or in a canonical built-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from gadget_abi import EmbedderError
from gadget_build.component.model import Alias, Bag, Builtin, Component, Entity, Lift, Lower
from gadget_build.wasm.module import CoreModule, Import, Kind

__all__ = ["Definition", "Graph", "Host", "LinkError", "Target", "Unit", "flatten", "post_returns"]


class LinkError(EmbedderError):
    """A component that cannot become a core module; the message names the import or export concerned."""


class Definition(NamedTuple):
    """Something a unit defines: its number, the kind, and the index in the unit's module (imports first)."""

    unit: int
    kind: Kind
    index: int  # type: ignore[assignment]  # a tuple's own index() is of no use here


class Host(NamedTuple):
    """A function the finished module imports."""

    module: str
    name: str


Target = Definition | Host
Override = Callable[[Import], "tuple[str, str] | Host | None"]


@dataclass
class Unit:
    """An instantiated module. `targets` says what each of its imports refers to, None where nothing does."""

    name: str
    module: CoreModule
    targets: list[Target | None]

    @cached_property
    def imported(self) -> dict[Kind, list[int]]:
        """Positions among the imports, by kind and index in the kind's index space."""
        found: dict[Kind, list[int]] = {kind: [] for kind in Kind}
        for position, item in enumerate(self.module.imports):
            found[item.kind].append(position)
        return found

    def target(self, kind: Kind, index: int) -> Target | None:
        """What an import refers to, by its index in its space; None also when the index is a definition's."""
        imported = self.imported[kind]
        return self.targets[imported[index]] if index < len(imported) else None

    def defines(self, kind: Kind, index: int) -> bool:
        """Tell whether an index is that of a definition, not of an import."""
        return index >= len(self.imported[kind])


@dataclass
class Graph:
    """All units of a component and of what was added to it; `exports` are definitions by unit and name."""

    units: list[Unit]

    def unit(self, name: str) -> int:
        """The number of the unit of that name.

        Raises:
            LinkError: there is none.
        """
        for number, unit in enumerate(self.units):
            if unit.name == name or unit.name.endswith(f"/{name}"):
                return number
        raise LinkError(f"the component holds no module {name!r}: was it made by another componentize-py?")

    def export(self, unit: int, name: str) -> Target:
        """What an export of a unit refers to, through any re-exports.

        Raises:
            LinkError: the unit exports no such name.
        """
        found = self.units[unit].module.exports.get(name)
        if found is None:
            raise LinkError(f"module {self.units[unit].name!r} has no export {name!r}")
        return self.resolve(Definition(unit, *found))

    def resolve(self, found: Definition) -> Target:
        """Follow a definition that is itself an import to where it is defined."""
        unit = self.units[found.unit]
        if unit.defines(found.kind, found.index):
            return found
        target = unit.target(found.kind, found.index)
        if target is None:
            item = unit.module.imports[unit.imported[found.kind][found.index]]
            raise LinkError(f"module {unit.name!r}: nothing provides {item.module!r} {item.name!r}")
        return target


def flatten(component: Component, added: Mapping[str, CoreModule], override: Override) -> Graph:
    """Resolve every import of every instantiated module.

    Args:
        component: what componentize-py made.
        added: further modules by name. Their imports name a library of the component ("libc.so"), another added
            module, the module with the memory ("main"), or a lifted function ("lift"/"post" and its export name).
        override: asked first, for each import: (added module, export), a function of the host, or None.

    Raises:
        LinkError: an import has no source.
    """
    return _Flattener(component, added, override).run()


class _Flattener:
    def __init__(self, component: Component, added: Mapping[str, CoreModule], override: Override) -> None:
        self.component, self.override = component, override
        self.unit_of: dict[int, int] = {}  # core instance -> unit
        names = _library_names(component)
        units: list[Unit] = []
        for number, instance in enumerate(component.core_instances):
            if not isinstance(instance, Bag):
                self.unit_of[number] = len(units)
                units.append(Unit(names.get(number, ""), component.modules[instance.module], []))
        units += [Unit(name, module, []) for name, module in added.items()]
        self.graph = Graph(units)
        self.added = {name: self.graph.unit(name) for name in added}

    def run(self) -> Graph:
        instances = {unit: number for number, unit in self.unit_of.items()}
        # Core instances only refer to earlier ones, added units to all of the component: an import is resolved by
        # name alone, so the first pass may leave targets that are imports themselves; the second follows them.
        for number, unit in enumerate(self.graph.units):
            find = self._find if number in instances else self._find_added
            unit.targets = [find(instances.get(number, -1), item) for item in unit.module.imports]
        for unit in self.graph.units:
            unit.targets = [self._follow(target) for target in unit.targets]
        return self.graph

    def _follow(self, target: Target | None) -> Target | None:
        seen = set()
        while isinstance(target, Definition) and target not in seen:
            seen.add(target)
            unit = self.graph.units[target.unit]
            if unit.defines(target.kind, target.index):
                return target
            target = unit.target(target.kind, target.index)
        return None if isinstance(target, Definition) else target  # a cycle of imports defines nothing

    def _find(self, number: int, item: Import) -> Target | None:
        replaced = self.override(item)
        if replaced is not None:
            return self._replacement(replaced)
        instance = self.component.core_instances[number]
        assert not isinstance(instance, Bag)
        source = instance.arguments.get(item.module)
        if source is None:
            raise LinkError(f"nothing provides the import {item.module!r} {item.name!r}")
        return self._export(source, item.name, item.kind)

    def _replacement(self, replaced: tuple[str, str] | Host) -> Target | None:
        if isinstance(replaced, Host):
            return replaced
        name, export = replaced
        return Definition(self.graph.unit(name), *self._named_export(self.graph.unit(name), export))

    def _named_export(self, unit: int, name: str) -> tuple[Kind, int]:
        found = self.graph.units[unit].module.exports.get(name)
        if found is None:
            raise LinkError(f"module {self.graph.units[unit].name!r} has no export {name!r}")
        return found

    def _export(self, number: int, name: str, kind: Kind) -> Target | None:
        instance = self.component.core_instances[number]
        if isinstance(instance, Bag):
            if name not in instance.exports or instance.exports[name][0] != kind:
                raise LinkError(f"an instance has no {kind.name.lower()} {name!r}")
            return self._entity(instance.exports[name][1], kind)
        found = self._named_export(self.unit_of[number], name)
        if found[0] != kind:
            raise LinkError(f"export {name!r} is a {found[0].name.lower()}, not a {kind.name.lower()}")
        return Definition(self.unit_of[number], *found)

    def _entity(self, entity: Entity, kind: Kind) -> Target | None:
        match entity:
            case Alias(instance, name):
                return self._export(instance, name, kind)
            case Lower() | Builtin():
                return None  # only an error when something reachable needs it

    def _find_added(self, _: int, item: Import) -> Target | None:
        if item.module in ("lift", "post"):
            return self._lifted(item)
        if item.module in self.added or item.module.endswith(".so") or item.module == "main":
            unit = self.graph.unit(item.module)
            return Definition(unit, *self._named_export(unit, item.name))
        return Host(item.module, item.name)

    def _lifted(self, item: Import) -> Target | None:
        index = self.component.exports.get(item.name)
        lift = None if index is None else self.component.funcs[index]
        if not isinstance(lift, Lift):
            raise LinkError(f"the component exports no function {item.name!r}")
        entity = lift.core if item.module == "lift" else lift.post_return
        if entity is None:
            raise LinkError(f"the component has no post-return function for {item.name!r}")
        return self._entity(entity, Kind.FUNC)


def post_returns(component: Component) -> set[str]:
    """The exported functions that want their post-return function called."""
    lifts = {name: component.funcs[index] for name, index in component.exports.items()}
    return {name for name, lift in lifts.items() if isinstance(lift, Lift) and lift.post_return is not None}


def _library_names(component: Component) -> dict[int, str]:
    """Names of core instances: wit-component's initialiser is given every library under its file name."""
    names: dict[int, str] = {}
    for instance in component.core_instances:
        if not isinstance(instance, Bag):
            libraries = {n: number for n, number in instance.arguments.items() if n.endswith(".so")}
            if "libc.so" in libraries:
                names |= {number: name for name, number in libraries.items()}
                if "env" in instance.arguments:  # else nothing is called main, and who looks for it says so
                    names[instance.arguments["env"]] = "main"
    return names
