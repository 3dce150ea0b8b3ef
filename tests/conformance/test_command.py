"""gadget conformance, as people call it."""

import json
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from gadget_abi import Abi
from gadget_abi.cli import main
from gadget_conformance.case import load_cases

HERE = Path(__file__).parent
CASES = str(HERE / "one_of_each.json")
GREETING = {"name": "old", "version": "1", "releases": ["v0.30.0"], "modes": ["careful"]}
OLD = shlex.join([sys.executable, "-c", f"print({json.dumps(json.dumps(GREETING))}); input()"])
BREAKING = f"{sys.executable} {HERE / 'breaking_adapter.py'} crash"


def conformance(*words: str) -> int:
    """Run the command; its exit code."""
    return main(["conformance", *words])


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """A file with a case that no host passes, and one that differs where it may."""
    log = {
        "script": {"gadgetInit": [{"call": "gadgetLog", "args": ["Info", "yes"]}]},
        "logs": [{"message": "no"}],
    }
    first = {"id": "first", "title": "A line that nobody logs.", "rule": "gadgetLog", **log}
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"cases": [first, {**first, "id": "second", "level": "optional"}]}), "utf-8")
    return path


def test_passing(capsys: pytest.CaptureFixture[str], abi: Abi) -> None:
    """Without an adapter this project's host is asked; the table has a line for each set, and nothing is on stderr."""
    assert conformance("--cases", CASES) == 0
    out, err = capsys.readouterr()
    assert out.startswith("gadget-host 0.1.0\n\nset    mode     pass\n")
    assert "\nsig-1  careful     2\n" in out
    assert "\nsig-8  careful     3\n" in out
    assert "3 cases in 20 runs: 20 passed; " in out
    assert err == ""
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--set", "sig-2"), "sig-2  careful     2"),
        (("--release", "v0.36.0", "--strict"), "sig-3  strict     2"),
    ],
)
def test_choosing(words: tuple[str, ...], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A set, a release and a mode can be chosen."""
    assert conformance("--cases", CASES, *words) == 0
    assert capsys.readouterr().out.splitlines()[3:5] == [line, ""]


def test_failing(failing: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed case exits with 1 and is shown with its rule, its finding and the calls."""
    assert conformance("--cases", str(failing), "--set", "sig-8") == 1
    out = capsys.readouterr().out
    assert "FAIL mine/first [sig-8 v0.55.1 careful]\n  A line that nobody logs.\n  rule gadgetLog\n" in out
    assert "DIFFERS mine/second" in out
    assert (
        "  log: expected {'message': 'no'}, found 2 'yes'\n    ==> gadgetLog(Info, 'yes')\n    <== 0\n" in out
    )
    assert "2 cases in 2 runs: 1 failed, 1 differ where they may; " in out


def test_expectations(failing: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failure that is known is none; a known failure that passes is one."""
    known = tmp_path / "known.toml"
    known.write_text('[[case]]\nid = "*"\noutcome = "xfail"\nreason = "we say yes"\n', "utf-8")
    assert conformance("--cases", str(failing), "--set", "sig-8", "--expectations", str(known)) == 0
    assert "2 failed as expected" in capsys.readouterr().out
    assert conformance("--cases", CASES, "--set", "sig-8", "--expectations", str(known)) == 1
    out = capsys.readouterr().out
    assert "XPASS one_of_each/everything" in out
    assert "expected to fail: we say yes\n" in out


def test_json(failing: Path, tmp_path: Path) -> None:
    """The JSON report has every run, the reason and transcript of failures, and the matrix."""
    report = tmp_path / "out.json"
    assert conformance("--cases", str(failing), "--release", "v0.55.1", "--json", str(report)) == 1
    data = json.loads(report.read_text("utf-8"))
    assert data["implementation"] == {"name": "gadget-host", "version": "0.1.0"}
    assert data["counts"] == {"fail": 1, "differs": 1}
    first = data["results"][0]
    assert (first["id"], first["status"], first["signature_set"]) == ("mine/first", "fail", "sig-8")
    assert first["findings"] == ["log: expected {'message': 'no'}, found 2 'yes'"]
    assert first["transcript"][1:] == ["<== 0"]
    assert data["matrix"]["sig-1"]["dataArrayLen"]["bad-pointer"] == "takes no pointer"


def test_junit(failing: Path, tmp_path: Path) -> None:
    """The JUnit report has a suite for each set and mode, failures, and what differs as skipped."""
    report = tmp_path / "out.xml"
    assert conformance("--cases", str(failing), "--set", "sig-7", "--junit", str(report)) == 1
    (suite,) = ElementTree.parse(report).getroot()
    assert {key: suite.get(key) for key in ("name", "tests", "failures", "errors", "skipped")} == {
        "name": "sig-7.careful",
        "tests": "2",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    assert [child.tag for case in suite for child in case] == ["failure", "skipped"]


def test_adapter_that_breaks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An adapter that dies is a failure of the case, an error in JUnit, and what it said last is shown."""
    report = tmp_path / "out.xml"
    words = ("--cases", CASES, "--set", "sig-8", "--only", "*/everything", "--junit", str(report))
    assert conformance("--adapter", BREAKING, *words) == 1
    assert "ADAPTER one_of_each/everything" in (out := capsys.readouterr().out)
    assert "start: the adapter exited with 3: out of luck" in out
    assert ElementTree.parse(report).getroot()[0].get("errors") == "1"


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """--list prints every case with its title, and --only chooses."""
    assert conformance("--list") == 0
    assert len(capsys.readouterr().out.splitlines()) == len(load_cases())
    assert conformance("--list", "--only", "fields/get-uint32") == 0
    assert (
        capsys.readouterr().out
        == "fields/get-uint32  A Uint32 field is read as its four bytes, zero-extended.\n"
    )


def test_matrix(capsys: pytest.CaptureFixture[str], abi: Abi) -> None:
    """--matrix prints a table for each set, and exits with 1 when there are gaps."""
    assert conformance("--matrix", "--cases", CASES) == 1
    tables = capsys.readouterr().out.split("\n\n")
    assert [table.split()[0] for table in tables[:8]] == [found.name for found in abi.signature_sets]
    assert any(line.startswith("gadgetLog ") and "!" in line for line in tables[0].splitlines())
    assert any("takes no pointer: " in table for table in tables[8:])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--only", "nothing/*"), "no case fits 'nothing/*'"),
        (("--set", "sig-9"), "there is no signature set 'sig-9'"),
        (("--release", "v1.0.0"), "there is no release 'v1.0.0'"),
        (("--cases", "/nonexistent.json"), "/nonexistent.json: "),
        (("--expectations", "/nonexistent.toml"), "/nonexistent.toml: "),
        (("--adapter", OLD, "--set", "sig-8"), "there is nothing to run: old behaves as v0.30.0"),
        (("--adapter", OLD, "--strict"), "old has no strict mode"),
        (("--adapter", "/nonexistent"), "/nonexistent cannot be started"),
        (("--adapter", f"{sys.executable} -c pass"), "hello: the adapter exited with 0"),
    ],
)
def test_what_cannot_be(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A request that cannot be met exits with 2, and one line says why."""
    assert conformance(*words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, failing: Path) -> None:
    """On a terminal there is colour, and a line that says how far it is."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert conformance("--cases", str(failing), "--set", "sig-8") == 1
    out, err = capsys.readouterr()
    assert "\x1b[31mFAIL\x1b[0m mine/first" in out
    assert "\r\x1b[K1/2 mine/first" in err
    assert err.endswith("\r\x1b[K")
