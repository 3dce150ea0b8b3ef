"""What a program uses of the SDK that not every release of ig has."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gadget_abi import Abi, Export, Function
from gadget_abi.canonical import canonical_functions
from gadget_build.program import Program

__all__ = ["FUNCTIONS", "HOOKS", "KEYWORDS", "METHODS", "Use", "unused_hooks", "uses"]

FUNCTIONS = {
    "InnerMap": "nested-maps-by-handle",
    "config": "setConfig",
    "kernel_symbol_exists": "kallsymsSymbolExists",
    "map": "getMap",
    "new_map": "newMap",
    "on_post_stop": "post-stop-called-again",
    "on_pre_start": "gadgetPreStart",
    "param": "getParamValue",
    "perf_reader": "newPerfReader",
    "should_discard_mntns_id": "shouldDiscardMntnsID",
    "syscall_declaration": "getSyscallDeclaration",
    "syscall_id": "getSyscallID",
    "syscall_name": "getSyscallName",
}
"""Names of the package `gadget`, and the host function, export or change of the ABI table each of them needs."""

METHODS = {
    "add_tag": "fieldAddTag",
    "add_tags": "fieldAddTag",
    "referenced": "dataSourceIsReferenced",
    "unreference": "dataSourceUnreference",
}
"""The same for attributes of sources and fields. Whose attribute it is cannot be seen: the name decides."""

KEYWORDS = {("add_field", "tags"): "fieldAddTag"}
"""The same for arguments of methods."""

HOOKS = {
    "gadgetPreStart": {"on_pre_start"},
    "gadgetStart": {"on_start", "map", "new_map", "perf_reader"},  # declared maps are fetched then
    "gadgetStop": {"on_stop"},
    "gadgetPostStop": {"on_post_stop"},
}
"""Hooks that a program has no need of unless one of these names stands in it."""

_WORLD = "wit_world"  # what the SDK itself calls, and a program may


@dataclass(frozen=True)
class Use:
    """A place in a program that needs more than the oldest release: what it is called there, and in the table."""

    name: str
    needs: str
    since: str
    file: Path
    line: int


def uses(program: Program, abi: Abi) -> Iterator[Use]:
    """Every use of what came after the first release, in the order of files and lines."""
    table = _table(abi)
    for file in program.files:
        with contextlib.suppress(SyntaxError, ValueError):  # the build reports those
            found = _found(ast.parse(file.read_bytes())) if file.suffix == ".py" else ()
            for line, name, key in sorted(found):
                if key in table:
                    yield Use(name, *table[key], file, line)


def unused_hooks(program: Program) -> frozenset[str]:
    """The hooks that a program has nothing to do in.

    The real host does not hold events back while it calls a hook, and a gadget that is called on two threads at once is
    lost: events may even come out as if it were not there. So a hook that does nothing had better not be there. The
    name alone, anywhere in the program and even in a string, counts as a use.
    """
    try:
        words = {word for file in program.files if file.suffix == ".py" for word in _words(file)}
    except (SyntaxError, ValueError):  # the build reports those
        return frozenset()
    return frozenset(hook for hook, names in HOOKS.items() if not names & words)


def _words(file: Path) -> Iterator[str]:
    """Every identifier and every string of a file."""
    for node in ast.walk(ast.parse(file.read_bytes())):
        match node:
            case (
                ast.Name(id=word)
                | ast.Attribute(attr=word)
                | ast.alias(name=word)
                | ast.Constant(value=str(word))
            ):
                yield word


def _table(abi: Abi) -> dict[str, tuple[str, str]]:
    """What the table has by name, by the name of the canonical function, or as a change: its words for it, since."""
    found = {name: (name, function.forms[0].since) for name, function in abi.functions.items()}
    found |= {name: (name, export.since) for name, export in abi.exports.items()}
    owners: tuple[Function | Export, ...] = (*abi.functions.values(), *abi.exports.values())
    for owner in owners:
        for change in owner.changes:
            found[change.id] = (f"{owner.name} as it is since then ({change.text})", change.since)
    first = abi.releases[0].name
    reads = {
        name: (name, first) for name in ("fieldGetScalar", "fieldGetBuffer")
    }  # by fieldGet in older releases
    found |= {
        f"{_WORLD}.{function.snake}": (found | reads)[function.function.name]
        for function in canonical_functions(abi)
    }
    return found


def _found(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Line, name in the program and key in the table of what may need a later release."""
    names = _names_of_the_package(tree)
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="gadget", names=imported):
                for alias in imported:
                    if alias.name in FUNCTIONS:
                        yield node.lineno, f"gadget.{alias.name}", FUNCTIONS[alias.name]
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in names:
                if name in FUNCTIONS:
                    yield node.lineno, f"gadget.{name}", FUNCTIONS[name]
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner == _WORLD:
                yield node.lineno, f"{_WORLD}.{name}", f"{_WORLD}.{name}"
            case ast.Attribute(attr=name) if name in METHODS:
                yield node.lineno, f".{name}", METHODS[name]
            case ast.Call(func=ast.Attribute(attr=name), keywords=keywords):
                for keyword in keywords:
                    if (key := (name, keyword.arg or "")) in KEYWORDS:
                        yield node.lineno, f"{name}({keyword.arg}=)", KEYWORDS[key]


def _names_of_the_package(tree: ast.Module) -> set[str]:
    """What `import gadget` is called in a file."""
    imports = (alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names)
    return {
        alias.asname or "gadget"
        for alias in imports
        if alias.name == "gadget" or (alias.name.startswith("gadget.") and alias.asname is None)
    }
