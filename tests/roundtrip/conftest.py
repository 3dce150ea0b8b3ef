"""The guests of the contract, a cell of the matrix each: built, running, and what came of them.

pytest tests/roundtrip                                    WAT, and Python with some sets
pytest tests/roundtrip --languages=all --matrix=FILE      every language; the matrix as JSON as well
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gadget_abi.table import SignatureSet
from tests.roundtrip.contract import SETS
from tests.roundtrip.languages import LANGUAGES, NotHereError
from tests.roundtrip.matrix import Matrix
from tests.roundtrip.world import Running, World

DEFAULT = {"wat": list(SETS), "python": ["sig-1", "sig-4", "sig-5", "sig-8"]}
"""What runs unless something else is asked for: no further compiler, and of Python, which takes seconds a set, the
oldest and newest set of every way to link."""
NOT_ASKED = "not asked for (by default what takes no compiler and few seconds); nox -s languages runs all"

_matrix = pytest.StashKey[Matrix]()


@dataclass(frozen=True)
class Guest:
    """A cell of the matrix: a language and a signature set, and the module when it is built."""

    language: str
    signatures: SignatureSet
    module: Path


# ----------------------------------------------------------------------------------------------- which cells


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of `pytest tests/roundtrip`; elsewhere they have their defaults."""
    group = parser.getgroup("round trips")
    group.addoption("--languages", metavar="wat,python,...|all", help="the guests to run, with every set")
    group.addoption("--matrix", type=Path, metavar="FILE.json", help="write the matrix of languages and sets")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that wants a guest for every language that is asked for, with every set."""
    if "guest" not in metafunc.fixturenames:
        return
    asked = cells(metafunc.config.getoption("--languages", None))
    params = [pytest.param(cell, id="-".join(cell)) for cell in asked]
    rest = [(language, name) for language in LANGUAGES for name in SETS if (language, name) not in asked]
    skip = pytest.mark.skip(reason=NOT_ASKED)
    params += [pytest.param(cell, id="-".join(cell), marks=skip) for cell in rest]
    metafunc.parametrize("guest", params, indirect=True, scope="session")


def cells(languages: str | None) -> list[tuple[str, str]]:
    """The cells of languages, given as in the option."""
    if languages is None:
        return [(language, name) for language, names in DEFAULT.items() for name in names]
    rows = LANGUAGES if languages == "all" else languages.split(",")
    return [(language, name) for language in rows for name in SETS]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Guest]:
    """Builds guests, each once in a session."""

    @cache
    def made(language: str, name: str) -> Guest:
        directory = tmp_path_factory.mktemp(language)
        return Guest(language, SETS[name], LANGUAGES[language](SETS[name], directory))

    return made


@pytest.fixture(scope="session")
def guest(request: pytest.FixtureRequest, build: Callable[[str, str], Guest]) -> Guest:
    """The contract's module in a language, for a signature set."""
    try:
        return build(*request.param)
    except NotHereError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def running(guest: Guest) -> Iterator[Running]:
    """The guest, started on the newest release of its set, for values to go through."""
    made = World(guest.module, guest.signatures, guest.signatures.releases[-1])
    with made.gadget:
        made.start(watch=False)
        yield Running(made.gadget)


# ----------------------------------------------------------------------------------------- what came of them


def pytest_configure(config: pytest.Config) -> None:
    """Begin a matrix."""
    config.stash[_matrix] = Matrix(LANGUAGES, SETS)


def _cell(item: pytest.Item) -> tuple[str, str] | None:
    """The language and set a test is about, if it is about a guest."""
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return None
    params: dict[str, Any] = item.callspec.params
    return params.get("guest")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Enter a test into the matrix."""
    report = yield
    if cell := _cell(item):
        matrix = item.config.stash[_matrix]
        if report.failed:
            matrix.failed(*cell, item.name)
        elif isinstance(report.longrepr, tuple):  # skipped: file, line, reason
            matrix.absent(*cell, report.longrepr[2].removeprefix("Skipped: "))
        elif report.when == "call":
            matrix.passed(*cell, transcript=str(dict(item.user_properties).get("transcript", "")))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the matrix, and write it where it is wanted."""
    matrix = config.stash[_matrix]
    if matrix.empty:
        return
    terminalreporter.section("the round trip in every language")
    for line in matrix.lines():
        terminalreporter.write_line(line)
    path: Path | None = config.getoption("--matrix", None)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(matrix.to_json(), encoding="utf-8")
