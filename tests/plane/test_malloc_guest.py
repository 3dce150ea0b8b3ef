"""fieldGet of whole gadgets, with mallocs of every sort: none takes the host down, or the gadget without need."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import wasmtime

from gadget_abi import GuestError
from gadget_host import Gadget
from gadget_host._rawcall import Forward
from gadget_host.schema import FieldSchema, SourceSchema

BUMP = """
  (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
  (global.set $top (i32.add (global.get $top) (local.get $size)))
  (i32.sub (global.get $top) (local.get $size))"""

BUMP_FIRST = "(global.set $top (i32.add (global.get $top) (i32.const 8)))"
TAKE = "(i32.sub (global.get $top) (i32.const 8))"

MALLOCS = {
    "gives 0": ("(i32.const 0)", "malloc(5) returned 0"),
    "traps": ("(unreachable)", "malloc(5) trapped"),
    "divides by zero": ("(i32.div_u (local.get $size) (i32.const 0))", "malloc(5)"),
    "reads outside its memory": ("(i32.load (i32.const -8))", "malloc(5)"),
    "calls itself": ("(call $malloc (local.get $size))", "malloc(5)"),
    "gives the end of memory": ("(i32.const 0x20000)", "malloc(5) returned 0x20000"),
    "gives one byte too little": ("(i32.const 0x1fffc)", "malloc(5) returned 0x1fffc"),
    "gives garbage": ("(i32.const 0xdeadbeef)", "malloc(5) returned 0xdeadbeef"),
    "gives -1": ("(i32.const -1)", "malloc(5) returned 0xffffffff"),
    "asks for too much memory": ("(memory.grow (i32.const 60000))", "malloc(5) returned 0xffffffff"),
}
GOOD = {
    "counts up": BUMP,
    "gives the last bytes": "(i32.sub (i32.const 0x20000) (local.get $size))",
    "grows the memory": "(i32.shl (memory.grow (i32.const 1)) (i32.const 16))",
    "writes all over the memory": f"(memory.fill (i32.const 0x8000) (i32.const 35) (i32.const 0x8000)) {BUMP}",
    "emits the packet itself": f"(drop (call $emit (global.get $inner) (global.get $data))) {BUMP}",
    "changes the field": (
        "(drop (call $set (global.get $text) (global.get $data) (i32.const 12) (i64.const 0x300000010)))"
        + BUMP
    ),
    "asks for the same value": (
        "(drop (call $get (global.get $text) (global.get $data) (i32.const 12)))" + BUMP
    ),
    "emits": ("(drop (call $emit (global.get $inner) (call $packet (global.get $inner))))" + BUMP),
    "emits what is subscribed to": (
        "(drop (call $emit (global.get $source) (call $packet (global.get $source))))" + BUMP
    ),
}

_GONE = (
    "emits the packet itself",
    "v0.37.0",
)  # which drops the handle that the callback is about to write to


def guest(malloc: str) -> bytes:
    """A gadget that copies what fieldGet gives it of "text" to "got", and the packed pointer to "packed".

    Memory: at 16 the names "s", "text", "got", "packed", "inner"; strings that malloc gives from 4096 on.
    """
    return bytes(
        wasmtime.wat2wasm(f"""(module
      (import "env" "getDataSource" (func $find (param i64) (result i32)))
      (import "env" "dataSourceGetField" (func $field (param i32 i64) (result i32)))
      (import "env" "dataSourceSubscribe" (func $subscribe (param i32 i32 i32 i64) (result i32)))
      (import "env" "dataSourceNewPacketSingle" (func $packet (param i32) (result i32)))
      (import "env" "dataSourceEmitAndRelease" (func $emit (param i32 i32) (result i32)))
      (import "env" "fieldGet" (func $get (param i32 i32 i32) (result i64)))
      (import "env" "fieldSet" (func $set (param i32 i32 i32 i64) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 2)
      (data (i32.const 16) "stextgotpackedinner")
      (global $top (mut i32) (i32.const 4096))
      (global $source (mut i32) (i32.const 0)) (global $inner (mut i32) (i32.const 0))
      (global $text (mut i32) (i32.const 0)) (global $got (mut i32) (i32.const 0))
      (global $packed (mut i32) (i32.const 0)) (global $data (mut i32) (i32.const 0))
      (func $malloc (export "malloc") (param $size i32) (result i32) {malloc})
      (func (export "gadgetAPIVersion") (result i64) (i64.const 1))
      (func (export "gadgetInit") (result i32)
        (global.set $source (call $find (i64.const 0x100000010)))
        (global.set $inner (call $find (i64.const 0x50000001e)))
        (global.set $text (call $field (global.get $source) (i64.const 0x400000011)))
        (global.set $got (call $field (global.get $source) (i64.const 0x300000015)))
        (global.set $packed (call $field (global.get $source) (i64.const 0x600000018)))
        (call $subscribe (global.get $source) (i32.const 1) (i32.const 0) (i64.const 1)))
      (func (export "dataSourceCallback") (param $callback i64) (param $ds i32) (param $data i32)
        (local $value i64)
        (global.set $data (local.get $data))
        (local.set $value (call $get (global.get $text) (local.get $data) (i32.const 12)))
        (drop (call $set (global.get $got) (local.get $data) (i32.const 12) (local.get $value)))
        (drop (call $set (global.get $packed) (local.get $data) (i32.const 9) (local.get $value)))))""")
    )


@pytest.fixture(autouse=True, params=["forwarded", "by Python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How malloc is called: there are two ways, which nobody can tell apart."""
    if request.param == "by Python":
        monkeypatch.setattr(Forward, "new", lambda store: None)
    return str(request.param)


@contextmanager
def running(malloc: str, release: str = "v0.34.0", **settings: Any) -> Iterator[Gadget]:
    """The gadget, started."""
    fields = (FieldSchema("text", "String"), FieldSchema("got", "String"), FieldSchema("packed", "Uint64"))
    with Gadget.load(guest(malloc), release=release, **settings) as gadget:
        for name in ("s", "inner"):
            gadget.add_source(SourceSchema(name, "single", fields))
        gadget.start()
        yield gadget


def warnings(gadget: Gadget) -> list[str]:
    """What the host said about the gadget."""
    return [record.message for record in gadget.logs if record.origin == "host"]


@pytest.mark.parametrize(
    ("name", "release"),
    [(name, release) for name in GOOD for release in ("v0.34.0", "v0.37.0") if (name, release) != _GONE],
)
def test_a_value_arrives_whatever_malloc_does_besides(name: str, release: str) -> None:
    """The event goes on with the value that was read; so does the next."""
    with running(GOOD[name], release) as gadget:
        out = gadget.collect("s", priority=1)
        for text in ("hello", "", "hello, world"):
            gadget.sources["s"].emit({"text": text})
        got = [event["got"] for event in out.drain() if event["packed"] >> 32 or event["text"]]
        assert got[:1] == ["hello"]
        assert got[-1:] == ["hello, world"]
        assert gadget.stats.errors == 0


@pytest.mark.parametrize("name", list(MALLOCS))
def test_a_malloc_that_fails_makes_the_call_fail(name: str) -> None:
    """fieldGet gives 0, a warning names malloc and why, the callback goes on, and so does the gadget."""
    malloc, reason = MALLOCS[name]
    with running(malloc) as gadget:
        out = gadget.collect("s", priority=1)
        for _ in range(3):
            gadget.sources["s"].emit({"text": "hello"})
        assert out.drain() == [{"text": "hello", "got": "", "packed": 0}] * 3
        said = warnings(gadget)
        assert said
        assert all(line.startswith(f"fieldGet: {reason}") for line in said if "malloc" in line)
        assert any("malloc" in line for line in said)


def test_a_malloc_that_never_returns_ends_with_its_callback() -> None:
    """The deadline is that of the callback in which it was called, and the end of the gadget."""
    with (
        pytest.raises(GuestError, match=r"deadline of 0\.3 s"),
        running("(loop $l (br $l)) (i32.const 0)", deadline=0.3) as gadget,
    ):
        gadget.sources["s"].emit({"text": "hello"})


def test_a_malloc_that_exits_ends_the_gadget() -> None:
    """proc_exit is the end wherever it is called."""
    with (
        pytest.raises(GuestError, match=r"proc_exit\(3\)"),
        running("(call $exit (i32.const 3)) (i32.const 0)") as gadget,
    ):
        gadget.sources["s"].emit({"text": "hello"})


@pytest.mark.parametrize("calls", [1, 3], ids=["at first", "later"])
def test_the_end_says_that_it_was_in_malloc(calls: int) -> None:
    """Whichever call it is, the message is the same."""
    loop = f"(if (i32.gt_u (global.get $top) (i32.const {4096 + 8 * (calls - 1)})) (then (loop $l (br $l))))"
    with pytest.raises(GuestError) as error, running(BUMP_FIRST + loop + TAKE, deadline=0.3) as gadget:
        gadget.sources["s"].emit_batch([{"text": "hello"}] * 5)
    assert str(error.value) == (
        "gadget: dataSourceCallback: ran longer than its deadline of 0.3 s and was interrupted in malloc"
    )


def test_what_python_raises_inside_malloc_comes_out() -> None:
    """A subscriber that malloc's emission reaches is not malloc: its interrupt is nobody's but the embedder's."""

    def interrupt(packet: object) -> None:
        raise KeyboardInterrupt

    with running(GOOD["emits"]) as gadget:
        gadget.sources["inner"].subscribe(interrupt)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                gadget.sources["s"].emit({"text": "hello"})
        assert gadget.stats.errors == 0


@pytest.mark.parametrize("name", ["asks for the same value", "emits what is subscribed to"])
def test_mallocs_inside_one_another_are_bounded(name: str) -> None:
    """A malloc that leads to another malloc goes 16 deep; the innermost fails, those around it work."""
    with running(GOOD[name]) as gadget:
        out = gadget.collect("s", priority=1)
        gadget.sources["s"].emit({"text": "hello"})
        assert out.drain()[-1]["got"] == "hello"
        assert any("malloc" in line or "16 packets" in line for line in warnings(gadget))


@pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
def test_quirk_malloc_gives_null(strict: bool) -> None:
    """A malloc that gives 0 makes fieldGet fail; strict: the value is at address 0."""
    with running("(i32.const 0)", strict=strict) as gadget:
        out = gadget.collect("s", priority=1)
        gadget.sources["s"].emit({"text": "hello"})
        expected = ("hello", 5 << 32) if strict else ("", 0)
        assert [(event["got"], event["packed"]) for event in out.drain()] == [expected]
        assert bool(warnings(gadget)) != strict
