"""Generated gadgets on this host and on the real Inspektor Gadget: whatever one does, the other does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.upstream.differential import run

SEED, CASES, JOBS = 1, 200, 2


def test_a_strict_host_does_what_upstream_does(
    upstream: Path, release: str, tell: Callable[[str], None]
) -> None:
    """What calls return, memory, events, open handles and failures are the same, for some hundred gadgets."""
    summary = run([release], SEED, range(CASES), JOBS)[release]
    tell(f"{release}, seed {SEED}: {str(summary).splitlines()[0]}")
    assert summary.whole > CASES / 2
    assert summary.scripts > 10 * CASES
    assert not summary.differences, "\n".join(summary.differences)
