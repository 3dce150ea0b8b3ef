"""`gadget run` of gadgets of other releases, and of the real host's quirks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.host.puppet import doubler, imported, wat

FIELDS = [{"name": "pid", "kind": "Uint32"}, {"name": "Comm", "kind": "String"}]
SCHEMA = {"gadget.schema": {"source": "open", "type": "single", "fields": FIELDS}}
DOUBLED = '{"Comm":">cat","pid":42}\n'


@pytest.fixture
def opens(tmp_path: Path) -> Path:
    """A recording of one event."""
    path = tmp_path / "open.jsonl"
    path.write_text(f'{json.dumps(SCHEMA)}\n{{"pid": 21, "Comm": "cat"}}\n')
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A gadget of v0.30.0."""
    path = tmp_path / "old.wasm"
    path.write_bytes(doubler("v0.30.0"))
    return path


@pytest.mark.parametrize(
    ("release", "line"),
    [
        ("v0.30.0", "ig v0.37.0 (env-malloc, sig-1): no other family has env.fieldGet"),
        ("v0.38.0", "ig v0.38.1 (env-dst, sig-5): no other family has env.fieldGetBuffer"),
        ("v0.39.0", None),
    ],
)
def test_a_gadget_of_another_family_is_run_and_told(
    run: Run, tmp_path: Path, opens: Path, release: str, line: str | None
) -> None:
    """What a gadget is run as is said once, on standard error, unless it is what gadgets are today."""
    path = tmp_path / "g.wasm"
    path.write_bytes(doubler(release))
    result = run("-i", opens, "-o", "json", gadget=path)
    assert (result.returncode, result.stdout) == (0, DOUBLED)
    assert result.stderr == (f"gadget: g.wasm runs as on {line}\n" if line else "")


def test_a_release_that_is_asked_for(run: Run, opens: Path, old: Path) -> None:
    """--release and --abi are taken, and the figures name what it was run as."""
    stats = opens.with_name("stats.json")
    args = ("--release", "v0.34.0", "--abi", "env-malloc", "--stats", stats)
    result = run("-i", opens, "-o", "json", *args, gadget=old)
    assert result.stdout == DOUBLED
    assert result.stderr.splitlines()[0] == (
        "gadget: old.wasm runs as on ig v0.34.0 (env-malloc, sig-1): release v0.34.0 was asked for"
    )
    figures = json.loads(stats.read_text())
    assert (figures["abi"], figures["signature_set"], figures["errors"]) == ("env-malloc", "sig-1", 0)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--release", "v0.38.0"), "env.fieldGet: ig has it until v0.37.0"),
        (("--abi", "ig"), "its imports fit v0.30.0 to v0.37.0 (env-malloc)"),
        (("--release", "newest"), "there is no release 'newest'; known are v0.30.0 to v0.55.1"),
        (("--abi", "env"), "there is no link family 'env'; there are env-malloc, env-dst, ig"),
    ],
)
def test_what_does_not_fit_is_one_error(run: Run, old: Path, args: tuple[str, ...], text: str) -> None:
    """Nothing runs, and the message says what is in the way or what there is."""
    result = run(*args, gadget=old)
    assert (result.returncode, result.stdout) == (1, "")
    assert text in result.stderr
    assert "Traceback" not in result.stderr


def test_native_is_the_newest(run: Run, tmp_path: Path) -> None:
    """A program has no imports that a release could fit."""
    (tmp_path / "program.py").write_text("")
    result = run("--native", "--release", "v0.38.0", gadget=tmp_path / "program.py")
    assert result.returncode == 1
    assert result.stderr == (
        "gadget: error: program.py: runs natively as the newest release, none else can be asked for\n"
    )


# gadgetInit logs the value of the parameter "k", or "none".
SAYS = f"""{imported("v0.55.1", "getParamValue", "gadgetLog", "getDataSource")} (data (i32.const 8) "knoneopen")
(func (export "gadgetInit") (result i32)
  (if (call $getParamValue (i64.const 0x100000008) (i64.const 0x200000020))
    (then (call $gadgetLog (i32.const 2) (i64.const 0x400000009)))
    (else (call $gadgetLog (i32.const 2) (i64.const 0x200000020))))
  (i32.eqz (call $getDataSource (i64.const 0x40000000d))))"""


@pytest.fixture
def saying(tmp_path: Path) -> Path:
    """A gadget that says what it was given."""
    path = tmp_path / "says.wasm"
    path.write_bytes(wat(SAYS))
    return path


def test_quirk_init_runs_twice_careful(run: Run, opens: Path, saying: Path) -> None:
    """gadgetInit runs once, with the parameters."""
    result = run("-i", opens, "-p", "k=v1", gadget=saying)
    assert (result.returncode, result.stderr) == (0, "INFO gadget: v1\n")


def test_quirk_init_runs_twice_strict(run: Run, opens: Path, saying: Path) -> None:
    """gadgetInit runs in a gadget of its own first, with the sources and without parameters."""
    result = run("-i", opens, "-p", "k=v1", "--strict", gadget=saying)
    assert (result.returncode, result.stderr) == (0, "INFO gadget: none\nINFO gadget: v1\n")


def test_quirk_init_runs_twice_strict_and_fails(run: Run, saying: Path) -> None:
    """A gadgetInit that fails without parameters or sources fails the run."""
    result = run("--strict", gadget=saying)
    assert result.returncode == 1
    assert "gadgetInit: failed: it returned 1" in result.stderr
    assert result.stderr.count("INFO gadget:") == 1


def test_strict_is_for_odd_gadgets_only(run: Run, opens: Path) -> None:
    """A gadget that does nothing odd does the same with --strict."""
    path = opens.with_name("g.wasm")
    path.write_bytes(doubler("v0.55.1"))
    result = run("-i", opens, "-o", "json", "--strict", gadget=path)
    assert (result.returncode, result.stdout, result.stderr) == (0, DOUBLED, "")
