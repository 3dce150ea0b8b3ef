"""The runner: it sees every difference, and no adapter can stop it."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gadget_abi import Abi, EmbedderError
from gadget_conformance.adapter import Adapter, Hello, UnsupportedError
from gadget_conformance.case import Run, read_cases, runs_of
from gadget_conformance.expectations import Expectation, read_expectations
from gadget_conformance.report import failure_text
from gadget_conformance.runner import Outcome, Runner
from tests.conformance.lies import LIES, MISSHAPEN, Answer, Lie, Lying, truth

HERE = Path(__file__).parent
EVERYTHING, FAILING, OPTIONAL = "one_of_each/everything", "one_of_each/failing", "one_of_each/optional"


def runs(abi: Abi, *ids: str) -> list[Run]:
    """The runs of cases of one_of_each.json, as the newest release."""
    cases = (case for case in read_cases(HERE / "one_of_each.json") if not ids or case.id in ids)
    return [run for case in cases for run in runs_of(case, abi, ("careful",), releases=[abi.newest])]


def outcomes(adapter: Adapter, lie: Lie, chosen: Sequence[Run], *known: Expectation) -> list[Outcome]:
    """How runs go with a lie."""
    with Runner(Lying(adapter, lie), known) as runner:
        return list(map(runner.run, chosen))


def test_truth_passes(adapter: Adapter, abi: Abi) -> None:
    """With an adapter that tells the truth all cases pass."""
    assert [outcome.status for outcome in outcomes(adapter, truth, runs(abi))] == ["pass"] * 3


def test_cases_baked_into_modules(adapter: Adapter, abi: Abi) -> None:
    """For an adapter that cannot write to memory before initialising, the module brings all that the case needs."""
    asked: list[Answer] = []

    class Reader(Lying):
        @property
        def hello(self) -> Hello:
            return replace(super().hello, writes=False)

    def note(do: str, more: Answer, answer: Answer) -> Answer:
        asked.append(more)
        return answer

    with Runner(Reader(adapter, note)) as runner:
        assert [outcome.findings for outcome in map(runner.run, runs(abi))] == [()] * 3
    loads = [more for more in asked if "module" in more]
    assert [more["memory"] for more in loads] == [[], [], []]
    assert len({more["module"] for more in loads}) == 3


@pytest.mark.parametrize(("lie", "finding"), LIES.values(), ids=LIES)
def test_a_lie_is_found(lie: Lie, finding: str, adapter: Adapter, abi: Abi) -> None:
    """Whatever an adapter reports wrongly fails the case, with a sentence that says what."""
    (outcome,) = outcomes(adapter, lie, runs(abi, EVERYTHING))
    assert outcome.status == "fail"
    assert outcome.failed
    assert any(text.startswith(finding) for text in outcome.findings), outcome.findings


def test_a_phase_that_does_not_fail(adapter: Adapter, abi: Abi) -> None:
    """A phase that is to fail and does not fails the case."""

    def lie(do: str, more: Answer, answer: Answer) -> Answer:
        return answer | {"failed": None} if do == "init" else answer

    (outcome,) = outcomes(adapter, lie, runs(abi, FAILING))
    assert outcome.findings == ("init: expected it to fail",)


@pytest.mark.parametrize(("lie", "said"), MISSHAPEN.values(), ids=MISSHAPEN)
def test_answers_without_shape(lie: Lie, said: str, adapter: Adapter, abi: Abi) -> None:
    """An answer that is none fails the case, and says so of the adapter."""
    (outcome,) = outcomes(adapter, lie, runs(abi, EVERYTHING))
    assert (outcome.status, outcome.findings, outcome.failed) == ("adapter", (said,), True)


class Impatient(Adapter):
    """Waits only half a second for what never comes, and as long as it takes for everything else."""

    def ask(self, do: str, **more: Any) -> Answer:
        """Ask with the time it may take."""
        self.timeout = 0.5 if do == "start" and self.hangs else 600.0
        return super().ask(do, **more)

    @property
    def hangs(self) -> bool:
        """Whether it is the adapter that hangs."""
        return self.words[-1] == "hang"


@pytest.mark.parametrize(
    ("how", "finding"),
    [
        ("crash", "start: the adapter exited with 3: out of luck"),
        ("killed", "start: the adapter was ended by signal 9"),
        ("chatter", "start: not an answer: 'loading ...'"),
        ("list", "start: not an answer: '[{"),
        ("hang", "start: no answer within 0.5 s"),
    ],
)
def test_an_adapter_that_breaks(how: str, finding: str, cache: Path, abi: Abi) -> None:
    """An adapter that breaks fails the case; it is started anew, and the suite goes on."""
    words = [sys.executable, str(HERE / "breaking_adapter.py"), how]
    with Impatient(words) as adapter, Runner(adapter) as runner:
        first, second = map(runner.run, runs(abi, EVERYTHING, FAILING))
        assert adapter.starts == 2
    assert first.status == "adapter"
    assert first.findings[0].startswith(finding)
    assert second.status == "pass"


def test_unsupported(adapter: Adapter, abi: Abi) -> None:
    """What an adapter declines is neither passed nor failed."""

    def lie(do: str, more: Answer, answer: Answer) -> Answer:
        return {"unsupported": "no events here"} if do == "emit" else answer

    (outcome,) = outcomes(adapter, lie, runs(abi, EVERYTHING))
    assert (outcome.status, outcome.findings, outcome.failed) == ("unsupported", ("no events here",), False)


def test_unknown_requests_are_declined(adapter: Adapter) -> None:
    """The adapter of this project's host declines what it does not know."""
    with pytest.raises(UnsupportedError, match="no request 'dance'"):
        adapter.ask("dance")


