"""Runs cases on adapters and says how each went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from time import perf_counter
from types import TracebackType
from typing import Literal, Self

from .adapter import Adapter, AdapterError, UnsupportedError
from .attempt import Attempt
from .case import Run
from .expectations import Expectation
from .modules import Modules

__all__ = ["FAILING", "Outcome", "Runner", "Runners", "Status"]

Status = Literal["pass", "fail", "differs", "xfail", "xpass", "skip", "unsupported", "adapter"]
FAILING: frozenset[Status] = frozenset({"fail", "xpass", "adapter"})
"""What makes a run of the suite fail. `differs`: not as expected, in a case that is not required."""


@dataclass(frozen=True)
class Outcome:
    """How a run of a case went.

    Args:
        run: the case, release and mode.
        status: in a word.
        findings: what was not as expected, or why it was not run.
        transcript: host calls and callbacks, for a person who looks into what did not pass.
        seconds: how long it took.
        expectation: what the implementation's file says about it.
    """

    run: Run
    status: Status
    findings: tuple[str, ...] = ()
    transcript: str = ""
    seconds: float = 0.0
    expectation: Expectation | None = None

    @property
    def failed(self) -> bool:
        """Whether it makes the suite fail."""
        return self.status in FAILING


class Runner:
    """Runs cases on an adapter. A context manager, for the files it makes.

    Args:
        adapter: where to.
        expectations: what is known about the implementation.
    """

    def __init__(self, adapter: Adapter, expectations: Iterable[Expectation] = ()) -> None:
        self._adapter, self._expectations = adapter, tuple(expectations)
        self._modules = Modules()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._modules.close()

    def run(self, run: Run) -> Outcome:
        """Run a case; whatever the adapter does, there is an outcome.

        Raises:
            EmbedderError: the case itself is wrong, or the adapter cannot be started.
        """
        expectation = next((item for item in self._expectations if item.about(run)), None)
        if expectation is not None and expectation.outcome == "skip":
            return Outcome(run, "skip", (expectation.reason,), expectation=expectation)
        began, attempt = perf_counter(), Attempt(run, self._adapter, self._modules)
        status, findings = self._try(attempt, run.case.level)
        if expectation is not None:
            status = _as_expected(status)
        story = "" if status == "pass" else attempt.transcript
        return Outcome(run, status, findings, story, perf_counter() - began, expectation)

    def _try(self, attempt: Attempt, level: str) -> tuple[Status, tuple[str, ...]]:
        try:
            findings = tuple(attempt.findings())
        except UnsupportedError as reason:
            return "unsupported", (str(reason),)
        except AdapterError as error:
            self._adapter.close()  # whatever is left of it knows a guest that is none of the next case's
            return "adapter", (str(error),)
        if not findings:
            return "pass", ()
        return ("fail" if level == "required" else "differs"), findings


class Runners:
    """Several runners, each with an adapter of its own, that share the work.

    Args:
        adapters: where to.
        expectations: what is known about the implementation.
    """

    def __init__(self, adapters: Iterable[Adapter], expectations: Iterable[Expectation] = ()) -> None:
        known = tuple(expectations)
        self._runners = [Runner(adapter, known) for adapter in adapters]
        self._idle: SimpleQueue[Runner] = SimpleQueue()
        for runner in self._runners:
            self._idle.put(runner)
        self._pool = ThreadPoolExecutor(len(self._runners), "conformance")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)
        for runner in self._runners:
            runner.__exit__(kind, error, trace)

    def run_all(self, runs: Iterable[Run]) -> Iterator[Outcome]:
        """Run cases; the outcomes in the order of the runs."""
        return self._pool.map(self._run, runs)

    def _run(self, run: Run) -> Outcome:
        runner = self._idle.get()
        try:
            return runner.run(run)
        finally:
            self._idle.put(runner)


def _as_expected(status: Status) -> Status:
    """The status of a case that is expected to fail."""
    if status == "pass":
        return "xpass"
    return "xfail" if status in ("fail", "adapter", "differs") else status
