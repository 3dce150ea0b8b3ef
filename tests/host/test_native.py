"""A gadget's Python source, run in this process over the same host functions as its wasm."""

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import gadget_abi
from gadget_abi import EmbedderError
from gadget_abi.canonical import canonical_functions
from gadget_abi.wasm import read_module
from gadget_host import FieldSchema, Gadget, SourceSchema, native
from gadget_host.native._stub import MODULE, stub

OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"), FieldSchema("comm", "String")))
PROGRAM = """
    import gadget

    opens = gadget.source("open")
    pid = opens.field("pid", gadget.Uint32)
    comm = opens.field("comm", str)
    loud = opens.add_field("loud", str)
    seen = []

    @opens.on_event
    def shout(event):
        seen.append(event[pid])
        event[loud] = event[comm].upper() + "!" * len(seen)
        print("to the terminal")
        if event[pid] == 13:
            raise ValueError("unlucky")
"""


def write(directory: Path, program: str = PROGRAM, **modules: str) -> Path:
    """A gadget directory."""
    directory.mkdir(exist_ok=True)
    for name, text in {"program": program, **modules}.items():
        (directory / f"{name}.py").write_text(textwrap.dedent(text))
    return directory


def ready(directory: Path, **settings: Any) -> Gadget:
    """A native gadget that has started."""
    gadget = native.load(directory, **settings)
    gadget.add_source(OPEN)
    gadget.start()
    return gadget


def test_a_program_runs_without_being_built(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Events go through the program's callbacks; what it prints goes to stderr, as stdout is for events."""
    with ready(write(tmp_path / "g")) as gadget:
        out = gadget.collect("open")
        gadget.sources["open"].emit_batch([{"pid": 1, "comm": "sh"}, {"pid": 2, "comm": "é"}])
        assert [event["loud"] for event in out.drain()] == ["SH!", "É!!"]
    assert gadget.errors == ()
    assert capfd.readouterr() == ("", "to the terminal\n" * 2)


def test_an_exception_is_logged_as_in_wasm(tmp_path: Path) -> None:
    """An exception in a callback is logged with its traceback, and the event goes on."""
    with ready(write(tmp_path / "g")) as gadget:
        out = gadget.collect("open")
        gadget.sources["open"].emit({"pid": 13, "comm": "sh"})
        assert len(out.drain()) == 1
        text = "\n".join(record.message for record in gadget.logs)
    assert "ValueError: unlucky" in text
    assert "program.py" in text


def test_two_programs_do_not_share_state(tmp_path: Path) -> None:
    """Each has its own SDK, its own module state and its own helpers, also when both run at once."""
    helper = """
        import gadget, helper
        opens = gadget.source("open")
        who = opens.add_field("who", str)
        @opens.on_event
        def name(event):
            event[who] = helper.NAME
    """
    one = ready(write(tmp_path / "one", helper, helper="NAME = 'one'"))
    two = ready(write(tmp_path / "two", helper, helper="NAME = 'two'"))
    with one, two:
        for gadget, expected in ((one, "one"), (two, "two"), (one, "one")):
            out = gadget.collect("open")
            gadget.sources["open"].emit({"pid": 1, "comm": ""})
            assert out.drain()[0]["who"] == expected


def test_modules_are_as_before(tmp_path: Path) -> None:
    """A native gadget leaves no module and no path behind."""
    modules, path = set(sys.modules), list(sys.path)
    with ready(write(tmp_path / "g")) as gadget:
        gadget.sources["open"].emit({"pid": 1, "comm": ""})
        left = {
            name for name in set(sys.modules) - modules if name.partition(".")[0] in ("gadget", "program")
        }
    assert left == set()
    assert "wit_world" not in sys.modules
    assert sys.path == path


def test_parameters_and_logs_take_the_same_way(tmp_path: Path) -> None:
    """Parameters are read and lines logged through the host functions."""
    program = """
        import gadget
        limit = gadget.param("limit", type=int)
        @gadget.on_start
        def say():
            gadget.log.info(f"limit {limit.value}")
    """
    with native.load(write(tmp_path / "g", program), params={"limit": "7"}) as gadget:
        gadget.start()
        assert [record.message for record in gadget.logs] == ["limit 7"]


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """The message names the file."""
    with pytest.raises(EmbedderError, match=r"program\.py: no such file"):
        native.load(tmp_path)


def test_an_exception_at_import_is_the_programs_own(tmp_path: Path) -> None:
    """What the module raises comes out as it is, for a debugger to catch."""
    with pytest.raises(ZeroDivisionError):
        native.load(write(tmp_path / "g", "1 / 0"))
    assert "wit_world" not in sys.modules


def test_the_stub_has_every_function() -> None:
    """The stub passes on every host function and every hook, derived from the table."""
    abi = gadget_abi.load()
    module = read_module(stub(abi))
    names = {export.name for export in module.exports}
    assert names >= set(abi.current) | {export.name for export in abi.exports.values() if export.hook}
    assert {item.module for item in module.imports} == {"ig", MODULE}


def test_every_canonical_function_is_there(tmp_path: Path) -> None:
    """wit_world has each function of the WIT world, by its Python name."""
    program = """
        import gadget
        @gadget.on_start
        def look():
            import wit_world
            gadget.log.info(" ".join(dir(wit_world)))
    """
    with native.load(write(tmp_path / "g", program)) as gadget:
        gadget.start()
        names = set(gadget.logs[-1].message.split())
    assert names >= {canonical.snake for canonical in canonical_functions(gadget_abi.load())}
