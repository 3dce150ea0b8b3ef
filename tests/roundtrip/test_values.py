"""Values survive host -> guest -> host unchanged, in every language, at the extremes of every kind."""

import math
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.roundtrip.conftest import Guest
from tests.roundtrip.contract import ZERO, number_of
from tests.roundtrip.world import Running

INTEGERS = {
    f"{sign}nt{bits}": (-(1 << bits - 1) if sign == "I" else 0, (1 << bits - (sign == "I")) - 1)
    for sign in ("I", "Ui")
    for bits in (8, 16, 32, 64)
}
FLOATS = [0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 5e-324, 1.7976931348623157e308]
FLOAT32 = [0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, 2.0**-149, 3.4028234663852886e38]
TEXTS = [
    "",
    "plain",
    "a\0b",
    "\0",
    "äöü€😀",
    "\udcff\udc80 not UTF-8",
    "x" * 255,
    "x" * 256,
    "x" * 257,
    "y" * (1 << 20),
]
BYTES = [b"", b"\0", b"\xff\xfe\0", bytes(range(256)), b"z" * (1 << 20)]

EXTREMES: dict[str, list[Any]] = {
    "Bool": [True, False],
    **{kind: [low, high, 0, 1] for kind, (low, high) in INTEGERS.items()},
    "Float32": FLOAT32,
    "Float64": FLOATS,
    "String": TEXTS,
    "CString": [text for text in TEXTS if "\0" not in text],  # it ends at the first NUL
    "Bytes": BYTES,
}


def comparable(value: Any) -> Any:
    """Floats by their bits, so that NaN equals itself and -0.0 is not 0.0."""
    return struct.pack("<d", value) if isinstance(value, float) else value


def same(expected: dict[str, Any], actual: dict[str, Any]) -> bool:
    """Whether two events agree in every field."""
    return {k: comparable(v) for k, v in expected.items()} == {k: comparable(v) for k, v in actual.items()}


def test_every_kind_survives_at_its_extremes(running: Running) -> None:
    """Each extreme value of each kind comes back as it went in."""
    changes = [(kind, value) for kind, values in EXTREMES.items() for value in values]
    events = [{**ZERO, kind: value} for kind, value in changes]
    found = running.through("in", events)
    assert len(found) == len(events)
    pairs = zip(changes, events, found, strict=True)
    differing = [(kind, value, f[kind]) for (kind, value), event, f in pairs if not same(event, f)]
    assert differing == []


def event_strategy() -> st.SearchStrategy[dict[str, Any]]:
    """Events with any value in every field."""
    text = st.text(max_size=300) | st.binary(max_size=50).map(lambda b: b.decode("utf-8", "surrogateescape"))
    text = text.filter(lambda s: not any(0xD800 <= ord(c) < 0xDC80 or 0xDCFF < ord(c) < 0xE000 for c in s))
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "Bool": st.booleans(),
        **{kind: st.integers(low, high) for kind, (low, high) in INTEGERS.items()},
        "Float32": st.floats(width=32, allow_nan=False),
        "Float64": st.floats(allow_nan=False),
        "String": text,
        "CString": text.filter(lambda s: "\0" not in s),
        "Bytes": st.binary(max_size=300),
    }
    return st.fixed_dictionaries(kinds)


@settings(max_examples=50, deadline=None)
@given(events=st.lists(event_strategy(), min_size=1, max_size=5))
def test_any_events_survive(running: Running, events: list[dict[str, Any]]) -> None:
    """Events of arbitrary values come back equal and in order."""
    found = running.through("in", events)
    assert len(found) == len(events)
    assert all(same(e, f) for e, f in zip(events, found, strict=True))


@settings(max_examples=30, deadline=None)
@given(arrays=st.lists(st.lists(event_strategy(), max_size=4), min_size=1, max_size=3))
def test_any_arrays_survive(running: Running, arrays: list[list[dict[str, Any]]]) -> None:
    """Arrays, the empty one included, come back with their elements in order."""
    found = running.through("rows", arrays)
    assert [len(array) for array in found] == [len(array) for array in arrays]
    pairs = [pair for a, f in zip(arrays, found, strict=True) for pair in zip(a, f, strict=True)]
    assert all(same(e, f) for e, f in pairs)


def test_nothing_goes_wrong_on_the_way(running: Running, guest: Guest) -> None:
    """No callback traps during the round trips, and neither handles (where a guest can give them back) nor memory are
    left behind."""
    before = len(running.gadget.logs)
    events = [{**ZERO, "String": "text"}] * (2200 if number_of(guest.signatures) >= 4 else 10)
    assert len(running.through("in", events)) == len(events)
    pages = running.gadget.stats.guest_pages
    assert len(running.through("in", events)) == len(events)  # there are 4096 handles
    assert running.gadget.stats.guest_pages == pages
    messages = [record.message for record in running.gadget.logs[before:]]
    # The guests in compiled languages offer buffers one byte short on purpose; the SDK starts small and grows.
    assert [message for message in messages if "the buffer is too small" not in message] == []
    assert running.gadget.stats.errors == 0
