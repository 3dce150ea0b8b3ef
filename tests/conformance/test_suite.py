"""The whole suite on this project's host, in both modes."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_args

import pytest

import gadget_host.conformance
from gadget_abi import Abi
from gadget_conformance.adapter import Adapter
from gadget_conformance.case import Case, Mode, load_cases, runs_of
from gadget_conformance.expectations import read_expectations
from gadget_conformance.report import failure_text
from gadget_conformance.runner import Outcome, Runners

KNOWN = read_expectations(Path(gadget_host.conformance.__file__).with_name("expectations.toml"))
ADAPTERS = 2  # one for each CPU of the machine that CI promises

FINE = ("pass", "xfail", "skip")


def test_required_cases_are_not_excused() -> None:
    """What this host is known to do otherwise is nothing that is required; each entry is about one case."""
    excused = [case for case in load_cases() for known in KNOWN if known.id == case.id]
    assert len(excused) == len(KNOWN)
    assert [case.id for case in excused if case.level == "required"] == []


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest, cache: Path, abi: Abi) -> Mapping[str, list[Outcome]]:
    """How the runs of the chosen cases went, by case: all at once, since two adapters share them."""
    tests = (item for item in request.session.items if isinstance(item, pytest.Function))
    chosen: list[Any] = [test.callspec.params["case"] for test in tests if test.function is test_case]
    releases = [release.name for release in abi.releases]
    runs = [run for case in chosen for run in runs_of(case, abi, get_args(Mode), releases=releases)]
    found = defaultdict(list)
    with ExitStack() as stack:
        words = [sys.executable, "-m", "gadget_host.conformance"]
        adapters = [stack.enter_context(Adapter(words)) for _ in range(ADAPTERS)]
        for outcome in stack.enter_context(Runners(adapters, KNOWN)).run_all(runs):
            found[outcome.run.case.id].append(outcome)
    return found


def test_releases(adapter: Adapter, abi: Abi) -> None:
    """The host behaves as any release of the table, careful and strict."""
    assert adapter.hello.releases == tuple(release.name for release in abi.releases)
    assert set(adapter.hello.modes) == set(get_args(Mode))


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_case(case: Case, outcomes: Mapping[str, list[Outcome]]) -> None:
    """Every case goes as expected for every signature set it applies to, those that are not required included."""
    assert outcomes[case.id], "no release has what the case uses"
    bad = [failure_text(outcome) for outcome in outcomes[case.id] if outcome.status not in FINE]
    assert not bad, "\n\n".join(bad)
