"""Wat text as nested lists of tokens, and what in it depends on the release and its quirks."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

__all__ = ["Node", "parse", "settle", "write"]

Node: TypeAlias = "str | list[Node]"
"""A token, or what stands between a pair of parentheses."""

_TOKEN: Final = re.compile(r';;[^\n]*|"(?:[^"\\]|\\.)*"|[()]|[^\s()";]+')


def parse(text: str) -> list[Node]:
    """The fields of a module."""
    stack: list[list[Node]] = [[]]
    for token in _TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            done = stack.pop()
            stack[-1].append(done)
        elif not token.startswith(";;"):
            stack[-1].append(token)
    return stack[0]


def write(node: Node) -> str:
    """The text of a node."""
    return node if isinstance(node, str) else f"({' '.join(map(write, node))})"


def settle(nodes: list[Node]) -> list[Node]:
    """Decide every ``(@if 1 (then A ...) (else B ...))``: what is in the branch stands in its place, or nothing.

    The annotation may stand wherever a node may: around fields, headers, instructions and operands.
    """
    settled: list[Node] = []
    for node in nodes:
        if isinstance(node, str):
            settled.append(node)
        elif node[:1] == ["@if"]:
            settled += settle(_branch(node))
        else:
            settled.append(settle(node))
    return settled


def _branch(node: list[Node]) -> list[Node]:
    _, condition, *branches = node
    assert condition in ("0", "1"), f"no condition: {write(condition)}"
    wanted = "then" if condition == "1" else "else"
    return next((part[1:] for part in branches if isinstance(part, list) and part[0] == wanted), [])
