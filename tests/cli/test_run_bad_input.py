"""`gadget run` over streams with something wrong in them, and with gadgets that fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run, event, lines

KINDS = {
    "b": "Bool", "i8": "Int8", "i64": "Int64", "u32": "Uint32", "u8": "Uint8", "u64": "Uint64", "f32": "Float32",
    "f64": "Float64", "s": "String", "c": "CString", "raw": "Bytes", "p.x": "Uint16",
}  # fmt: skip
HEADER = {
    "gadget.schema": {
        "source": "open",
        "fields": [
            {"name": name, "kind": kind}
            for name, kind in {"pid": "Uint32", "fname": "String", **KINDS}.items()
        ],
    }
}

MISFITS: dict[str, tuple[Any, str]] = {
    "a list": ([], "expected an object, found a list"),
    "a number": (7, "expected an object, found 7"),
    "a text": ("x", "expected an object, found 'x'"),
    "null": (None, "expected an object, found null"),
    "no boolean": ({"b": 2}, "field 'b': expected Bool, found 2"),
    "boolean for a number": ({"i8": True}, "field 'i8': expected Int8, found true"),
    "below": ({"i8": -129}, "field 'i8': expected Int8, -128 to 127, found -129"),
    "above": ({"u8": 256}, "field 'u8': expected Uint8, 0 to 255, found 256"),
    "negative": ({"u64": -1}, "field 'u64': expected Uint64, 0 to 18446744073709551615, found -1"),
    "too large": ({"u32": 1 << 32}, "field 'u32': expected Uint32, 0 to 4294967295, found 4294967296"),
    "beyond 64 bits": ({"u64": 1 << 64}, "field 'u64': expected Uint64, found 1.8446744073709552e+19"),
    "fraction": ({"i64": 1.5}, "field 'i64': expected Int64, found 1.5"),
    "text for a number": ({"i64": "1"}, "field 'i64': expected Int64, found '1'"),
    "text for a float": ({"f64": "1"}, "field 'f64': expected Float64, found '1'"),
    "number for a text": ({"s": 1}, "field 's': expected String, found 1"),
    "object for a text": ({"c": {}}, "field 'c': expected CString, found an object"),
    "not hexadecimal": ({"raw": "xy"}, "field 'raw': expected Bytes, or hexadecimal digits, found 'xy'"),
    "odd hexadecimal": ({"raw": "abc"}, "field 'raw': expected Bytes, or hexadecimal digits, found 'abc'"),
    "value for a level": ({"p": 1}, "field 'p': expected an object, found 1"),
    "nested": ({"p": {"x": 65536}}, "field 'p.x': expected Uint16, 0 to 65535, found 65536"),
}


@pytest.mark.parametrize(("misfit", "message"), MISFITS.values(), ids=MISFITS)
def test_misfit(run: Run, tmp_path: Path, misfit: object, message: str) -> None:
    """An event that does not fit is reported with file, line, field, kind and value, and skipped."""
    (tmp_path / "s").write_text(
        "".join(json.dumps(item) + "\n" for item in (HEADER, {"pid": 1}, misfit, {"pid": 2}))
    )
    result = run("-i", "s", "-o", "json")
    assert f"gadget: s:3: {message}\n" in result.stderr
    assert "gadget: 1 bad line was skipped\n" in result.stderr
    assert [json.loads(line)["pid"] for line in result.stdout.splitlines()] == [1, 2]
    assert result.returncode == 0


def test_missing_and_unknown_fields(run: Run, tmp_path: Path) -> None:
    """A field that is missing or null is zero; one the schema does not have is dropped, and that is said."""
    (tmp_path / "s").write_text(
        "".join(
            json.dumps(item) + "\n" for item in (HEADER, {"pid": 1, "s": None, "secret": "x", "p": {"y": 1}})
        )
    )
    result = run("-i", "s", "-o", "json")
    assert json.loads(result.stdout) == {
        "b": False, "c": "", "copy": "", "f32": 0, "f64": 0, "fname": "", "i64": 0, "i8": 0, "p": {"x": 0},
        "pid": 1, "raw": "", "s": "", "seen": 1, "u32": 0, "u64": 0, "u8": 0,
    }  # fmt: skip
    for name in ("secret", "p.y"):
        message = f"gadget: field {name!r} is dropped: data source 'open' does not declare it\n"
        assert message in result.stderr


def test_many_misfits(run: Run) -> None:
    """Bad events among good ones cost no good one, and their number is told at the end."""
    text = lines(*(event(n if n % 3 else -1) for n in range(99, 3099)))
    result = run("-i", "-", "-o", "json", input=text)
    assert [json.loads(line)["pid"] for line in result.stdout.splitlines()] == [
        n for n in range(99, 3099) if n % 3
    ]
    assert result.stderr.count("expected Uint32") == 10
    assert "gadget: 1,000 bad lines were skipped\n" in result.stderr


@pytest.mark.parametrize("bad", ["oops", '{"pid": -1}'], ids=["not JSON", "misfit"])
def test_stop_at_bad_line(run: Run, bad: str) -> None:
    """With --on-error stop what came before the bad line is printed, gadgetStop runs, the exit code is 1."""
    text = lines(event(1), event(2)) + bad + "\n" + lines(event(3), schema=False)
    result = run(
        "-i", "-", "-o", "json", "--on-error", "stop", "--stats", "s.json", "-p", "every=9", input=text
    )
    assert [json.loads(line) for line in result.stdout.splitlines()][2:] == [[{"count": 2}]]
    assert "INFO gadget: stopped\n" in result.stderr
    assert "gadget: error: <stdin>:4: " in result.stderr
    assert result.returncode == 1


def test_trap(run: Run, tmp_path: Path) -> None:
    """A gadget that traps in a callback goes on with the next event; the run has failed nevertheless."""
    result = run("-i", "-", "-o", "json", "--stats", "s.json", input=lines(event(1), event(13), event(2)))
    assert [json.loads(line)["seen"] for line in result.stdout.splitlines()] == [1, 0, 2]
    assert "gadget: 1 call of the gadget failed; the last: guest.wasm: dataSourceCallback: " in result.stderr
    assert json.loads((tmp_path / "s.json").read_text())["errors"] == 1
    assert result.returncode == 1


def test_endless_loop(run: Run, tmp_path: Path) -> None:
    """A call beyond the deadline ends the run; what came before is printed, and the figures are written."""
    text = lines(event(1), event(14), event(2))
    result = run("-i", "-", "-o", "json", "--deadline", "0.3", "--stats", "s.json", input=text)
    assert json.loads(result.stdout.splitlines()[0])["seen"] == 1
    assert "gadget: error: guest.wasm: dataSourceCallback: " in result.stderr
    assert "Traceback" not in result.stderr
    assert json.loads((tmp_path / "s.json").read_text())["errors"] >= 1
    assert result.returncode == 1


def test_host_repeats_itself(run: Run) -> None:
    """What the host has to say about a gadget again and again is printed three times, then counted."""
    header = {"gadget.schema": {"source": "open", "fields": [{"name": "fname", "kind": "String"}]}}
    result = run(
        "-i", "-", "-o", "json", input=lines(header, *({"fname": "x"} for _ in range(50)), schema=False)
    )
    message = "fieldGetScalar: handle 0 is not a field\n"
    assert result.stderr.count(f"WARN host: {message}") == 3
    assert f"gadget: 47 more times: {message}" in result.stderr
