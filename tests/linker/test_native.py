"""The library between CPython and the host, which takes the place of componentize-py's runtime for every event."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gadget_host import Collector, Gadget, Source, SourceSchema
from gadget_host.schema import FieldSchema
from tests.linker.components import linker_of

EVENTS = SourceSchema(
    "events",
    "single",
    (FieldSchema("number", "Uint64"), FieldSchema("text", "String"), FieldSchema("raw", "Bytes")),
)


@pytest.fixture(scope="module")
def module(caches: Path) -> Callable[[str], bytes]:
    """native/program.py, linked for a release."""
    return linker_of(Path(__file__).parent / "native" / "program.py")


@pytest.fixture(params=["v0.34.0", "v0.38.0", "v0.55.1"])
def running(
    module: Callable[[str], bytes], request: pytest.FixtureRequest
) -> Iterator[tuple[Gadget, Source, Collector]]:
    """The gadget of a release of each link family, its source, and what comes out."""
    with Gadget.load(module(request.param)) as gadget:
        source = gadget.add_source(EVENTS)
        gadget.start()
        yield gadget, source, gadget.collect(["events", "copies"])
    assert not gadget.errors


def said(gadget: Gadget, word: str) -> list[str]:
    """The lines it logged that begin so, without the word."""
    lines = [record.message for record in gadget.logs if record.message.startswith(word)]
    return [line.removeprefix(word).strip() for line in lines]


def event(number: int, text: str, raw: bytes) -> dict[str, Any]:
    """An event of the source."""
    return {"number": number, "text": text, "raw": raw}


@pytest.mark.parametrize("text", ["", "abc", "x" * 1023, "y" * 1024, "z" * 70_000, "ä€😀", "\udcff\udc80"])
def test_values_go_both_ways_and_callbacks_inside_callbacks_work(
    running: tuple[Gadget, Source, Collector], text: str
) -> None:
    """Empty ones, those longer than the first buffer, and bytes that are no UTF-8."""
    _, source, out = running
    source.emit(event(1, text, b"\xff"))
    assert out.drain() == [{"copy": text[::-1].upper()}, event((1 << 64) - 2, text[::-1], b"\xff\0")]


def test_the_functions_are_the_librarys_and_raise_what_pythons_do(
    running: tuple[Gadget, Source, Collector],
) -> None:
    """A wrong type is a TypeError, a text that is none a UnicodeEncodeError, what the host refuses None or an error."""
    gadget, _, _ = running
    assert said(gadget, "kinds:") == ["{'builtin_function_or_method'}"]
    errors = [record.message for record in gadget.logs if record.message.endswith("Error")]
    assert errors == ["TypeError"] * 5 + ["UnicodeEncodeError"]
    (refused,) = said(gadget, "none:")
    assert refused.startswith("None None ")
    assert not refused.endswith(" 0")
    assert not said(gadget, "no error:")


def test_nothing_is_left_behind(running: tuple[Gadget, Source, Collector]) -> None:
    """After a thousand further events Python has as many blocks of memory as before, give or take a few."""
    gadget, source, _ = running
    for _ in range(3):
        source.emit_batch([event(1 << 40, f"a text {n}", b"raw" * 9) for n in range(1000)])
        source.emit(event(1, "blocks", b""))
    _, before, after = map(int, said(gadget, "blocks:"))
    assert abs(after - before) < 20
