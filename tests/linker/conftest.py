"""Components small and real, and modules linked from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest
import wasmtime

import gadget_abi
from gadget_build.cache import DiskStore, cache_dir
from gadget_build.componentize import componentize
from gadget_build.link.linker import link
from gadget_build.program import find_program
from tests.linker.host import Host

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def abi() -> gadget_abi.Abi:
    """The table."""
    return gadget_abi.load()


@pytest.fixture(scope="session")
def small() -> bytes:
    """The component of small.wat."""
    return bytes(wasmtime.wat2wasm((HERE / "small.wat").read_text()))


@pytest.fixture
def linked(small: bytes, abi: gadget_abi.Abi) -> Host:
    """small.wat, linked and instantiated."""
    return Host(link(small, abi, "v0.43.0"))


@pytest.fixture(scope="session")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An empty cache that all builds of the session share."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("cache")
        patch.setenv("GADGET_CACHE_DIR", str(directory))
        yield directory


@pytest.fixture(scope="session")
def probe_for(caches: Path, abi: gadget_abi.Abi) -> Callable[[str], bytes]:
    """programs/probe.py, componentized once and linked for a release."""
    world = (files("gadget_abi") / "data" / "gadget.wit").read_text(encoding="utf-8")
    component = componentize(find_program(HERE / "programs" / "probe.py"), world)

    @cache
    def linked(release: str) -> bytes:
        return link(component, abi, release, DiskStore(cache_dir()))

    return linked


@pytest.fixture(scope="session")
def probe_wasm(probe_for: Callable[[str], bytes]) -> bytes:
    """The probe as it is built unless told otherwise."""
    return probe_for("v0.39.0")


@pytest.fixture
def probe(probe_wasm: bytes) -> Host:
    """The probe, instantiated."""
    return Host(probe_wasm)
