"""The same program gives the same bytes, wherever and whenever it is built."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

import gadget_build
from gadget_abi.cli import main
from tests.linker.conftest import HERE

OTHER = HERE.parent / "bench" / "program.py"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with other surroundings and an empty cache.

    On the same file system: the order in which a directory lists its files shows in the heap.
    """
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("GADGET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONHASHSEED", "42")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_builds_in_different_places_are_equal(
    probe_for: Callable[[str], bytes], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another directory, environment and cache change no byte, and leave no trace in the module."""
    place = elsewhere / "another place"
    shutil.copytree(HERE / "programs", place, ignore=shutil.ignore_patterns("__pycache__"))
    (place / "README.md").write_text("A file more, which the program does not use.")
    for file in place.iterdir():
        os.utime(file, (1, 1))
    output = elsewhere / "out.wasm"
    assert main(["build", str(place / "probe.py"), "--release", "v0.37.0", "-o", str(output)]) == 0
    assert "pages at start, for ig v0.37.0 only, " in capsys.readouterr().out
    built = output.read_bytes()
    assert built == probe_for("v0.37.0")
    for path in (elsewhere, HERE, Path(tempfile.gettempdir())):
        assert f"{path}/".encode() not in built


def test_a_build_leaves_nothing_beside_the_program(probe_wasm: bytes) -> None:
    """No bytecode, no directories: the author's files are copied before they are run."""
    assert {path.name for path in (HERE / "programs").iterdir()} <= {"probe.py", "beside.py", "__pycache__"}
    assert not list((HERE / "programs").rglob("*.cpython-314*"))


def test_gadgets_share_one_linked_template(probe_wasm: bytes, caches: Path, tmp_path: Path) -> None:
    """A second gadget finds what it has in common with the first in the cache, a fraction of the module."""
    linked = caches / "linked"
    before = set(linked.iterdir())
    assert all(path.stat().st_size < len(probe_wasm) / 2 for path in before)
    gadget_build.build(OTHER, output=tmp_path / "other.wasm", release="v0.39.0")
    assert set(linked.iterdir()) == before
