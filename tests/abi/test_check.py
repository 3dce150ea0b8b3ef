"""gadget check: verdicts, problems, exit codes."""

import pytest

import gadget_abi
from gadget_abi.report import check_bytes
from tests.abi.modules import ABI, imported, module, whole


@pytest.mark.parametrize("sigset", ABI.signature_sets, ids=lambda s: s.name)
def test_a_module_using_all_of_a_set_runs_on_exactly_its_releases(sigset: gadget_abi.SignatureSet) -> None:
    """A module that imports every function of a set runs on the releases that have them all."""
    report = check_bytes(whole(sigset), ABI)
    expected = [
        release
        for other in ABI.signature_sets
        if sigset.signatures <= other.signatures
        for release in other.releases
    ]
    assert list(report.releases) == expected
    assert sigset.family in report.families


# What is wrong -> (module, words of the problem).
PROBLEMS = {
    "no version": (module(version=""), ["gadgetAPIVersion", "not exported"]),
    "version takes a parameter": (
        module(version='(func (export "gadgetAPIVersion") (param i32) (result i64) i64.const 1)'),
        ["gadgetAPIVersion", "(i32) -> (i64)", "() -> (i64)"],
    ),
    "no memory": (module(memory=""), ["memory", "there is none"]),
    "too much memory": (module(memory='(memory (export "memory") 257)'), ["257 pages", "256 are allowed"]),
    "memory is a function": (module(memory='(func (export "memory"))'), ["memory", "there is none"]),
    "hook without result": (
        module('(func (export "gadgetInit"))'),
        ["gadgetInit", "() -> ()", "() -> (i32)"],
    ),
    "version is a global": (
        module(version='(global (export "gadgetAPIVersion") i64 i64.const 1)'),
        ["gadgetAPIVersion", "global", "function"],
    ),
    "callback with two parameters": (
        module('(func (export "dataSourceCallback") (param i64 i32))'),
        ["dataSourceCallback", "(i64, i32) -> ()", "(i64, i32, i32) -> ()"],
    ),
    "misspelt function": (
        module(imported("ig", "fieldGetScaler(i32, i32, i32, i32) -> (i64)")),
        ["ig.fieldGetScaler", "did you mean fieldGetScalar?"],
    ),
    "wrong type": (
        module(imported("ig", "fieldSet(i32, i32, i32, i32) -> (i32)")),
        ["ig.fieldSet", "(i32, i32, i32, i32) -> (i32)", "(i32, i32, i32, i64) -> (i32)"],
    ),
    "unknown module": (
        module(imported("elastic", "elastic_log(i32) -> ()")),
        ["elastic", "unknown import module"],
    ),
    "import is a global": (module('(import "ig" "getMap" (global i32))'), ["ig.getMap", "global"]),
    "removed function in the new module": (
        module(imported("ig", "fieldGet(i32, i32, i32) -> (i64)")),
        ["ig.fieldGet", "until v0.37.0"],
    ),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_module_that_runs_nowhere_is_told_why(name: str) -> None:
    """Each problem names the import or export, what was found and what is expected."""
    data, words = PROBLEMS[name]
    report = check_bytes(data, ABI)
    text = "; ".join(map(str, report.problems))
    assert report.releases == ()
    assert not [word for word in words if word not in text], text


def test_a_32_bit_api_version_is_accepted() -> None:
    """The real host compares a raw stack slot, so an i32 result runs."""
    version = '(func (export "gadgetAPIVersion") (result i32) i32.const 1)'
    assert check_bytes(module(version=version), ABI).releases


def test_the_minimum_release_is_that_of_the_newest_function_used() -> None:
    """gadgetShouldLog moves the minimum to v0.43.0."""
    base = imported("ig", "gadgetLog(i32, i64) -> ()")
    newer = imported("ig", "gadgetShouldLog(i32) -> (i32)")
    assert check_bytes(module(base), ABI).verdict == "runs on ig v0.39.0 - v0.55.1 (newest known)"
    assert check_bytes(module(base, newer), ABI).verdict == "runs on ig v0.43.0 - v0.55.1 (newest known)"


def test_releases_of_an_older_line_that_came_later_are_named() -> None:
    """v0.41.2 has a later date than v0.43.0 and lacks gadgetShouldLog all the same."""
    newer = imported("ig", "gadgetShouldLog(i32) -> (i32)")
    notes = check_bytes(module(newer), ABI).notes
    assert [note.partition(" (")[0] for note in notes] == [f"it does not run on v0.41.{n}" for n in (1, 2)]
    assert "2026-01-07" in notes[1]
    assert check_bytes(module(imported("ig", "gadgetLog(i32, i64) -> ()")), ABI).notes == ()


def test_a_component_is_told_apart_from_garbage() -> None:
    """A component is called a component, a text file is not."""
    component = b"\0asm\x0d\0\1\0"
    assert "is a wasm component" in str(check_bytes(component, ABI).problems[0])
    assert "not a wasm file" in str(check_bytes(b"(module)", ABI).problems[0])
    assert "not a wasm file" in str(check_bytes(b"", ABI).problems[0])
