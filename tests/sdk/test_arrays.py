"""Arrays: packets that are lists of elements."""

from typing import Any

import pytest

EMITS = """
    import gadget
    out = gadget.new_source("out", array=True)
    number = out.add_field("number", gadget.Uint32)
"""

TAKES = """
    import gadget
    source = gadget.source("in", array=True)
    number = source.field("number", gadget.Uint32)
    kept = []
"""


def numbers(*values: int) -> list[dict[str, bytes]]:
    """Raw elements with these numbers."""
    return [{"number": value.to_bytes(4, "little")} for value in values]


def test_emit_takes_any_iterable_of_rows(host: Any, run: Any) -> None:
    """A generator of values by field makes an array packet."""
    module = run(EMITS).module
    module.out.emit({module.number: n} for n in (3, 1, 2))
    module.out.emit([])
    assert host.output("out") == [numbers(3, 1, 2), []]


def test_an_appended_row_can_be_filled_until_the_next_one(host: Any, run: Any) -> None:
    """append() returns the row; the array's length counts it."""
    module = run(EMITS).module
    with module.out.array() as rows:
        row = rows.append()
        row[module.number] = 1
        rows.append({module.number: 2})
        assert row.over
        assert len(rows) == 2
    assert host.output("out") == [numbers(1, 2)]


def test_a_row_that_cannot_be_filled_is_not_in_the_array(host: Any, run: Any) -> None:
    """The error reaches the author, who may go on with the array."""
    module = run(EMITS).module
    before = len(host.handles)
    with module.out.array() as rows:
        rows.append({module.number: 1})
        with pytest.raises(OverflowError):
            rows.append({module.number: -1})
    assert (host.output("out"), len(host.handles)) == ([numbers(1)], before)


def test_an_array_is_released_when_its_block_raises(host: Any, run: Any) -> None:
    """Nothing is emitted, and neither the array's handle nor the row's is kept."""
    module = run(EMITS).module
    before = len(host.handles)
    rows = module.out.array()
    rows.append()
    with pytest.raises(ZeroDivisionError), rows:
        _ = 1 / 0
    assert (host.output("out"), len(host.handles)) == ([], before)


@pytest.mark.parametrize("finish", ["emit", "release"])
def test_an_array_is_over_when_it_was_emitted_or_released(host: Any, run: Any, finish: str) -> None:
    """It and the rows it gave out raise from then on."""
    module = run(EMITS).module
    rows = module.out.array()
    rows.append({module.number: 1})
    first = rows[0]
    getattr(rows, finish)()
    released = pytest.raises(module.gadget.ReleasedError, match="is over")
    for access in (
        lambda: len(rows),
        lambda: rows.append(),
        lambda: list(rows),
        lambda: first[module.number],
    ):
        with released:
            access()
    with rows:  # which has nothing left to emit
        pass
    assert len(host.output("out")) == (finish == "emit")


def test_a_callback_can_index_iterate_and_measure_an_array(host: Any, run: Any) -> None:
    """As a sequence of events, negative indexes included."""
    source = host.source("in", type=2, number=8)
    module = run(
        TAKES
        + """
    @source.on_array
    def take(rows):
        kept.append((len(rows), [row[number] for row in rows], rows[0][number], rows[-1][number]))
        try:
            rows[3]
        except IndexError as error:
            kept.append(str(error))
    """
    ).module
    host.emit(source, *numbers(5, 6, 7))
    assert module.kept == [(3, [5, 6, 7], 5, 7), "an array of 3 elements has none at 3"]


def test_rows_can_be_sorted_and_changed_in_place(host: Any, run: Any) -> None:
    """All rows of an array are alive at once."""
    source = host.source("in", type=2, number=8)
    run(
        TAKES
        + """
    @source.on_array
    def rank(rows):
        for rank, row in enumerate(sorted(rows, key=lambda row: -row[number])):
            row[number] = rank
    """
    )
    assert host.emit(source, *numbers(5, 7, 6)) == numbers(2, 0, 1)


@pytest.mark.parametrize("decorator", ["on_array", "on_packet"])
def test_a_callback_can_append(host: Any, run: Any, decorator: str) -> None:
    """The last appended row is in the array when the callback returns."""
    source = host.source("in", type=2, number=8)
    run(TAKES + f"    source.{decorator}(lambda rows: rows.append({{number: len(rows)}}))\n")
    array = host.get(host.handle(_array(host, source, 4, 5)), object)
    host._deliver(source, array)
    assert [host.row(source, element) for element in array.elements] == numbers(4, 5, 2)


def _array(host: Any, source: Any, *values: int) -> Any:
    return type(host).__init__.__globals__["ElementArray"](
        [host._element(source, row) for row in numbers(*values)]
    )


def test_a_callbacks_array_is_over_when_it_returned_or_raised(host: Any, run: Any) -> None:
    """With the row it had begun: nothing half-filled is appended."""
    source = host.source("in", type=2, number=8)
    module = run(
        TAKES
        + """
    @source.on_array
    def take(rows):
        kept.extend([rows, rows.append()])
        1 / 0
    """
    ).module
    array = _array(host, source, 1)
    before = len(host.handles)
    host._deliver(source, array)
    with pytest.raises(module.gadget.ReleasedError):
        len(module.kept[0])
    assert (module.kept[1].over, len(array.elements), len(host.handles)) == (True, 1, before)
    assert "ZeroDivisionError" in host.logs[0][1]


def test_an_array_can_grow_longer_than_it_can_be_read(host: Any, run: Any) -> None:
    """Elements beyond 32767 have no number to be read by, but rows are written before they are appended."""
    module = run(EMITS).module
    with module.out.array() as rows:
        for n in range(33000):
            rows.append({module.number: n})
        with pytest.raises(module.gadget.HostError, match="does not give element 32768"):
            rows[32768]
    assert host.output("out")[0][-1] == numbers(32999)[0]


def test_emitting_from_the_rows_of_another_array_copies(host: Any, run: Any) -> None:
    """Reading one array while writing another."""
    source = host.source("in", type=2, number=8)
    run(
        TAKES
        + """
    out = gadget.new_source("out", array=True)
    doubled = out.add_field("number", gadget.Uint32)
    source.on_array(lambda rows: out.emit({doubled: 2 * row[number]} for row in rows))
    """
    )
    host.emit(source, *numbers(1, 2))
    assert host.output("out") == [numbers(2, 4)]
