"""The conformance suite on the real Inspektor Gadget: what the suite expects of a strict host is what upstream does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import gadget_abi
from gadget_conformance.adapter import Adapter
from gadget_conformance.case import load_cases, runs_of
from gadget_conformance.expectations import read_expectations
from gadget_conformance.report import failure_text
from gadget_conformance.runner import Runners

EXPECTATIONS = Path(__file__).with_name("expectations.toml")
ADAPTERS = 2


def test_upstream_does_what_the_suite_expects_of_it(
    upstream: Path, release: str, tell: Callable[[str], None]
) -> None:
    """Every case that applies to the release passes, or fails as the expectation file says and why."""
    abi = gadget_abi.load()
    runs = [run for case in load_cases() for run in runs_of(case, abi, ["strict"], releases=[release])]
    with ExitStack() as stack:
        adapters = [stack.enter_context(Adapter([str(upstream)])) for _ in range(ADAPTERS)]
        assert {adapter.hello.version for adapter in adapters} == {release}
        runners = stack.enter_context(Runners(adapters, read_expectations(EXPECTATIONS)))
        outcomes = list(runners.run_all(runs))
    counts = Counter(outcome.status for outcome in outcomes)
    tell(f"conformance of {release}: " + ", ".join(f"{n} {status}" for status, n in counts.most_common()))
    failed = [failure_text(outcome) for outcome in outcomes if outcome.failed or outcome.status == "differs"]
    assert not failed, "\n\n".join(failed)
