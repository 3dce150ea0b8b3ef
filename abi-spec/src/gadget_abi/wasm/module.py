"""What a core module declares, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

__all__ = ["External", "FuncType", "Kind", "Limits", "Module", "Section", "Span", "Use"]


class Section(IntEnum):
    """Section ids. In a file they stand in this order, but for DATA_COUNT, before CODE, and TAG, before GLOBAL."""

    CUSTOM = 0
    TYPE = 1
    IMPORT = 2
    FUNCTION = 3
    TABLE = 4
    MEMORY = 5
    GLOBAL = 6
    EXPORT = 7
    START = 8
    ELEMENT = 9
    CODE = 10
    DATA = 11
    DATA_COUNT = 12
    TAG = 13


class Kind(IntEnum):
    """What an import or export is; also the five index spaces."""

    FUNC = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@dataclass(frozen=True)
class FuncType:
    """A function type: names of parameter and result types."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        return f"({', '.join(self.params)}) -> ({', '.join(self.results)})"


@dataclass(frozen=True)
class Limits:
    """Size of a memory (64 KiB pages) or table (elements); `max` is None when unbounded."""

    min: int
    max: int | None


@dataclass(frozen=True)
class External:
    """An import or export; `module` is empty for exports, `type` a FuncType for functions.

    `index` is its place in the index space of its kind.
    """

    module: str
    name: str
    kind: Kind
    type: FuncType | Limits | str
    index: int = -1


class Span(NamedTuple):
    """A range of bytes of the file."""

    start: int
    end: int


@dataclass(frozen=True)
class Use:
    """The first use of a feature that came after wasm 2.0: byte offset, and function index if it is in code."""

    feature: str
    at: int
    function: int | None = None


@dataclass
class Module:
    """What a core module declares. Index spaces have their imports first.

    `features` are the features beyond wasm 2.0, by name: those of the declarations, and those of the code when
    that was looked at.
    """

    types: list[FuncType | None] = field(default_factory=list)  # None: a type that is no function
    imports: list[External] = field(default_factory=list)
    exports: list[External] = field(default_factory=list)
    functions: list[FuncType] = field(default_factory=list)
    tables: list[Limits] = field(default_factory=list)
    memories: list[Limits] = field(default_factory=list)
    globals: list[str] = field(default_factory=list)
    tags: int = 0
    start: int | None = None
    custom: list[str] = field(default_factory=list)
    bodies: list[Span] = field(default_factory=list)
    features: dict[str, Use] = field(default_factory=dict)
    function_names: dict[int, str] = field(default_factory=dict)  # of the functions in `features`

    @property
    def imported_functions(self) -> int:
        """How many functions are imported."""
        return sum(item.kind == Kind.FUNC for item in self.imports)

    @cached_property
    def _exports_by_name(self) -> dict[str, External]:
        return {export.name: export for export in self.exports}

    def export(self, name: str) -> External | None:
        """The export of that name."""
        return self._exports_by_name.get(name)
