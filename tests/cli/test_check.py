"""gadget check as a person or a CI step uses it: text, JSON, exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.abi.modules import ABI, MALLOC, assemble, module, using, whole
from tests.cli.goldens import Terminal, matches

HERE = Path(__file__).parent
HOOKS = "".join(
    f'(func (export "{name}") (result i32) i32.const 0)'
    for name in ("gadgetInit", "gadgetStop", "gadgetPostStop")
)
CALLBACK = '(func (export "dataSourceCallback") (param i64 i32 i32))'
WASI = '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))'
COMMON = ("gadgetLog", "getDataSource", "dataSourceSubscribe", "dataSourceGetField")

# A module of each link family, and of everything that can be wrong.
MODULES = {
    "malloc": module(using("v0.34.0", *COMMON, "fieldGet", "getParamValue"), MALLOC, HOOKS, CALLBACK),
    "destination": module(using("v0.38.0", *COMMON, "fieldGetScalar", "getParamValue"), HOOKS, CALLBACK),
    "ig": module(
        WASI,
        using("v0.55.1", *COMMON, "fieldGetScalar", "fieldSet"),
        HOOKS,
        CALLBACK,
        '(func (export "_initialize"))',
    ),
    "newest": module(using("v0.55.1", "gadgetShouldLog")),
    "either": module(using("v0.30.0", *COMMON), MALLOC, '(func (export "_start"))', HOOKS, CALLBACK),
    "warned": module(
        using("v0.55.1", "dataSourceSubscribe"),
        '(func (export "gadgetInit") (result i64) i64.const 0)',
        '(func (export "_start"))',
        memory='(memory (export "memory") 1 300)',
    ),
    "later": module("(func $other)", "(func $leaper (drop (i32.const 1)) return_call $other)", HOOKS),
    "wrong": module(
        '(import "ig" "fieldGetScaler" (func)) (import "elastic" "elastic_log" (func))'
        '(import "ig" "fieldSet" (func (param i32 i32 i32 i32) (result i32)))'
        '(import "wasi_snapshot_preview1" "fd_writ" (func))',
        '(func (export "gadgetInit"))',
        version="",
        memory='(memory (export "memory") 257)',
    ),
    "component": b"\0asm\x0d\0\1\0",
    "garbage": b"#!/bin/sh\n",
    "control": module('(import "\\1b[31mred\\n" "x" (func))', '(func (export "\\07bell"))'),
}
EXIT = dict.fromkeys(("later", "wrong", "component", "garbage", "control"), 1)


@pytest.fixture
def gadget(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """The command, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return Terminal(capsys)


@pytest.mark.parametrize("name", MODULES)
def test_the_report_is_what_the_file_beside_this_test_says(name: str, gadget: Terminal) -> None:
    """Text of a pipe of 100 columns, and the exit code."""
    Path(f"{name}.wasm").write_bytes(MODULES[name])
    matches(HERE / f"check/{name}.txt", gadget("check", f"{name}.wasm"))
    assert gadget.code == EXIT.get(name, 0)


@pytest.mark.parametrize("name", MODULES)
def test_the_json_follows_its_schema_and_says_the_same(name: str, gadget: Terminal) -> None:
    """The same verdict, under documented keys."""
    Path(f"{name}.wasm").write_bytes(MODULES[name])
    found = gadget.json("check", "check", f"{name}.wasm")
    assert gadget.code == EXIT.get(name, 0)
    assert gadget("check", f"{name}.wasm").splitlines()[0] == f"{name}.wasm: {found['verdict']}"
    assert found["runs"] == bool(found["releases"]) == (not found["problems"])
    assert found["runs"] == (gadget.code == 0)


