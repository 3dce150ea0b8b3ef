"""A fresh SDK over a fresh in-memory host for every test, and gadgets written to files."""

import importlib
import importlib.util
import linecache
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


memory_host = _load("sdk_memory_host", Path(__file__).parent / "memory_host.py")


SEAM = ("wit_world", "componentize_py_types")


def _forget(packages: tuple[str, ...]) -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name.split(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture(autouse=True)
def fresh_modules() -> Iterator[None]:
    """The SDK keeps a gadget's declarations in its modules: every test imports it anew."""
    before, path = _forget(("gadget", "program", "helper", *SEAM)), list(sys.path)
    yield
    _forget(("gadget", "program", "helper", *SEAM))
    sys.modules.update(before)
    sys.path[:] = path
    linecache.clearcache()


@pytest.fixture
def host() -> Any:
    """The host, installed where the SDK looks for it."""
    host = memory_host.MemoryHost()
    world, types = ModuleType("wit_world"), ModuleType("componentize_py_types")
    world.__getattr__ = lambda name: getattr(host, name)  # type: ignore[method-assign]
    types.Err = memory_host.Err  # type: ignore[attr-defined]
    sys.modules["wit_world"], sys.modules["componentize_py_types"] = world, types
    return host


class Run:
    """A gadget's module and the functions the host calls."""

    def __init__(self, host: Any, module: ModuleType):
        self.module = module
        self.exports = importlib.import_module("gadget._runtime")
        host.deliver = self.exports.data_source_callback

    def init(self) -> int:
        """Call gadgetInit."""
        status: int = self.exports.gadget_init()
        return status

    def start(self) -> None:
        """Call the phases up to gadgetStart, which must succeed."""
        phases = (self.exports.gadget_init, self.exports.gadget_pre_start, self.exports.gadget_start)
        assert [phase() for phase in phases] == [0, 0, 0]


@pytest.fixture
def load(host: Any, tmp_path: Path) -> Callable[[str], Run]:
    """Import a gadget's source text as program.py."""

    def load(text: str, **files: str) -> Run:
        _forget(("gadget", "program", "helper"))
        for name, content in {"program": text, **files}.items():
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(content))
        sys.path.insert(0, str(tmp_path))
        sys.dont_write_bytecode = True  # two versions of a file within a second and of one size look the same
        importlib.invalidate_caches()
        return Run(host, importlib.import_module("program"))

    return load


@pytest.fixture
def run(load: Callable[[str], Run]) -> Callable[[str], Run]:
    """Import a gadget's source text and start it."""

    def run(text: str, **files: str) -> Run:
        gadget = load(text, **files)
        gadget.start()
        return gadget

    return run
