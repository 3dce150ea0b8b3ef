"""What is said about a module that cannot run: before any of its code does, in its author's words."""

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

import gadget_abi
from gadget_abi import EmbedderError, GuestError
from gadget_host._engine import new_engine
from gadget_host._module import GuestModule, load_module, read_file

ABI = gadget_abi.load()
ENGINE = new_engine()
VERSION = '(func (export "gadgetAPIVersion") (result i64) i64.const 1)'
MEMORY = '(memory (export "memory") 1)'


def load(wasm: bytes, **options: Any) -> GuestModule:
    """Load a module called g.wasm."""
    return load_module(ENGINE, wasm, name="g.wasm", abi=ABI, **options)


def assemble(*fields: str, version: str = VERSION, memory: str = MEMORY) -> bytes:
    """A module with everything a gadget must have, and more fields (imports first)."""
    return bytes(wasmtime.wat2wasm(f"(module {' '.join(fields)} {memory} {version})"))


GOOD = assemble()

WHOLE_FILES = {
    "empty": (b"", "g.wasm: the file is empty"),
    "not wasm": (
        b"#!/bin/sh\n",
        "g.wasm: not a readable wasm module: at byte 0x0: not a wasm file",
    ),
    "cut in the header": (b"\0asm\1", "g.wasm: not a readable wasm module: at byte 0x4"),
    "cut in a section": (GOOD[:-3], "g.wasm: not a readable wasm module: at byte"),
    "cut between sections": (GOOD[:-15], "g.wasm: not a readable wasm module: "),
    "component": (
        b"\0asm\x0d\0\1\0",
        "g.wasm: this is a wasm component, and gadgets are core modules; link it with gadget build",
    ),
}

MODULES = {
    "no version": (
        assemble(version=""),
        "g.wasm: gadgetAPIVersion: not exported; every release requires it",
    ),
    "version with a parameter": (
        assemble(version='(func (export "gadgetAPIVersion") (param i32) (result i64) i64.const 1)'),
        "g.wasm: gadgetAPIVersion: exported as (i32) -> (i64), it must be () -> (i64)",
    ),
    "version is no function": (
        assemble(version='(global (export "gadgetAPIVersion") i32 (i32.const 1))'),
        "g.wasm: gadgetAPIVersion: exported as a global, it must be a function",
    ),
    "no memory": (
        assemble(memory=""),
        "g.wasm: memory: there is none, and every pointer needs one; declare one and export it as 'memory'",
    ),
    "memory is no memory": (
        assemble('(func (export "memory"))', memory=""),
        "g.wasm: memory: there is none",
    ),
    "too much memory": (
        assemble(memory='(memory (export "memory") 257)'),
        "g.wasm: memory: starts with 257 pages of 64 KiB, 256 are allowed",
    ),
    "hook without a result": (
        assemble('(func (export "gadgetInit"))'),
        "g.wasm: gadgetInit: exported as () -> (), it must be () -> (i32)",
    ),
    "hook with a wide result": (
        assemble('(func (export "gadgetStop") (result i64) i64.const 0)'),
        "g.wasm: gadgetStop: exported as () -> (i64), it must be () -> (i32)",
    ),
    "hook with a parameter": (
        assemble('(func (export "gadgetStart") (param i32) (result i32) i32.const 0)'),
        "g.wasm: gadgetStart: exported as (i32) -> (i32), it must be () -> (i32)",
    ),
    "callback of another type": (
        assemble('(func (export "dataSourceCallback") (param i64 i64 i64))'),
        "g.wasm: dataSourceCallback: exported as (i64, i64, i64) -> (), it must be (i64, i32, i32) -> ()",
    ),
    "unknown function": (
        assemble('(import "ig" "fieldGetScaler" (func))'),
        "g.wasm: ig.fieldGetScaler: no such host function; did you mean fieldGetScalar?",
    ),
    "function of another release": (
        assemble('(import "ig" "fieldGet" (func (param i32 i32 i32) (result i64)))'),
        "g.wasm: ig.fieldGet: ig has it until v0.37.0; instead, there is fieldGetScalar, fieldGetBuffer",
    ),
    "unknown module": (
        assemble('(import "wasi_unstable" "fd_write" (func))'),
        "g.wasm: wasi_unstable: unknown import module 'wasi_unstable'",
    ),
    "imported memory": (
        assemble('(import "ig" "memory" (memory $m 1)) (export "memory" (memory $m))', memory=""),
        "g.wasm: ig.memory: imported as a memory, it is a function",
    ),
    "function of another type": (
        assemble('(import "ig" "gadgetLog" (func (param i32 i32)))'),
        "g.wasm: ig.gadgetLog: imported as (i32, i32) -> (), since v0.30.0 it is (i32, i64) -> ()",
    ),
    "malloc family without malloc": (
        assemble('(import "env" "fieldGet" (func (param i32 i32 i32) (result i64)))'),
        "g.wasm: malloc: not exported; v0.30.0 - v0.37.0 require it",
    ),
    "malloc of another type": (
        assemble(
            '(import "env" "fieldGet" (func (param i32 i32 i32) (result i64)))',
            '(func (export "malloc") (param i64) (result i32) i32.const 8)',
        ),
        "g.wasm: malloc: exported as (i64) -> (i32), it must be (i32) -> (i32)",
    ),
    "malloc that is no function": (
        assemble(
            '(import "env" "fieldGet" (func (param i32 i32 i32) (result i64)))',
            '(global (export "malloc") i32 (i32.const 8))',
        ),
        "g.wasm: malloc: exported as a global, it must be a function",
    ),
    "unknown WASI function": (
        assemble('(import "wasi_snapshot_preview1" "fd_writ" (func))'),
        "g.wasm: wasi_snapshot_preview1.fd_writ: no function of WASI preview 1; did you mean fd_write?",
    ),
    "WASI function of another type": (
        assemble('(import "wasi_snapshot_preview1" "sched_yield" (func))'),
        "g.wasm: wasi_snapshot_preview1.sched_yield: imported as () -> (), it is () -> (i32)",
    ),
    "WASI function as a global": (
        assemble('(import "wasi_snapshot_preview1" "sched_yield" (global i32))'),
        "g.wasm: wasi_snapshot_preview1.sched_yield: imported as a global, it is a function",
    ),
    "tail calls": (
        assemble("(func $f return_call $f)"),
        "g.wasm: not valid: tail calls support is not enabled (at offset 0x",
    ),
    "64-bit memory": (
        assemble(memory='(memory (export "memory") i64 1)'),
        "g.wasm: memory64: not in wasm 2.0 (first used at byte 0x",
    ),
    "two memories": (
        assemble("(memory 1)"),
        "g.wasm: multi-memory: not in wasm 2.0 (first used at byte 0x",
    ),
    "wrong code": (
        assemble("(func (result i32))"),
        "g.wasm: not valid: type mismatch: expected i32 but nothing on stack (at offset 0x",
    ),
}


