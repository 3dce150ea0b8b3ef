"""Everything that differs by release or mode is somewhere in the host, and is tested under its name."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gadget_abi
import gadget_host

ABI = gadget_abi.load()
HOST = Path(gadget_host.__file__).parent
TESTS = Path(__file__).parents[1]

# Changes that no line of the host asks for, each with the reason.
SAID_ELSEWHERE = {
    "callbacks-serialised": "one lock serialises them in every release; emit-deadlock says what else it does",
    "map-types-refused": "the stand-ins in memory refuse what the host refuses since, as the kernel did before",
    "map-types-to-arena": "came in the same release as map-types-refused: no release knows types up to 29 only",
}


def _strings() -> Iterator[tuple[str, str]]:
    """(file, string) of every string in the host's code, docstrings left out, and the text of the data plane."""
    for path in HOST.rglob("*.py"):
        if "conformance" in path.parts:
            continue
        tree = ast.parse(path.read_text())
        docs = {
            node.body[0].value
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docs:
                yield path.name, node.value
    for path in HOST.rglob("*.wat"):
        yield path.name, path.read_text()


def _tests() -> set[str]:
    """Names of all test functions."""
    return {
        node.name
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


STRINGS, NAMES = list(_strings()), _tests()


def _is_asked_for(id: str) -> bool:
    """Whether Python names it, or the data plane's text by `quirk.id` or `change.id`."""
    in_text = re.compile(rf"(quirk|change)\.{id}(?![\w-])")
    return any(in_text.search(text) if file.endswith(".wat") else text == id for file, text in STRINGS)


@pytest.mark.parametrize("id", ABI.quirks)
def test_every_quirk_is_asked_for_by_the_host(id: str) -> None:
    """A quirk of the table that no line of the host asks for is not shown in strict mode."""
    assert _is_asked_for(id)


@pytest.mark.parametrize("id", ABI.quirks)
def test_every_quirk_has_tests(id: str) -> None:
    """Each quirk has a test of its name, and those of one in both modes, by name or by parameter."""
    stem = f"test_quirk_{id.replace('-', '_')}"
    assert [name for name in NAMES if name == stem or name.startswith(f"{stem}_")]


@pytest.mark.parametrize("id", ABI.changes)
def test_every_change_is_asked_for_by_the_host(id: str) -> None:
    """A change of behaviour that no line of the host asks for has a reason for that."""
    assert _is_asked_for(id) != (id in SAID_ELSEWHERE)


def test_reasons_are_for_changes_that_there_are() -> None:
    """A reason without a change is left over."""
    assert SAID_ELSEWHERE.keys() <= ABI.changes.keys()
