"""A component as data: core modules, core instances and what crosses the component's boundary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gadget_build.wasm.module import CoreModule, Kind

__all__ = [
    "Alias",
    "Bag",
    "Builtin",
    "Component",
    "CoreInstance",
    "Entity",
    "Func",
    "Instantiate",
    "Lift",
    "Lower",
]


class Alias(NamedTuple):
    """An export of a core instance."""

    instance: int
    name: str


class Lower(NamedTuple):
    """`canon lower`: the core function that calls a component function."""

    func: int


class Builtin(NamedTuple):
    """Any other canonical built-in (resource.drop, ...), by its opcode."""

    opcode: int


Entity = Alias | Lower | Builtin
"""Where an entry of a core index space comes from."""


class Instantiate(NamedTuple):
    """A core instance made from a core module; the arguments are core instances by import module name."""

    module: int
    arguments: Mapping[str, int]


class Bag(NamedTuple):
    """A core instance that is a bag of named entities, each with its kind."""

    exports: Mapping[str, tuple[Kind, Entity]]


CoreInstance = Instantiate | Bag


class Func(NamedTuple):
    """A component function that is imported: from `instance` (empty: directly) under `name`."""

    instance: str
    name: str


class Lift(NamedTuple):
    """A component function made by `canon lift` of a core function, with its post-return function if any."""

    core: Entity
    post_return: Entity | None


@dataclass
class Component:
    """What the linker reads of a component, index spaces in the order of the binary format.

    `funcs` has None where a function comes out of a nested component; `exports` are the exported functions.
    """

    modules: list[CoreModule] = field(default_factory=list)
    core_instances: list[CoreInstance] = field(default_factory=list)
    core: dict[Kind, list[Entity]] = field(default_factory=lambda: {kind: [] for kind in Kind})
    instances: list[str] = field(default_factory=list)
    funcs: list[Func | Lift | None] = field(default_factory=list)
    exports: dict[str, int] = field(default_factory=dict)
    customs: list[str] = field(default_factory=list)
