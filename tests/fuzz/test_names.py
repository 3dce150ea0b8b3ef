"""A guest may call its sources and fields anything: every form of output shows them."""

import io

import pytest
import wasmtime

from gadget_host import Gadget
from gadget_host.streams import BadLines, Output
from gadget_host.streams.run import StreamRun

NAMES = {
    "NUL": b"\0a\0",
    "no UTF-8": b"\xff\xfe",
    "empty": b"",
    "a dot": b".",
    "many levels": b"a." * 3000 + b"b",
    "long": b"x" * 200_000,
    "the key of schema lines": b"gadget.schema",
}


def guest(name: bytes) -> bytes:
    """A gadget that makes a source and a field of that name, and emits an event on it."""
    text, packed = "".join(f"\\{byte:02x}" for byte in name), len(name) << 32 | 16 if name else 0
    return bytes(
        wasmtime.wat2wasm(
            f"""(module
              (import "ig" "newDataSource" (func $source (param i64 i32) (result i32)))
              (import "ig" "dataSourceAddField" (func $field (param i32 i64 i32) (result i32)))
              (import "ig" "dataSourceNewPacketSingle" (func $packet (param i32) (result i32)))
              (import "ig" "dataSourceEmitAndRelease" (func $emit (param i32 i32) (result i32)))
              (memory (export "memory") 10)
              (data (i32.const 16) "{text}")
              (global $s (mut i32) (i32.const 0))
              (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
              (func (export "gadgetInit") (result i32)
                (global.set $s (call $source (i64.const {packed}) (i32.const 1)))
                (i32.eqz (call $field (global.get $s) (i64.const {packed}) (i32.const 8))))
              (func (export "gadgetStart") (result i32)
                (call $emit (global.get $s) (call $packet (global.get $s)))))"""
        )
    )


@pytest.mark.parametrize("mode", ["json", "jsonpretty", "yaml", "columns"])
@pytest.mark.parametrize("name", NAMES)
def test_an_odd_name_is_shown(name: str, mode: str) -> None:
    """The event comes out as UTF-8, whatever bytes its source and its field are called."""
    out = io.BytesIO()
    with Gadget.load(guest(NAMES[name]), name="odd") as gadget:
        run = StreamRun(gadget, Output(out, mode), BadLines(lambda message: None), lambda message: None)
        run.start([])
        run.finish()
    assert "0" in out.getvalue().decode() or mode == "columns"
