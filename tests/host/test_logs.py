"""The log: levels, records, bounds."""

import pytest

from gadget_abi import EmbedderError
from gadget_host._logs import LEVELS, LogRecord, Logs, level_number


@pytest.mark.parametrize("kept", range(-1, 5))
def test_levels_up_to_the_chosen_one_are_kept(kept: int) -> None:
    """A line is kept when its level is at most the log's; with none, none is."""
    logs = Logs(kept)
    for level in range(5):
        logs.add(level, "line")
    assert [record.level for record in logs.records] == list(range(kept + 1))


@pytest.mark.parametrize("level", [5, -1, 0xFFFFFFFF])
def test_a_level_that_does_not_exist_is_a_warning(level: int) -> None:
    """The line is kept as a warning that quotes it, as on the real host."""
    logs = Logs(2)
    logs.add(level, "line")
    assert logs.records[0] == LogRecord(1, f"unknown log level {level}: 'line'")


@pytest.mark.parametrize(("name", "number"), [*LEVELS.items(), ("none", -1), ("INFO", 2), (3, 3)])
def test_levels_have_names_and_numbers(name: str | int, number: int) -> None:
    """A level may be given by name, in any case, or by number."""
    assert level_number(name) == number


@pytest.mark.parametrize("level", ["loud", "", 5, -2])
def test_other_levels_are_refused(level: str | int) -> None:
    """The message lists the levels there are."""
    with pytest.raises(EmbedderError, match="the levels are error, warn, info, debug, trace and none"):
        level_number(level)


def test_records_reach_the_callback_in_order() -> None:
    """on_log sees each record that is kept, once."""
    seen: list[str] = []
    logs = Logs(2, lambda record: seen.append(str(record)))
    logs.add(2, "one")
    logs.add(3, "not kept")
    logs.add(0, "two", "host")
    assert seen == ["info: one", "error: two"]


def test_a_flood_is_cut_and_counted() -> None:
    """More lines at once than the bound are dropped, and the end of the log says how many."""
    logs = Logs(2)
    for n in range(50_000):
        logs.add(2, str(n))
    passed = logs.lines
    assert 10_000 <= passed < 40_000
    logs.finish()
    assert f"{50_000 - passed} log lines were dropped" in logs.records[-1].message
    assert len(logs.records) == 10_000


def test_a_quiet_log_says_nothing_at_its_end() -> None:
    """Without dropped lines there is no closing line."""
    logs = Logs(2)
    logs.add(2, "line")
    logs.finish()
    assert len(logs.records) == 1


def test_lines_that_come_slowly_are_all_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """At up to a thousand lines a second none is dropped, however many there are."""
    now = 0.0
    monkeypatch.setattr("gadget_host._logs.monotonic", lambda: now)
    logs = Logs(2)
    for n in range(100_000):
        now = n / 1000
        logs.add(2, "line")
    assert (logs.lines, logs.dropped) == (100_000, 0)


def test_a_long_line_is_cut() -> None:
    """A line keeps its first 65,536 characters and says how many are missing."""
    logs = Logs(2)
    logs.add(2, "x" * 70_000)
    assert logs.records[0].message == "x" * 65_536 + "... (4464 more characters)"
