"""The comparison with the real Inspektor Gadget: that it runs, and what it shows."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.upstream.bench.__main__ import NEWEST, main
from tests.upstream.bench.picture import draw
from tests.upstream.bench.rows import Report, Row
from tests.upstream.bench.table import body

MACHINE = dict.fromkeys(("machine", "Inspektor Gadget", "Go", "gadget-host", "Python"), "x")
SVG = "{http://www.w3.org/2000/svg}"


def report(*rows: Row) -> Report:
    """A report about some machine."""
    return Report(MACHINE, rows)


def row(ours: list[float], theirs: list[float], target: float | None = None) -> Row:
    """A comparison of speed."""
    return Row("speed", "WAT", "3 calls", "us", target, ours, theirs)


def test_a_ratio_is_of_medians() -> None:
    """One sample that is far off does not matter."""
    assert row([1, 2, 90], [8, 10, 900]).ratio == 5


def test_a_line_says_when_a_target_was_missed() -> None:
    """And only then."""
    _, missed, met = body([row([1], [4], 5), row([1], [6], 5)])
    assert missed.endswith("4.00x  at least 5x, missed")
    assert met.endswith("6.00x  at least 5x")


def test_a_report_is_read_as_it_was_written(tmp_path: Path) -> None:
    """With every sample."""
    written = report(row([1, 2], [3, 4], 5), Row("memory", "Go", "an instance", "MiB", None, [5], [6]))
    written.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == Report(MACHINE, list(written.rows), [])


def test_a_file_that_is_no_report_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words, with its name."""
    (tmp_path / "other.json").write_text('{"rows": []}')
    assert main(["--report", str(tmp_path / "other.json")]) == 1
    assert "other.json is not what --json writes" in capsys.readouterr().err


def test_a_word_that_names_nothing_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is built."""
    assert main(["--only", "wat,rust"]) == 1
    assert "nothing is called rust" in capsys.readouterr().err


def test_a_picture_has_the_medians_where_the_scale_puts_them() -> None:
    """Ten times as many microseconds are one tick further, whichever they are."""
    root = ET.fromstring(draw(report(row([1], [10]), row([10], [100]))))
    points = [circle for group in root.iter(f"{SVG}g") for circle in group.iter(f"{SVG}circle")]
    first_theirs, first_ours, second_theirs, second_ours = (float(point.attrib["cx"]) for point in points)
    assert first_theirs == second_ours
    assert first_theirs - first_ours == pytest.approx(second_theirs - second_ours, abs=0.2)
    assert first_theirs - first_ours > 100


@pytest.mark.parametrize("release", [NEWEST], indirect=True)
@pytest.mark.usefixtures("upstream")
def test_all_of_it_runs_with_the_guest_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both hosts do the same work with the same events, and every section has its rows."""
    found, drawn = tmp_path / "report.json", tmp_path / "report.svg"
    code = main(["--quick", "--only", "wat", "--json", str(found), "--picture", str(drawn)])
    assert code == 0, capsys.readouterr().err
    rows = Report.read(found).rows
    assert {row.section for row in rows} >= {"speed", "dicts", "start"}
    assert all(sample > 0 for row in rows if row.section != "memory" for sample in (*row.ours, *row.theirs))
    assert ET.parse(drawn).getroot().tag == f"{SVG}svg"