def test_optional_cases_differ(adapter: Adapter, abi: Abi) -> None:
    """A difference in a case that is not required is reported, and is no failure."""
    (outcome,) = outcomes(adapter, LIES["log lost"][0], runs(abi, OPTIONAL))
    assert outcome.status == "differs"
    assert not outcome.failed


@pytest.mark.parametrize(("lie", "status"), [("failure", "xfail"), ("no bytes", "xfail"), ("truth", "xpass")])
def test_expected_failures(lie: str, status: str, adapter: Adapter, abi: Abi) -> None:
    """A case that is expected to fail must fail; when it passes, that is a failure."""
    chosen = {**LIES, **MISSHAPEN, "truth": (truth, "")}[lie][0]
    (outcome,) = outcomes(
        adapter, chosen, runs(abi, EVERYTHING), Expectation("*/everything", "xfail", "as always")
    )
    assert outcome.status == status
    assert outcome.failed == (status == "xpass")


def test_skipped_cases_are_not_run(abi: Abi) -> None:
    """A case that is to be skipped is not asked; the adapter need not even be there."""
    with (
        Adapter("/nonexistent") as adapter,
        Runner(adapter, [Expectation("*", "skip", "not today")]) as runner,
    ):
        assert {outcome.status for outcome in map(runner.run, runs(abi))} == {"skip"}


@pytest.mark.parametrize(
    ("known", "about"),
    [
        (Expectation("one_of_each/*", "skip", "r"), True),
        (Expectation("fields/*", "skip", "r"), False),
        (Expectation("*", "skip", "r", releases=("v0.30.0",)), False),
        (Expectation("*", "skip", "r", mode="strict"), False),
        (Expectation("*", "skip", "r", mode="careful"), True),
    ],
)
def test_what_an_expectation_is_about(known: Expectation, about: bool, abi: Abi) -> None:
    """An expectation is about cases by pattern, and may be about some releases or one mode."""
    assert all(known.about(run) is about for run in runs(abi))


def test_reading_expectations(tmp_path: Path) -> None:
    """An expectation file gives its entries."""
    path = tmp_path / "known.toml"
    entry = 'id = "maps/*"\noutcome = "xfail"\nreason = "why"\nreleases = ["v0.38.1"]\n'
    path.write_text(f"[[case]]\n{entry}", encoding="utf-8")
    assert read_expectations(path) == (Expectation("maps/*", "xfail", "why", releases=("v0.38.1",)),)


@pytest.mark.parametrize(
    "text",
    [
        '[[case]]\nid = "x"\n',
        '[[case]]\nid = "x"\noutcome = "pass"\nreason = "r"\n',
        '[[case]]\nid = "x"\noutcome = "skip"\nreason = ""\n',
        '[[case]]\nid = "x"\noutcome = "skip"\nreason = "r"\nsurprise = 1\n',
        "[[",
    ],
)
def test_expectations_that_are_none(text: str, tmp_path: Path) -> None:
    """An entry without a reason, with another outcome or with other keys is refused."""
    path = tmp_path / "known.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EmbedderError, match=r"known\.toml"):
        read_expectations(path)


def test_a_failure_shows_what_happened(adapter: Adapter, abi: Abi) -> None:
    """The report of a failure has the rule, the finding and the calls with their results."""
    text = failure_text(*outcomes(adapter, LIES["event lost"][0], runs(abi, EVERYTHING)))
    assert f"FAIL {EVERYTHING} [sig-8 {abi.newest} careful]" in text
    assert "rule fieldGetBuffer" in text
    assert "--> dataSourceCallback(7, " in text
    assert "==> fieldAddTag(2, 'mine')\n    <== 0\n" in text
    assert ", String, buffer of 8 bytes)\n    <== 4" in text


def test_no_such_program() -> None:
    """An adapter that cannot be started is the caller's mistake."""
    with (
        Adapter("/nonexistent/adapter --fast") as adapter,
        pytest.raises(EmbedderError, match="cannot be started"),
    ):
        _ = adapter.hello


@pytest.mark.parametrize(
    "answer",
    [
        "{}",
        '{"name": "x", "version": "1", "releases": [], "modes": []}',
        '{"name": "x", "version": "1", "releases": [], "modes": ["lax"]}',
        "hello",
    ],
)
def test_no_adapter(answer: str) -> None:
    """A program that does not greet as an adapter is none."""
    words = [sys.executable, "-c", f"input(); print({answer!r}); input()"]
    with Adapter(words) as adapter, pytest.raises(EmbedderError, match="hello: "):
        _ = adapter.hello
