"""Host functions made from the table."""

from typing import Any

import pytest
import wasmtime

import gadget_abi
from gadget_host import Gadget
from gadget_host._lift import cold_call
from gadget_host.calls import log
from gadget_host.plane.layout import HOT

ABI = gadget_abi.load()
EXTRA = """
[[function]]
name = "gadgetSing"
group = "{group}"
source = "nowhere"
doc = "Sing."
[[function.form]]
since = "v0.43.0"
commit = "000000000"
params = ["song: string"]
result = "status"
error = 1
"""

LOGGING = wasmtime.wat2wasm(
    """(module
      (import "ig" "gadgetLog" (func $log (param i32 i64)))
      (memory (export "memory") 1)
      (func (export "gadgetAPIVersion") (result i64) i64.const 1)
      (func (export "gadgetStart") (result i32) (call $log (i32.const 2) (i64.const 0)) i32.const 0))"""
)


NEWEST = gadget_abi.Profile(ABI, ABI.newest)


@pytest.mark.parametrize("name", [name for name in ABI.current if name not in HOT])
def test_every_function_of_the_table_is_written_somewhere(name: str) -> None:
    """What the data plane does not have, Python has."""
    form, call = cold_call(NEWEST, name)
    assert (form.function, call.__name__) == (name, ABI.functions[name].snake)


@pytest.mark.parametrize("name", HOT)
def test_no_function_of_the_table_is_written_twice(name: str) -> None:
    """What the data plane has, Python has not."""
    with pytest.raises(LookupError):
        cold_call(NEWEST, name)


@pytest.mark.parametrize("group", ["log", "songs"])
def test_a_function_that_is_written_nowhere_fails_loudly(group: str) -> None:
    """A function added to the table and nothing else is reported with the place where it is missing."""
    table = gadget_abi.parse_table(ABI.source_text + EXTRA.format(group=group), name=ABI.name)
    with pytest.raises(LookupError, match=f"gadgetSing is in the ABI table .* gadget_host.calls.{group}"):
        cold_call(gadget_abi.Profile(table, table.newest), "gadgetSing")


@pytest.mark.parametrize("error", [ZeroDivisionError("ours"), KeyboardInterrupt(), TypeError("ours")])
def test_a_bug_in_a_host_function_is_no_fault_of_the_guest(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen exception comes out as itself, with a note that names the host function."""

    def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr(log, "gadget_log", broken)
    with Gadget.load(bytes(LOGGING)) as gadget:
        with pytest.raises(type(error)) as caught:
            gadget.start()
        assert caught.value is error
        assert gadget.errors == ()
    notes = getattr(error, "__notes__", [])
    assert any("host function gadgetLog" in note for note in notes) == isinstance(error, Exception)


ASKING = wasmtime.wat2wasm(
    """(module
      (import "ig" "getParamValue" (func $param (param i64 i64) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "limit")
      (func (export "gadgetAPIVersion") (result i64) i64.const 1)
      (func (export "gadgetStart") (result i32)
        (drop (call $param (i64.const 0x500000008) (i64.const 0x1000000100)))
        (drop (call $param (i64.const 0x500000008) (i64.const 0xffff00000100)))
        i32.const 0))"""
)


def test_what_is_not_there_is_no_mistake() -> None:
    """A parameter that the run does not have is told at level debug; a bad pointer is a warning."""
    with Gadget.load(bytes(ASKING), log_level="debug") as gadget:
        gadget.start()
        assert [(r.level_name, r.message.partition(":")[0]) for r in gadget.logs] == [
            ("debug", "getParamValue"),
            ("warn", "getParamValue"),
        ]
