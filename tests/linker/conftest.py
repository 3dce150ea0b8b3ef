"""Components small and real, and modules linked from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import wasmtime

import gadget_abi
import gadget_build
from gadget_build.link.linker import link
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
def probe_wasm(caches: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """programs/probe.py, built."""
    output = tmp_path_factory.mktemp("probe") / "probe.wasm"
    return gadget_build.build(HERE / "programs" / "probe.py", output=output).output.read_bytes()


@pytest.fixture
def probe(probe_wasm: bytes) -> Host:
    """The probe, instantiated."""
    return Host(probe_wasm)
