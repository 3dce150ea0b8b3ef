"""What the tests of the suite share: an adapter over this project's host, with a compile cache of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gadget_abi
from gadget_abi import Abi
from gadget_conformance.adapter import Adapter
from gadget_conformance.runner import Runner


@pytest.fixture(scope="session")
def abi() -> Abi:
    """The table."""
    return gadget_abi.load()


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A compile cache of the test run's own."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("cache")
        patch.setenv("GADGET_CACHE_DIR", str(directory))
        yield directory


@pytest.fixture(scope="session")
def adapter(cache: Path) -> Iterator[Adapter]:
    """This project's host, in one process for all tests."""
    with Adapter([sys.executable, "-m", "gadget_host.conformance"]) as found:
        yield found


@pytest.fixture(scope="session")
def runner(adapter: Adapter) -> Iterator[Runner]:
    """A runner on this project's host."""
    with Runner(adapter) as found:
        yield found
