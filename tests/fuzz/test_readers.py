"""Whatever is in a file, it is read or refused with one error of the project's own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .nasty import NASTY
from .readers import READERS, full_module, small_component
from .spoil import Edit

EXAMPLES = {"table": 60, "stream": 80, "schema": 120, "manifest": 60, "check": 150, "load": 120}
"""How many spoiled files a reader is given here; 400 unless said."""
NUMBERS = st.integers(0, (1 << 16) - 1)
EDITS = st.lists(st.builds(Edit, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=8)


@pytest.mark.parametrize("name", READERS)
def test_good_files_are_read(name: str) -> None:
    """The files that are spoiled below are good; only "decode" has one that is not for it, a component."""
    refused = [READERS[name].refuses(data) for data in READERS[name].seeds()]
    assert sum(refused) == (1 if name == "decode" else 0)


@pytest.mark.parametrize("name", READERS)
def test_a_spoiled_file_is_read_or_refused(name: str) -> None:
    """However a file was spoiled, at most one of the reader's own errors comes out."""
    reader = READERS[name]

    @settings(max_examples=EXAMPLES.get(name, 400), deadline=None, suppress_health_check=list(HealthCheck))
    @given(NUMBERS, EDITS)
    def spoil(seed: int, edits: list[Edit]) -> None:
        reader.refuses(reader.spoil(seed, edits))

    spoil()


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, some in NASTY.items() for data in some])
def test_a_nasty_file_is_read_or_refused(name: str, data: bytes) -> None:
    """Files that nest, repeat or exaggerate are no more than that either."""
    READERS[name].refuses(data)


MODULES = {"check": full_module, "decode": full_module, "load": full_module, "link": small_component}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_cut_off_anywhere_is_refused(name: str) -> None:
    """At every length but the whole one, a module is refused or, between two sections, another module."""
    whole = MODULES[name]()
    step = {"load": 3, "link": 1}.get(name, 1)
    refused = [READERS[name].refuses(whole[:length]) for length in range(0, len(whole), step)]
    assert name == "check" or sum(refused) > len(refused) * 0.9
