"""The real Inspektor Gadget beside this host: `nox -s upstream`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from gadget_conformance.adapter import Adapter
from tests.upstream.build import RELEASES, NotHereError, adapter
from tests.upstream.examples import Examples
from tests.upstream.sides import Theirs

ASKED = "the real Inspektor Gadget is built by nox -s upstream only, which needs Go and its module proxy"
ROOT = "the real Inspektor Gadget makes maps in the kernel, and its adapter runs an eBPF program there: as root only"
FIGURES = "figures"
"""The property of a test that has lines for the end of the run."""


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
    if os.geteuid() != 0:
        pytest.skip(ROOT)
    try:
        return adapter(release)
    except NotHereError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def theirs(upstream: Path) -> Iterator[Theirs]:
    """The real Inspektor Gadget, with the time that it takes to compile a Python gadget, and for a million events."""
    with Adapter([str(upstream), "-patience", "30m"], timeout=1800) as process:
        yield Theirs(process)


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Builds the examples."""
    return Examples(tmp_path_factory.mktemp("examples"))


# --------------------------------------------------------------------------------------------- what was found


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say something at the end of the run, whether or not the test passes."""
    return partial(record_property, FIGURES)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have told."""
    reports = [report for group in ("passed", "failed") for report in terminalreporter.stats.get(group, [])]
    told = [text for report in reports for key, text in report.user_properties if key == FIGURES]
    if told:
        terminalreporter.section("the real Inspektor Gadget")
    for text in told:
        terminalreporter.write_line(str(text))
