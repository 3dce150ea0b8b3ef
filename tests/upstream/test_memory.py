"""The examples through a million events on the real Inspektor Gadget, which gives a gadget 256 pages of memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import pytest

from tests.examples.conftest import SOURCE
from tests.examples.reference import DEFAULT
from tests.upstream.examples import Examples, again, load, recorded
from tests.upstream.sides import Packet, Theirs

PAGES: Final = 256
EARLY: Final = 100_000  # events
ALL: Final = 1_000_000
RUNS: Final = [
    *(("v0.55.0", name) for name in SOURCE),
    *(("v0.34.0", "redact"), ("v0.37.0", "top_files"), ("v0.38.0", "exec_storm")),
]
"""Every example on the newest release, and one on each that links in another way."""

EMITTED: Final[Mapping[str, Callable[[int], int]]] = {
    "redact": lambda times: times * len(recorded("open")),
    "top_files": lambda times: times * len(recorded("open")) // 5000,
    "exec_storm": lambda times: times * len(list(DEFAULT["exec_storm"]())),
}
"""How many packets an example emits while the recorded events come so many times."""


@pytest.mark.parametrize(("release", "name"), RUNS, indirect=["release"])
def test_an_example_takes_a_million_events(
    name: str, release: str, theirs: Theirs, examples: Examples, tell: Callable[[str], None]
) -> None:
    """It starts, emits all that it should, fails nowhere and stops; after 100,000 events its memory grows no more."""
    step(theirs, **load(name, examples.build(name, release), release))
    step(theirs, "init")
    step(theirs, "start")
    size = len(recorded(SOURCE[name]))
    early, times = -(-EARLY // size), -(-ALL // size)
    done, emitted, pages = 0, 0, {}
    for packets, count in emissions(name, early, times):
        seen = step(theirs, "emit", source=SOURCE[name], packets=packets, count=count, quiet=True)
        done, emitted = done + count, emitted + sum(seen.values())
        if done in (early, times):
            pages[done] = theirs.ask("memory")["pages"]
    step(theirs, "stop")
    tell(
        f"{name} on {release}: {times * size:,} events, {pages[early]} pages early on, {pages[times]} in the end"
    )
    assert emitted == EMITTED[name](times)
    assert pages[early] == pages[times] <= PAGES


def emissions(name: str, early: int, times: int) -> Iterator[tuple[list[Packet], int]]:
    """The events that were recorded, so many times over: packets, and how often; one emission ends after `early`."""
    if name == "exec_storm":  # which measures how long starts take: the clock has to go on
        yield from ((again(SOURCE[name], number), 1) for number in range(times))
    else:
        yield from ((recorded(SOURCE[name]), count) for count in (early, times - early))


def step(theirs: Theirs, do: str, **more: object) -> dict[str, int]:
    """Take a step, in which nothing may fail; how many events were seen in it, by source, if it was a quiet one."""
    answer = theirs.ask(do, **more)
    assert not answer["failed"]
    assert not [line["message"] for line in answer["logs"] if line["level"] == 0]
    counts: dict[str, int] = answer.get("counts", {})
    return counts
