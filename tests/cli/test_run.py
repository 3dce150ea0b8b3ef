"""`gadget run` over files: what it prints, and when it says what."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.conftest import COMMAND, SCHEMA, Run, event, lines


def printed(result: subprocess.CompletedProcess[str]) -> list[Any]:
    """The events a run printed with -o json; the run must have gone well."""
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json(run: Run, stream: Path) -> None:
    """Events come out as `ig run -o json` prints them, with what the gadget added."""
    result = run("-i", stream, "-o", "json")
    assert result.stdout == (
        '{"copy":"/etc/passwd","fname":"/etc/passwd","pid":1,"proc":{"comm":"cat"},"seen":1}\n'
        '{"copy":"/x","fname":"/x","pid":2,"proc":{"comm":"cat"},"seen":2}\n'
        '{"copy":"/etc/passwd","fname":"/etc/passwd","pid":3,"proc":{"comm":"cat"},"seen":3}\n'
    )
    assert result.stderr == "INFO gadget: ready\nINFO gadget: stopped\n"
    assert result.returncode == 0


def test_columns(run: Run, stream: Path) -> None:
    """A table is what is printed when nothing else is asked for."""
    assert run("-i", stream).stdout.splitlines()[:2] == [
        "    PID FNAME            PROC.COMM           SEEN COPY",
        "      1 /etc/passwd      cat                    1 /etc/passwd",
    ]


def test_yaml_and_pretty_json(run: Run, stream: Path) -> None:
    """The other formats hold the same events."""
    events = printed(run("-i", stream, "-o", "json"))
    assert list(yaml.safe_load_all(run("-i", stream, "-o", "yaml").stdout)) == events
    pretty = run("-i", stream, "-o", "jsonpretty").stdout
    assert pretty == "".join(json.dumps(item, indent=2, sort_keys=True) + "\n" for item in events)


def test_order_of_emission(run: Run, stream: Path) -> None:
    """What a gadget emits stands where it was emitted: before the event in whose callback that was."""
    result = run("-i", stream, "-p", "every=2", "-o", "json")
    assert [item.get("pid") if isinstance(item, dict) else item for item in printed(result)] == [
        1,
        [{"count": 2}],
        2,
        3,
        [{"count": 3}],
    ]


def test_several_tables(run: Run, stream: Path) -> None:
    """With several sources, each table says whose it is, and headings come again after another's rows."""
    text = run("-i", stream, "-p", "every=2").stdout
    assert [line.split()[0] for line in text.splitlines() if line] == [
        "open:", "PID", "1", "totals:", "COUNT", "2", "open:", "PID", "2", "3", "totals:", "COUNT", "3",
    ]  # fmt: skip


def test_show(run: Run, stream: Path) -> None:
    """--show prints one source only, and does not name it then."""
    assert (
        run("-i", stream, "-p", "every=2", "--show", "totals").stdout
        == "  COUNT\n      2\n\n  COUNT\n      3\n"
    )
    assert len(printed(run("-i", stream, "-p", "every=2", "--show", "open", "-o", "json"))) == 3


def test_show_unknown(run: Run, stream: Path) -> None:
    """A source that is not there cannot be shown; those that are get named."""
    result = run("-i", stream, "-p", "every=2", "--show", "opne")
    assert "no data source 'opne' to show; the data sources are: open, totals\n" in result.stderr
    assert (result.returncode, result.stdout) == (1, "")


def test_unreferenced_source(run: Run, stream: Path) -> None:
    """A source that the gadget unreferences is not printed."""
    assert printed(run("-i", stream, "-p", "quiet=1", "-p", "every=3", "-o", "json")) == [[{"count": 3}]] * 2


def test_inputs_in_turn(run: Run, tmp_path: Path, stream: Path) -> None:
    """Inputs are read one after another; a gzip file and a stream without schema line may be among them."""
    (tmp_path / "a.gz").write_bytes(gzip.compress(lines(event(10)).encode()))
    (tmp_path / "b").write_text(lines(event(20), schema=False))
    events = printed(run("-i", "a.gz", "-i", stream, "-i", "open=b", "-o", "json"))
    assert [item["pid"] for item in events] == [10, 1, 2, 3, 20]


def test_standard_input(run: Run) -> None:
    """A stream may come from standard input."""
    assert len(printed(run("-i", "-", "-o", "json", input=lines(event(1), event(2))))) == 2


def test_inferred_kinds(run: Run) -> None:
    """Without a schema kinds are inferred, and that is said."""
    result = run("-i", "open=-", "-o", "json", input=lines(event(1), schema=False))
    assert (
        "gadget: <stdin>: kinds inferred from 1 event: source 'open' (single): "
        "pid Int64, fname String, proc.comm String\n"
    ) in result.stderr


def test_schema_file(run: Run, tmp_path: Path, stream: Path) -> None:
    """--schema gives the kinds of a stream without schema line, and its name when it describes one source."""
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    result = run("-i", "-", "--schema", "schema.json", "-o", "json", input=lines(event(1), schema=False))
    assert printed(result)[0]["seen"] == 1
    assert "inferred" not in result.stderr


