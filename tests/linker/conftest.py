"""Components small and real, and modules linked from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

import gadget_abi
from gadget_build.link.linker import link
from tests.linker.components import linker_of
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
def probe_for(caches: Path) -> Callable[[str], bytes]:
    """programs/probe.py, componentized once and linked for a release."""
    return linker_of(HERE / "programs" / "probe.py")


@pytest.fixture(scope="session")
def probe_wasm(probe_for: Callable[[str], bytes]) -> bytes:
    """The probe as it is built unless told otherwise."""
    return probe_for("v0.39.0")


@pytest.fixture
def probe(probe_wasm: bytes) -> Host:
    """The probe, instantiated."""
    return Host(probe_wasm)