@pytest.mark.parametrize("number", range(len(ABI.signature_sets)))
def test_a_module_of_each_set_names_its_set_and_family(number: int, gadget: Terminal) -> None:
    """The oldest of the sets named is the one whose functions the module imports."""
    sigset = ABI.signature_sets[number]
    Path("whole.wasm").write_bytes(whole(sigset))
    found = gadget.json("check", "check", "whole.wasm")
    assert found["signature_sets"][0] == sigset.name
    assert found["families"] == [sigset.family.name]
    assert found["spans"][0]["from"] == sigset.releases[0]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_lines_fit_the_terminal(columns: int, gadget: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """All but the first line, which is for searching, and lines of a single long word."""
    monkeypatch.setenv("COLUMNS", str(columns))
    for name, data in MODULES.items():
        Path(f"{name}.wasm").write_bytes(data)
        lines = gadget("check", f"{name}.wasm").splitlines()[1:]
        if columns >= 80:
            assert [line for line in lines if len(line) > columns] == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--release", "v0.40.0"], 0, "runs  v0.40.0"),
        (["--release", "0.40.0", "--release", "newest"], 0, "runs  v0.40.0, v0.55.1 (newest known)"),
        (["--release", "v0.38.1"], 1, "not on v0.38.1  ig: 6 functions imported from 'ig'"),
        (["--at-least", "v0.39.0"], 0, "runs  v0.39.0 - v0.55.1 (newest known)"),
        (["--at-least", "v0.38.1"], 1, "not on v0.38.1"),
    ],
)
def test_releases_can_be_asked_for(options: list[str], code: int, words: str, gadget: Terminal) -> None:
    """The exit code is 1 unless the module runs on all of them, and the text says which not and why."""
    Path("ig.wasm").write_bytes(MODULES["ig"])
    assert words in gadget("check", "ig.wasm", *options)
    assert gadget.code == code
    requested = gadget.json("check", "check", "ig.wasm", *options)["requested"]
    assert all(entry["runs"] != bool(entry["problems"]) for entry in requested)
    assert all(entry["runs"] for entry in requested) == (code == 0)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere.wasm"], 1, "gadget: error: nowhere.wasm: No such file or directory\n"),
        (["."], 1, "gadget: error: .: Is a directory\n"),
        ([], 2, "the following arguments are required: FILE.wasm"),
        (["x.wasm", "--release", "v0.42"], 2, "there is no release 'v0.42'; did you mean v0.42.0?"),
        (["x.wasm", "--at-least", "soon"], 2, "there is no release 'soon'; known are v0.30.0 to v0.55.1"),
    ],
)
def test_wrong_usage_is_told_from_a_bad_module(
    arguments: list[str], code: int, words: str, gadget: Terminal
) -> None:
    """One message on standard error; no traceback reaches a person."""
    assert words in gadget.error("check", *arguments)
    assert gadget.code == code


def test_a_file_too_large_for_any_gadget_is_not_read_to_its_end(gadget: Terminal) -> None:
    """A device that never ends is an error like any other."""
    if not Path("/dev/zero").exists():
        pytest.skip("no /dev/zero here")
    assert gadget.error("check", "/dev/zero") == (
        "gadget: error: /dev/zero: more than 128 MiB; no gadget is that large\n"
    )


def test_colour_is_for_terminals(tmp_path: Path) -> None:
    """A pipe gets none; a terminal does, unless NO_COLOR is set."""
    pty = pytest.importorskip("pty")
    (tmp_path / "ok.wasm").write_bytes(assemble('(module (memory (export "memory") 1))'))
    command = [sys.executable, "-m", "gadget_abi.cli", "check", "ok.wasm"]

    def shown(**environment: str) -> bytes:
        ours, theirs = pty.openpty()
        subprocess.run(command, cwd=tmp_path, stdout=theirs, check=False, env=os.environ | environment)
        os.close(theirs)
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            return bytes(terminal.read(65536))

    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout
    assert b"\x1b" not in piped
    assert b"\x1b[31mruns on no release" in shown(NO_COLOR_="")
    assert b"\x1b" not in shown(NO_COLOR="1")
