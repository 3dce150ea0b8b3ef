"""The guest can end anywhere in the plane's code, by its deadline or its stack: what is there stays consistent."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from typing import Any

import pytest
import wasmtime

from gadget_host.plane.plane import ExhaustedError
from tests.plane.rig import KINDS, WORK, Rig

STRING = KINDS["String"]

# Appends an element with a text of 200 bytes to an array of its own, reads it back, emits the array.
WORK_ON_ARRAYS = f"""
  (local.set $a (call $dataSourceNewPacketArray (global.get $source)))
  (local.set $c (i32.const 5))
  (loop $again
    (local.set $b (call $dataArrayNew (local.get $a)))
    (drop (call $fieldSet (global.get $field) (local.get $b) (i32.const {STRING}) (i64.const {200 << 32})))
    (drop (call $fieldSet (global.get $field) (local.get $b) (i32.const {STRING}) (i64.const {400 << 32})))
    (drop (call $dataArrayAppend (local.get $a) (local.get $b)))
    (drop (call $fieldGetBuffer (global.get $field) (call $dataArrayGet (local.get $a) (i32.const 0))
      (i32.const {STRING}) (i64.const {1000 << 32 | 5000})))
    (local.set $c (i32.sub (local.get $c) (i32.const 1)))
    (br_if $again (local.get $c)))
  (drop (call $dataSourceEmitAndRelease (global.get $source) (local.get $a)))
"""


@pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
def test_interrupted_deliveries_lose_at_most_what_was_interrupted(strict: bool) -> None:
    """With the deadline striking at random in guest and plane, no event comes twice, out of order or changed."""
    rig = Rig(WORK_ON_ARRAYS, strict=strict, interrupted=True)
    source, _ = rig.source("in", "it:Uint32 text:String")
    other, handle = rig.source("out", "text:String", "array")
    rig.exports["source"].set_value(rig.store, handle)
    rig.exports["field"].set_value(rig.store, rig.field(other, "text"))
    rig.subscribe(source, callback=WORK)
    rig.subscribe(source, callback=WORK, priority=20000)
    out = rig.registry.collect(["in", "out"])
    events = [{"it": n, "text": "y" * (n % 50)} for n in range(1000)]
    delivered = 0
    with striking(rig):
        until = time.monotonic() + 1.5
        while time.monotonic() < until or not rig.hooks.traps:
            with suppress(ExhaustedError):  # struck in a small call of Python's own
                source.emit_batch(events)
            groups = out.drain_by_source()
            seen = [event for s, found in groups if s is source for event in found]
            assert all(event == events[event["it"]] for event in seen)
            assert all(a["it"] < b["it"] for a, b in pairwise(seen))
            arrays = [event for s, found in groups if s is other for event in found]
            assert {(len(event), row["text"]) for event in arrays for row in event} <= {(5, "\0" * 400)}
            delivered += len(seen)
    assert delivered > 1000


@contextmanager
def striking(rig: Rig) -> Iterator[None]:
    """In its body, what runs in wasm is interrupted some thousand times a second."""
    ended = threading.Event()

    def strike() -> None:
        while not ended.wait(0.0003):
            rig.store.engine.increment_epoch()

    thread = threading.Thread(target=strike)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def recursion(handle: int, array: int, text: int, padding: int) -> str:
    """A guest that recurses until the stack ends, using hot functions on its way; padding shifts where that is."""
    more = range(padding)
    return f"""(module
      (import "ig" "dataArrayNew" (func $new (param i32) (result i32)))
      (import "ig" "dataArrayAppend" (func $append (param i32 i32) (result i32)))
      (import "ig" "fieldSet" (func $set (param i32 i32 i32 i64) (result i32)))
      (import "ig" "dataSourceNewPacketArray" (func $packet (param i32) (result i32)))
      (import "ig" "dataSourceEmitAndRelease" (func $emit (param i32 i32) (result i32)))
      (func $deep (export "deep") (param $depth i64) {"(param i64)" * padding} (result i64)
        (local $data i32)
        (if (i64.eqz (i64.and (local.get $depth) (i64.const 15)))
          (then
            (local.set $data (call $new (i32.const {array})))
            (drop (call $set (i32.const {text}) (local.get $data) (i32.const {STRING}) (i64.const {100 << 32})))
            (drop (call $append (i32.const {array}) (local.get $data)))
            (drop (call $emit (i32.const {handle}) (call $packet (i32.const {handle}))))))
        (call $deep (i64.add (local.get $depth) (i64.const 1)) {"".join(f"(local.get {n + 1})" for n in more)})
        {"".join(f"(i64.add (local.get {n + 1}))" for n in more)}))"""


@pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
def test_a_guest_out_of_stack_leaves_the_plane_whole(strict: bool) -> None:
    """A guest recurses to exhaustion, calling hot functions at every depth; afterwards everything works."""
    rig = Rig(strict=strict)
    source, handle = rig.source("s", "text:String", "array")
    text, out = rig.field(source, "text"), rig.registry.collect("s")
    array = rig.dataSourceNewPacketArray(handle)
    for padding in range(12):
        wasm = wasmtime.wat2wasm(recursion(handle, array, text, padding))
        module = wasmtime.Module(rig.store.engine, bytes(wasm))
        imports = [rig.plane.imports[item.name or ""] for item in module.imports]
        deep: Any = wasmtime.Instance(rig.store, module, imports).exports(rig.store)["deep"]
        length = rig.dataArrayLen(array)
        with pytest.raises(wasmtime.Trap, match="stack"):
            deep(rig.store, *[0] * (padding + 1))
        assert rig.dataArrayLen(array) > length + 10
    elements = [rig.dataArrayGet(array, index) for index in range(rig.dataArrayLen(array))]
    assert {rig.read(text, element) for element in elements} <= {bytes(100), b""}
    out.drain()
    assert rig.dataSourceEmitAndRelease(handle, array) == 0
    ((*rows,),) = out.drain()
    assert len(rows) == len(elements)
