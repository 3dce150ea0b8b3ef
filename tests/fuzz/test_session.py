"""A short session for every run of the tests, and that a session finds what is wrong."""

import sys
from typing import Any

import pytest

from . import session
from .calls import Calls
from .case import Outcome, Run, make
from .follow import WrongError
from .guest import ABI
from .session import Summary, Worker, watch
from .shrink import shrunk

SETS = [s.name for s in ABI.signature_sets]


def test_generated_gadgets_do_what_the_model_does() -> None:
    """20,000 host calls of generated gadgets agree with the model, and nothing but a GuestError comes out."""
    summary = session.run(1, 20_000, SETS)
    assert not summary.failures, "\n".join(summary.failures)
    assert summary.calls >= 20_000
    assert summary.compared > 10_000


def first_failure(seed: int = 1) -> tuple[Any, WrongError]:
    """The first of a session's cases that fails."""
    for number in range(30):
        case = make(seed, number, sets=SETS)
        try:
            Run(case, Outcome()).whole()
        except WrongError as error:
            return case, error
    raise AssertionError("nothing fails")


def test_a_disagreement_is_found_and_made_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that counts arrays wrongly disagrees with the host, in a case of a few operations."""
    right = Calls.dataArrayLen
    monkeypatch.setattr(Calls, "dataArrayLen", lambda calls, array: right(calls, array) + 1)
    case, error = first_failure()
    assert "dataArrayLen" in str(error)
    assert shrunk(case, error).count("\n") < 30


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("import os; os.abort()", "the process died"),
        ("import sys; sys.exit(3)", "the process died, 3"),
        ("import time; time.sleep(60)", "hangs"),
    ],
)
def test_a_worker_that_dies_or_hangs_is_reported_with_its_case(program: str, complaint: str) -> None:
    """The summary says what happened and how to run that very case again."""
    summary = Summary(seed=5)
    worker = Worker([sys.executable, "-c", f"print('{{\"begin\": 7}}', flush=True); {program}"])
    assert watch(worker, summary, 0, hang=1.0) == 7
    assert "--seed 5 --case 7" in summary.failures[0]
    assert complaint in summary.failures[0]
