"""What the tests of the data plane share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plane.rig import Rig


@pytest.fixture(autouse=True, scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A compile cache of the test run's own."""
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("cache")
        patch.setenv("GADGET_CACHE_DIR", str(directory))
        yield directory


@pytest.fixture
def rig() -> Rig:
    """A plane with a guest."""
    return Rig()
