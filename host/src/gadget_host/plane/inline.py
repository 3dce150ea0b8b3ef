"""Copies the bodies of small functions to where they are called.

wasmtime does not inline, and a call costs as much as what most of the plane's functions do. So a function
that the wat text marks with the annotation ``(@inline)`` goes, and ``(call $f A B)`` becomes

    (block $f.7 (result i32)
      (local.set $f.7.a A) (local.set $f.7.b B)
      ... its body, with its locals renamed and (return X) as (br $f.7 X) ...)

The function's parameters and locals become locals of the caller; those that are not parameters are set to
zero first, since the caller may come by more than once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Final

from .text import Node, parse, settle, write

__all__ = ["inline"]

_MARK: Final[Node] = ["@inline"]
_HEADER: Final = ("param", "result", "local", "type", "export", "@inline")


@dataclass
class _Function:
    name: str
    params: list[tuple[str, str]]
    results: Node
    locals: list[tuple[str, str]]
    body: list[Node]


def inline(text: str) -> str:
    """The module fields of ``text``, decided, without the functions it marks: their bodies replace calls to them.

    Args:
        text: module fields in folded form; every parameter and local is declared alone and has a name, and
            marked functions do not call one another in a circle.
    """
    fields = settle(parse(text))
    inliner = _Inliner(
        {str(field[1]): field for field in fields if isinstance(field, list) and _MARK in field}
    )
    return "\n".join(write(inliner.field(field)) for field in fields if _MARK not in field)


def _function(field: list[Node]) -> _Function:
    name = field[1]
    assert isinstance(name, str)
    start = next(i for i, part in enumerate(field) if i > 1 and not _is_header(part))
    parts = {head: [part[1:] for part in field[2:start] if part[0] == head] for head in _HEADER}
    return _Function(
        name,
        [(str(part[0]), str(part[1])) for part in parts["param"]],
        ["result", *parts["result"][0]] if parts["result"] else [],
        [(str(part[0]), str(part[1])) for part in parts["local"]],
        field[start:],
    )


def _is_header(part: Node) -> bool:
    return isinstance(part, list) and part[0] in _HEADER


class _Inliner:
    """Replaces calls of marked functions.

    Args:
        marked: the functions by name, as parsed.
    """

    def __init__(self, marked: dict[str, list[Node]]) -> None:
        self._marked = marked
        self._ready: dict[str, _Function] = {}
        self._numbers = count(1)

    def field(self, field: Node) -> Node:
        """A module field; a function gets the locals that its inlined calls need."""
        if isinstance(field, str) or field[0] != "func":
            return field
        start = next((i for i, part in enumerate(field) if i > 1 and not _is_header(part)), len(field))
        extra: list[Node] = []
        body = [self._visit(part, extra) for part in field[start:]]
        return [*field[:start], *extra, *body]

    def _visit(self, node: Node, extra: list[Node]) -> Node:
        if isinstance(node, str):
            return node
        node = [self._visit(part, extra) for part in node]
        if node[:1] == ["call"] and node[1] in self._marked:
            return self._call(str(node[1]), node[2:], extra)
        return node

    def _call(self, name: str, arguments: list[Node], extra: list[Node]) -> Node:
        if name not in self._ready:
            field = self.field(self._marked[name])
            assert isinstance(field, list)
            self._ready[name] = _function(field)
        return _copy(self._ready[name], arguments, f"{name}.{next(self._numbers)}", extra)


def _copy(function: _Function, arguments: list[Node], label: str, extra: list[Node]) -> Node:
    """One inlined call; the locals it needs go to ``extra``."""
    assert len(arguments) == len(function.params), f"{function.name} takes {len(function.params)} arguments"
    names = {name: f"{label}.{name[1:]}" for name, _ in function.params + function.locals}
    extra.extend(["local", names[name], kind] for name, kind in function.params + function.locals)
    code: list[Node] = ["block", label, *([function.results] if function.results else [])]
    code += [
        ["local.set", names[name], value] for (name, _), value in zip(function.params, arguments, strict=True)
    ]
    code += [["local.set", names[name], [f"{kind}.const", "0"]] for name, kind in function.locals]

    def rename(node: Node) -> Node:
        if isinstance(node, str):
            return names.get(node, node)
        if node and node[0] == "return":
            return ["br", label, *map(rename, node[1:])]
        return [rename(part) for part in node]

    return [*code, *map(rename, function.body)]
