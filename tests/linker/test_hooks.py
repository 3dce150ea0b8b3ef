"""Hooks that a program has nothing to do in are not exported: the real host calls them while events pass."""

from pathlib import Path

import pytest

import gadget_abi
from gadget_abi.wasm import read_module
from gadget_build.link.linker import link
from gadget_build.program import find_program
from gadget_build.usage import HOOKS, unused_hooks

HEAD = "import gadget\n"


def unused(directory: Path, text: str, **beside: str) -> set[str]:
    """What is not needed by a program of that text, with modules beside it."""
    (directory / "program.py").write_text(text)
    for name, content in beside.items():
        (directory / f"{name}.py").write_text(content)
    return set(unused_hooks(find_program(directory)))


def test_a_program_without_hooks_needs_none(tmp_path: Path) -> None:
    """Only what is declared at module level: gadgetInit is enough."""
    assert unused(tmp_path, HEAD + 'gadget.source("open")\n') == set(HOOKS)


@pytest.mark.parametrize(
    ("line", "hook"),
    [
        ("@gadget.on_pre_start\ndef f(): ...", "gadgetPreStart"),
        ("@gadget.on_start\ndef f(): ...", "gadgetStart"),
        ("from gadget import on_stop as last", "gadgetStop"),
        ("getattr(gadget, 'on_post_stop')(print)", "gadgetPostStop"),
        ('gadget.map("counts", int, int)', "gadgetStart"),
        ('gadget.new_map("counts", int, int, 10)', "gadgetStart"),
        ('gadget.perf_reader("rings", 4096)', "gadgetStart"),
    ],
)
def test_a_hook_whose_name_stands_in_the_program_stays(line: str, hook: str, tmp_path: Path) -> None:
    """Decorators, imports under another name, strings, and maps that are fetched at the start."""
    assert unused(tmp_path, f"{HEAD}{line}\n") == set(HOOKS) - {hook}


def test_a_hook_of_a_module_beside_the_program_stays(tmp_path: Path) -> None:
    """What the program imports may declare hooks as well."""
    helper = HEAD + "@gadget.on_stop\ndef last(): ...\n"
    assert unused(tmp_path, HEAD + "import helper\n", helper=helper) == set(HOOKS) - {"gadgetStop"}


def test_a_program_that_cannot_be_read_keeps_all(tmp_path: Path) -> None:
    """What is wrong with it is for the build to say."""
    assert unused(tmp_path, "def\n") == set()


def test_a_hook_that_is_not_needed_is_not_exported(small: bytes) -> None:
    """The other exports, and the module, stay as they are."""
    abi = gadget_abi.load()
    whole = read_module(link(small, abi, "v0.43.0"))
    less = read_module(link(small, abi, "v0.43.0", without=set(HOOKS)))
    assert {item.name for item in whole.exports} - {item.name for item in less.exports} == set(HOOKS)
    assert [item for item in whole.exports if item.name not in HOOKS] == list(less.exports)
    assert less.imports == whole.imports
