"""The round-trip guests, built and running."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gadget_host import Gadget
from tests.roundtrip.contract import GUESTS, Running, schema


@pytest.fixture(scope="session", params=GUESTS)
def guest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract's module, in each language."""
    directory = tmp_path_factory.mktemp(request.param)
    return GUESTS[request.param](directory)


@pytest.fixture(scope="session")
def running(guest: Path) -> Iterator[Running]:
    """The guest, started, with a source of each type that has a field of every kind."""
    with Gadget.load(guest) as gadget:
        gadget.add_source(schema("in", "single"))
        gadget.add_source(schema("rows", "array"))
        gadget.start()
        yield Running(gadget)
