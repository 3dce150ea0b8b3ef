"""The example gadgets on this host and on the real Inspektor Gadget, over every event that was recorded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Final

import pytest

from gadget_build.errors import BuildError
from tests.examples.conftest import SOURCE
from tests.upstream.examples import Examples, load, recorded
from tests.upstream.sides import Ours, Theirs, differences

PORTION: Final = 1000
"""Events that are emitted, and compared, at once."""


@pytest.mark.parametrize("name", SOURCE)
def test_an_example_does_the_same_on_both_hosts(
    name: str, release: str, theirs: Theirs, examples: Examples, tell: Callable[[str], None]
) -> None:
    """From gadgetInit to gadgetStop, careful and strict, it emits what it does upstream, in the same order and with the
    same bytes in every field, logs the same lines, and leaves as many handles open."""
    try:
        module = examples.build(name, release)
    except BuildError as reason:
        pytest.skip(f"no {name} for {release}: {reason}")
    source, events = SOURCE[name], recorded(SOURCE[name])
    portions = [events[at : at + PORTION] for at in range(0, len(events), PORTION)]
    ours, emitted = [Ours(strict=strict) for strict in (False, True)], 0
    for request in chain(
        [load(name, module, release), {"do": "init"}, {"do": "start"}],
        ({"do": "emit", "source": source, "packets": portion} for portion in portions),
        [{"do": "handles"}, {"do": "stop"}, {"do": "close"}],
    ):
        expected = theirs.ask(**request)
        assert not expected.get("failed")
        for side in ours:
            found = list(differences(side.ask(**request), expected))
            assert found == []
        emitted += len(expected.get("events", ()))
    assert emitted
    tell(f"{name} on {release}: {len(events):,} events, {emitted:,} seen behind it, the same on both hosts")