@pytest.mark.parametrize("name", WHOLE_FILES)
def test_bytes_that_are_no_module(name: str) -> None:
    """A file that is no core module is refused with what it is instead, or where it ends."""
    data, message = WHOLE_FILES[name]
    with pytest.raises(GuestError) as error:
        load(data)
    assert str(error.value).startswith(message)


# Sound for the engine, but not for Inspektor Gadget's: refused by what is in front of the code, in it, and behind it.
BEYOND = {
    "function-references": "(type $f (func)) (func (param (ref null $f)))",
    "tail calls": "(func $f return_call $f)",
    "extended-const": '(data (i32.add (i32.const 1) (i32.const 2)) "d")',
}


@pytest.mark.parametrize("name", BEYOND)
def test_what_is_refused_is_refused_again(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is sound throughout is found compiled the next time, and then looked at less closely."""
    monkeypatch.setenv("GADGET_CACHE_DIR", str(tmp_path))
    wasm = assemble(BEYOND[name])
    words = []
    for _ in range(2):
        with pytest.raises(GuestError) as error:
            load(wasm)
        words.append(str(error.value))
    assert words[0] == words[1]


def test_what_is_found_compiled_is_checked_all_the_same() -> None:
    """A module that fits one release, and was compiled for it, is refused by another in the same words."""
    wasm = assemble('(import "ig" "gadgetShouldLog" (func (param i32) (result i32)))', "(func)", "(func)")
    fresh = load(wasm)
    again = load(wasm)
    assert (fresh.choice, fresh.start, fresh.info.exports) == (
        again.choice,
        again.start,
        again.info.exports,
    )
    with pytest.raises(GuestError, match=r"gadgetShouldLog: ig has it since v0\.43\.0"):
        load(wasm, release="v0.39.0")


@pytest.mark.parametrize("name", MODULES)
def test_a_module_that_is_no_gadget(name: str) -> None:
    """A module that cannot run is refused with the name of what is wrong, what was expected and found."""
    data, message = MODULES[name]
    with pytest.raises(GuestError) as error:
        load(data)
    assert str(error.value).startswith(message)
    assert str(error.value).startswith(("g.wasm: not valid", f"g.wasm: {error.value.function}: "))


def test_several_problems_are_said_at_once() -> None:
    """The author sees everything that is wrong, not the first thing only, up to a handful."""
    imports = [f'(import "ig" "nonsense{n}" (func))' for n in range(9)]
    with pytest.raises(GuestError) as error:
        load(assemble(*imports))
    lines = str(error.value).splitlines()
    assert lines[0] == "g.wasm: 9 things keep it from running:"
    assert lines[1] == "  ig.nonsense0: no such host function"
    assert lines[-1] == "  and 4 more"


def test_a_module_of_256_pages_runs() -> None:
    """The limit itself is allowed, whatever maximum the module declares beyond it."""
    assert load(assemble(memory='(memory (export "memory") 256 4000)')).info.memories[0].min == 256


def test_the_limit_of_pages_can_be_set() -> None:
    """A caller may allow more or less than the real host."""
    wasm = assemble(memory='(memory (export "memory") 300)')
    assert load(wasm, memory_pages=300).info.memories[0].min == 300
    with pytest.raises(GuestError, match="starts with 300 pages of 64 KiB, 299 are allowed"):
        load(wasm, memory_pages=299)


def test_the_version_may_be_an_i32() -> None:
    """gadgetAPIVersion with an i32 result is accepted, as the real host does."""
    load(assemble(version='(func (export "gadgetAPIVersion") (result i32) i32.const 1)'))


def test_simd_is_accepted() -> None:
    """Vector instructions belong to Wasm 2.0."""
    load(assemble("(func (drop (v128.const i64x2 0 0)))"))


def test_a_release_that_does_not_fit_is_refused_with_those_that_would() -> None:
    """Asking for a release that lacks an import names the import and the releases that have everything."""
    wasm = assemble('(import "ig" "gadgetShouldLog" (func (param i32) (result i32)))')
    with pytest.raises(GuestError) as error:
        load(wasm, release="v0.39.0")
    assert str(error.value) == (
        "g.wasm: ig.gadgetShouldLog: ig has it since v0.43.0; call gadgetLog always: "
        "the host drops what is not shown; its imports fit v0.43.0 to v0.55.1 (ig)"
    )


def test_a_family_that_does_not_fit_is_refused_with_the_one_that_would() -> None:
    """Several imports in the way are listed, and what they fit is said once."""
    wasm = assemble(
        '(import "env" "fieldGet" (func (param i32 i32 i32) (result i64)))',
        '(import "env" "getParamValue" (func (param i64) (result i64)))',
        '(func (export "malloc") (param i32) (result i32) i32.const 8)',
    )
    with pytest.raises(GuestError) as error:
        load(wasm, family="env-dst")
    assert str(error.value).splitlines() == [
        "g.wasm: 2 things keep it from running:",
        "  env.fieldGet: ig has it until v0.37.0; instead, there is fieldGetScalar, fieldGetBuffer",
        "  env.getParamValue: imported as (i64) -> (i64), since v0.38.0 it is (i64, i64) -> (i32)",
        "its imports fit v0.33.0 to v0.37.0 (env-malloc)",
    ]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"family": "wasi"}, "no link family 'wasi'; there are env-malloc, env-dst, ig"),
        ({"release": "v1.0.0"}, "no release 'v1.0.0'; known are v0.30.0 to v0.55.1"),
        ({"family": "ig", "release": "v0.30.0"}, "release v0.30.0 is of link family env-malloc, not ig"),
    ],
)
def test_a_release_that_there_is_not(wanted: dict[str, str], words: str) -> None:
    """What was asked for is wrong, not the module."""
    with pytest.raises(EmbedderError, match=words):
        load(GOOD, **wanted)


@given(st.data())
def test_a_damaged_module_is_refused_or_loads(data: st.DataObject) -> None:
    """Whatever bytes are changed, the answer is a module or a GuestError, never anything else."""
    damaged = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(GOOD) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(GuestError):
        load(bytes(damaged))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(EmbedderError, match=r"absent\.wasm: no such file"):
        read_file(tmp_path / "absent.wasm")


def test_a_name_that_no_file_can_have() -> None:
    """The message shows the name."""
    with pytest.raises(EmbedderError, match=r"'a\\x00b': no name of a file"):
        read_file(Path("a\0b"))


def test_a_directory_in_place_of_a_file(tmp_path: Path) -> None:
    """The message says that a file is wanted."""
    with pytest.raises(EmbedderError, match=r"a directory; give the \.wasm file"):
        read_file(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """The message gives the system's reason."""
    path = tmp_path / "secret.wasm"
    path.touch(mode=0)
    with pytest.raises(EmbedderError, match=r"secret\.wasm: cannot be read: Permission denied"):
        read_file(path)
