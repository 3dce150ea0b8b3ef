"""The real Inspektor Gadget beside this host: `nox -s upstream`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.upstream.build import RELEASES, NotHereError, adapter

ASKED = "the real Inspektor Gadget is built by nox -s upstream only, which needs Go and its module proxy"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that asks for upstream."""
    parser.getgroup("upstream").addoption("--upstream", action="store_true", help="build the real thing")


@pytest.fixture(params=RELEASES, scope="session")
def release(request: pytest.FixtureRequest) -> str:
    """Each release of Inspektor Gadget that is judged."""
    return str(request.param)


@pytest.fixture(scope="session")
def upstream(release: str, request: pytest.FixtureRequest) -> Path:
    """The adapter of that release."""
    if not request.config.getoption("--upstream", False):
        pytest.skip(ASKED)
    try:
        return adapter(release)
    except NotHereError as reason:
        pytest.skip(str(reason))