def test_stats(run: Run, tmp_path: Path, stream: Path) -> None:
    """--stats writes the figures of the run, and they are right."""
    with stream.open("a") as file:
        file.write("bad\n")
    result = run("-i", stream, "-p", "every=2", "--stats", "stats.json", "-o", "json")
    stats = json.loads((tmp_path / "stats.json").read_text())
    seconds = {key: stats.pop(key) for key in ("seconds_total", "seconds_guest")}
    assert stats == {
        "events_in": 3,
        "events_out": 5,
        "guest_calls": 6,  # gadgetAPIVersion, gadgetInit, three callbacks, gadgetStop
        "host_calls": stats["host_calls"],
        "guest_pages": 2,
        "log_lines": 2,
        "errors": 1,
        "abi": "ig",
        "signature_set": stats["signature_set"],
    }
    assert 0 < seconds["seconds_guest"] < seconds["seconds_total"] < 60
    assert "3 events in, 5 out, " in result.stderr
    assert "guest memory 0.1 MiB (2 pages)" in result.stderr


def test_no_input(run: Run) -> None:
    """A gadget may run without input, if it can."""
    result = run()
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "gadget: error: guest.wasm: gadgetInit: failed: it returned 1; "
        "the gadget asked for data source 'open'; the inputs have none"
    )


def test_wrong_source_name(run: Run, stream: Path) -> None:
    """When the gadget does not find its source, the names on both sides are said."""
    result = run("-i", f"opne={stream}")
    assert result.stderr.endswith("; the gadget asked for data source 'open'; the inputs have 'opne'\n")
    assert result.returncode == 1


def test_gadget_yaml(run: Run, guest: Path, tmp_path: Path, stream: Path) -> None:
    """A directory is a gadget: defaults, allowed values and layout come from its gadget.yaml."""
    directory = tmp_path / "counter"
    directory.mkdir()
    (directory / "counter.wasm").write_bytes(guest.read_bytes())
    (directory / "other.wasm").write_bytes(b"")
    (directory / "gadget.yaml").write_text(
        "params: {wasm: {every: {defaultValue: 3, type: uint32}}}\n"
        "datasources: {open: {fields: {fname: {annotations: {columns.hidden: true}}}}, "
        "totals: {annotations: {cli.default-output-mode: json}}}\n"
    )
    result = run("-i", stream, gadget=directory)
    assert [line.split() for line in result.stdout.splitlines()[:3]] == [
        ["open:"],
        ["PID", "PROC.COMM", "SEEN", "COPY"],
        ["1", "cat", "1", "/etc/passwd"],
    ]
    assert '[{"count":3}]' in result.stdout
    assert "is not of type uint32" in run("-p", "every=x", gadget=directory).stderr
    unknown = run("-p", "evry=1", gadget="counter")
    assert unknown.stderr == (
        "gadget: error: unknown parameter 'evry'; the gadget's parameters are: every (counter/gadget.yaml)\n"
    )
    assert unknown.returncode == 1


TARGETS: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({}, "no gadget at x: neither a .wasm file nor an image tar nor a gadget directory"),
    "empty directory": ({"x/README": b""}, "x: no .wasm and no program.py to build one from"),
    "two modules": (
        {"x/a.wasm": b"", "x/b.wasm": b""},
        "x: which one? There are a.wasm, b.wasm; name the file",
    ),
    "not wasm": ({"x": b"#!/bin/sh"}, "x: not a readable wasm module"),
    "empty": ({"x": b""}, "x: the file is empty"),
    "bad gadget.yaml": (
        {"x/x.wasm": b"", "x/gadget.yaml": b"params: 1"},
        "x/gadget.yaml: params: expected a mapping",
    ),
}


@pytest.mark.parametrize(("files", "message"), TARGETS.values(), ids=TARGETS)
def test_no_such_gadget(run: Run, tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    """What is no gadget is refused in one line that says why."""
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    result = run(gadget="x")
    assert result.stderr.startswith(f"gadget: error: {message}")
    assert result.stderr.count("\n") == 1
    assert result.returncode == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-i", "absent"], "cannot read absent: No such file or directory"),
        (["-i", "."], "cannot read .: it is a directory"),
        (["-i", "-", "-i", "a=-"], "two inputs are -, but standard input can be read only once"),
        (["--schema", "absent"], "cannot read absent: No such file or directory"),
        (["--stats", "no/where.json"], "cannot write no/where.json: No such file or directory"),
    ],
)
def test_impossible_request(run: Run, args: list[str], message: str) -> None:
    """What cannot be done is refused before anything runs."""
    result = run(*args)
    assert (result.stderr, result.stdout, result.returncode) == (f"gadget: error: {message}\n", "", 1)


def test_closed_standard_input(run: Run, guest: Path) -> None:
    """A standard input that is closed cannot be read, and that is said."""
    command = " ".join([*COMMAND, str(guest), "-i", "-", "<&-"])
    result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert (result.stderr, result.returncode) == (
        "gadget: error: cannot read <stdin>: it is closed\n",
        1,
    )


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["-i", "=x"], "'=x' is not [SOURCE=]FILE"),
        (["-i", "x="], "'x=' is not [SOURCE=]FILE"),
        (["-p", "x"], "'x' is not KEY=VALUE"),
        (["--deadline", "0"], "'0' is not a number of seconds above 0, nor `none`"),
        (["--deadline", "soon"], "'soon' is not a number of seconds above 0, nor `none`"),
        (["-o", "xml"], "invalid choice: 'xml'"),
        (["--on-error", "pray"], "invalid choice: 'pray'"),
    ],
)
def test_wrong_usage(run: Run, args: list[str], message: str) -> None:
    """Wrong usage is said as such, with exit code 2."""
    result = run(*args)
    assert message in result.stderr
    assert result.returncode == 2
