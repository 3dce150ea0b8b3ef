from __future__ import annotations

from typing import Any

import pytest

from gadget_host.streams.infer import infer

KINDS: dict[str, tuple[list[Any], str | None]] = {
    "a boolean": ([True], "Bool"),
    "an integer": ([0], "Int64"),
    "a negative integer": ([-(1 << 63)], "Int64"),
    "the largest Int64": ([(1 << 63) - 1], "Int64"),
    "one more": ([1 << 63], "Uint64"),
    "large after small": ([1, (1 << 64) - 1], "Uint64"),
    "small after large": ([(1 << 64) - 1, 1], "Uint64"),
    "a fraction": ([0.5], "Float64"),
    "a fraction after an integer": ([1, 0.5], "Float64"),
    "an integer after a fraction": ([0.5, 1 << 63], "Float64"),
    "a text": (["x"], "String"),
    "null, then a text": ([None, "x"], "String"),
    "a number, then a text": ([1, "x"], "Int64"),
    "a text, then a number": (["x", 1], "String"),
    "a boolean, then a number": ([True, 1], "Bool"),
    "always null": ([None, None], None),
    "a list": ([[1, 2]], None),
}


@pytest.mark.parametrize(("values", "kind"), KINDS.values(), ids=KINDS)
def test_kind_of_values(values: list[Any], kind: str | None) -> None:
    """Values have the kind that holds them; where they disagree, that of the first."""
    found = infer("s", [{"f": value} for value in values]).schema.get("f")
    assert (found and found.kind) == kind


def test_nested_and_missing_fields() -> None:
    """Levels become dots; fields stand in order of appearance; those of later events are found, too."""
    found = infer("s", [{"b": 1, "p": {"a": "x", "q": {}}}, {}, {"a": True, "p": {"q": {"z": 1.5}}}])
    assert [(field.name, field.kind) for field in found.schema] == [
        ("b", "Int64"),
        ("p.a", "String"),
        ("a", "Bool"),
        ("p.q.z", "Float64"),
    ]
    assert (found.schema.name, found.schema.type, found.left_out) == ("s", "single", {})


def test_array_source() -> None:
    """Lists are the events of an array source; the rows of all of them count."""
    found = infer("s", [[], [{"a": 1}, {"b": "x"}]])
    assert (found.schema.type, [field.name for field in found.schema]) == ("array", ["a", "b"])


@pytest.mark.parametrize("events", [[{"a": 1}, {"a": {"b": 2}}], [{"a": {"b": 2}}, {"a": 1}]])
def test_value_or_level(events: list[Any]) -> None:
    """A name that is a value in one event and a level in another stays what it was first."""
    fields = [field.name for field in infer("s", events).schema]
    assert fields == (["a"] if events[0]["a"] == 1 else ["a.b"])


def test_report() -> None:
    """The inference is told in one line: from how much, what was found, what was left out and why."""
    found = infer("s", [{"a": 1, "n": None, "l": [], "x.y": 1}, {"b": {"c": "t"}}, "no event"])
    assert str(found) == (
        "kinds inferred from 3 events: source 's' (single): a Int64, b.c String; n left out: always null; "
        "l left out: a list; x.y left out: a dot in a name stands for a level"
    )
    assert str(infer("s", [])) == "kinds inferred from 0 events: source 's' (single): no fields"
