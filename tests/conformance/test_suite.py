"""The whole suite on this project's host, in both modes."""

from typing import get_args

import pytest

from gadget_abi import Abi
from gadget_conformance.adapter import Adapter
from gadget_conformance.case import Case, Mode, load_cases, runs_of
from gadget_conformance.report import failure_text
from gadget_conformance.runner import Runner


def test_releases(adapter: Adapter, abi: Abi) -> None:
    """The host behaves as any release of the table, careful and strict."""
    assert adapter.hello.releases == tuple(release.name for release in abi.releases)
    assert set(adapter.hello.modes) == set(get_args(Mode))


@pytest.mark.parametrize("case", load_cases(), ids=lambda case: case.id)
def test_case(case: Case, adapter: Adapter, runner: Runner, abi: Abi) -> None:
    """Every case passes for every signature set it applies to, optional ones included."""
    runs = runs_of(case, abi, get_args(Mode), releases=adapter.hello.releases)
    assert runs, "no release has what the case uses"
    outcomes = [runner.run(run) for run in runs]
    bad = [failure_text(outcome) for outcome in outcomes if outcome.status != "pass"]
    assert not bad, "\n\n".join(bad)
