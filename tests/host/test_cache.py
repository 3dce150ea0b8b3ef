"""Compiled modules on disk: found again, rebuilt when damaged, shared between processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

from gadget_abi.wasm import read_module
from gadget_host._cache import cache_dir, compile_guest, find_guest
from gadget_host._engine import new_engine

WASM = bytes(wasmtime.wat2wasm('(module (func (export "f") (result i32) i32.const 7))'))

EMPTY = bytes(wasmtime.wat2wasm("(module)"))

COMPILE = """
import sys, wasmtime
from gadget_abi.wasm import read_module
from gadget_host._cache import compile_guest, find_guest
from gadget_host._engine import new_engine
engine = new_engine()
wasm = bytes.fromhex(sys.argv[1])
module = find_guest(engine, wasm) or compile_guest(engine, wasm, read_module(wasm))
store = wasmtime.Store(engine)
store.set_epoch_deadline(1)
print(wasmtime.Instance(store, module.code, []).exports(store)["f"](store))
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("GADGET_CACHE_DIR", str(tmp_path / "cache"))
    return cache_dir()


def compiled() -> int:
    """What the export of the compiled module answers."""
    engine = new_engine()
    module = find_guest(engine, WASM) or compile_guest(engine, WASM, read_module(WASM))
    store = wasmtime.Store(engine)
    store.set_epoch_deadline(1)
    export = wasmtime.Instance(store, module.code, []).exports(store)["f"]
    assert isinstance(export, wasmtime.Func)
    return int(export(store))


def entries(directory: Path) -> list[Path]:
    """The files of the cache."""
    return sorted(directory.iterdir())


def forbid_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let compilation fail."""

    def fail(*_: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(wasmtime.Module, "__init__", fail)


def test_a_module_is_compiled_once(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second start takes the module from disk."""
    assert compiled() == 7
    forbid_compiling(monkeypatch)
    assert compiled() == 7
    assert len(entries(own)) == 1


def test_a_memory_is_an_entry_of_its_own(own: Path) -> None:
    """The code alone is not enough: where one of the two is gone, both are made again."""
    wasm, engine = bytes(wasmtime.wat2wasm('(module (memory 1) (data (i32.const 8) "x"))')), new_engine()
    made = compile_guest(engine, wasm, read_module(wasm))
    assert made.image is not None
    found = find_guest(engine, wasm)
    assert found is not None
    assert found.image is not None
    for entry in entries(own):
        whole = entry.read_bytes()
        entry.unlink()
        assert find_guest(engine, wasm) is None
        entry.write_bytes(whole)
    assert find_guest(engine, wasm) is not None


def test_a_changed_module_is_another_entry(own: Path) -> None:
    """Another module does not get the first one's code."""
    assert compiled() == 7
    engine = new_engine()
    compile_guest(engine, EMPTY, read_module(EMPTY))
    assert len(entries(own)) == 2


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: data[: len(data) // 2], id="cut short"),
        pytest.param(lambda data: data[:-1] + bytes([data[-1] ^ 1]), id="a bit flipped at the end"),
        pytest.param(lambda data: data[:200] + b"\0" * 64 + data[264:], id="a hole"),
        pytest.param(lambda data: b"rubbish" * 1000, id="rubbish"),
    ],
)
def test_a_damaged_entry_is_made_again(own: Path, damage: "object") -> None:
    """Whatever became of the file, the module runs, and the entry is whole afterwards."""
    assert compiled() == 7
    (entry,) = entries(own)
    whole = entry.read_bytes()
    assert callable(damage)
    entry.write_bytes(damage(whole))
    assert compiled() == 7
    (again,) = entries(own)
    assert len(again.read_bytes()) == len(whole)


def test_an_entry_of_another_wasmtime_is_made_again(own: Path) -> None:
    """A file that is whole but that this wasmtime does not take is replaced."""
    assert compiled() == 7
    (entry,) = entries(own)
    from gadget_host._cache import _checksum

    foreign = entry.read_bytes().replace(b"wasmtime", b"wasmtame")
    key = entry.name.partition("-")[0]
    entry.unlink()
    (own / f"{key}{_checksum(foreign)}").write_bytes(foreign)
    assert compiled() == 7


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that cannot be a directory costs the cache, not the run."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GADGET_CACHE_DIR", str(tmp_path / "file"))
    assert compiled() == 7


def test_a_cache_others_can_write_to_is_not_trusted(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is loaded from, or put into, a directory that is open to other users."""
    own.mkdir(parents=True)
    own.chmod(0o777)
    assert compiled() == 7
    assert entries(own) == []


def test_the_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GADGET_CACHE_DIR comes first, then XDG_CACHE_HOME, then the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("GADGET_CACHE_DIR", str(tmp_path / "own"))
    assert cache_dir() == tmp_path / "own" / "modules"
    monkeypatch.delenv("GADGET_CACHE_DIR")
    assert cache_dir() == tmp_path / "xdg" / "gadget" / "modules"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == tmp_path / "home" / ".cache" / "gadget" / "modules"


def test_what_was_not_used_for_longest_goes_first(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that has grown too large loses its oldest entries and what a killed process left behind."""
    own.mkdir(parents=True, mode=0o700)
    old = own / "a-1-0.cwasm"
    left = own / "b.tmp"
    for path in (old, left):
        path.write_bytes(bytes(40_000))
        os.utime(path, (0, 0))
    monkeypatch.setattr("gadget_host._cache._KEEP_BYTES", 100_000)
    (own / "c-1-0.cwasm").write_bytes(bytes(50_000))
    assert compiled() == 7
    names = [path.name for path in entries(own)]
    assert old.name not in names
    assert left.name not in names
    assert len(names) == 2


def test_processes_that_start_together_share_the_cache(own: Path) -> None:
    """Eight processes compile the same module at once: all run it, and no torn or temporary file is left."""
    command = [sys.executable, "-c", COMPILE, WASM.hex()]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(8)
    ]
    answers = [process.communicate() for process in processes]
    assert answers == [("7\n", "")] * 8
    assert all(path.suffix == ".cwasm" for path in entries(own))
    assert compiled() == 7
