"""What the host returns in memory of the guest's malloc, until v0.37: whatever malloc does is survived."""

from typing import Any

import pytest
from wasmtime import wat2wasm

from gadget_abi import EmbedderError, GuestError
from gadget_host import Gadget, MapRegistry, PerfEvents

# gadgetStart asks for three results and keeps them: the parameter "k" at 0x40, the name of syscall 0 at 0x48, and what
# perfReaderRead returned and wrote at 0x50 and 0x58. malloc takes from 0x1000 on unless a test has another.
GUEST = """
(module
  (import "env" "getParamValue" (func $param (param i64) (result i64)))
  (import "env" "getSyscallName" (func $syscall (param i32) (result i64)))
  (import "env" "getMap" (func $map (param i64) (result i32)))
  (import "env" "newPerfReader" (func $reader (param i32 i32 i32) (result i32)))
  (import "env" "perfReaderPause" (func $pause (param i32) (result i32)))
  (import "env" "perfReaderRead" (func $read (param i32 i32) (result i32)))
  (import "env" "gadgetLog" (func $log (param i32 i64)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "k" "events" "done")
  (global $next (mut i32) (i32.const 0x1000))
  (func (export "gadgetAPIVersion") (result i64) i64.const 1)
  (func $malloc (export "malloc") (param $size i32) (result i32) %(malloc)s)
  (func $bump (param $size i32) (result i32)
    (global.get $next) (global.set $next (i32.add (global.get $next) (local.get $size))))
  (func (export "gadgetInit") (result i32)
    (local $perf i32)
    (local.set $perf (call $reader (call $map (i64.const 0x600000009)) (i32.const 4096) (i32.const 1)))
    (i32.store (i32.const 0x60) (local.get $perf)) i32.const 0)
  (func (export "gadgetStart") (result i32)
    (i64.store (i32.const 0x40) (call $param (i64.const 0x100000008)))
    (i64.store (i32.const 0x48) (call $syscall (i32.const 0)))
    (drop (call $pause (i32.load (i32.const 0x60))))
    (i32.store (i32.const 0x50) (call $read (i32.load (i32.const 0x60)) (i32.const %(told)s)))
    (call $log (i32.const 2) (i64.const 0x40000000f))
    i32.const 0)
)
"""
BUMP = "(call $bump (local.get $size))"
RECORD = b"twelve bytes"  # and no padding


class Run:
    """A gadget that has started, and what it got."""

    def __init__(
        self, malloc: str = BUMP, told: str = "0x58", *, value: str = "value", **options: Any
    ) -> None:
        maps = MapRegistry(cpus=1)
        perf = PerfEvents(maps)
        perf.create("events")
        wasm = bytes(wat2wasm(GUEST % {"malloc": malloc, "told": told}))
        self.gadget = Gadget.load(wasm, name="g.wasm", params={"k": value}, maps=maps, **options)
        with self.gadget:
            self.gadget.init()
            perf.output("events", RECORD)
            try:
                self.gadget.start()
            finally:
                read = self.gadget._runtime.memory.read
                words = [int.from_bytes(read(at, 8), "little") for at in (0x40, 0x48, 0x50, 0x58)]
                self.param, self.name, self.status, self.record = words
                self.value, self.data = (read(w & 0xFFFFFFFF, w >> 32) for w in (self.param, self.record))
                self.syscall = read(self.name & 0xFFFFFFFF, self.name >> 32)

    @property
    def warnings(self) -> list[str]:
        """What the host had to say."""
        return [record.message for record in self.gadget.logs if record.origin == "host"]

    @property
    def finished(self) -> bool:
        """Whether the guest went on to its end."""
        return any(record.message == "done" for record in self.gadget.logs)


def test_results_are_in_memory_of_the_guests_malloc() -> None:
    """Each is length << 32 | address, the address malloc's; perfReaderRead writes that at an address of the guest's."""
    run = Run()
    assert (run.param, run.value) == (5 << 32 | 0x1000, b"value")
    assert (run.name, run.syscall) == (4 << 32 | 0x1005, b"read")
    assert (run.status, run.record, run.data) == (0, 12 << 32 | 0x1009, RECORD)
    assert run.warnings == []
    assert (run.gadget.abi, run.gadget.signature_set, run.gadget.release) == (
        "env-malloc",
        "sig-4",
        "v0.37.0",
    )


def test_an_empty_value_is_allocated_too() -> None:
    """A value of no bytes has an address: malloc(0) was called."""
    assert Run(value="").param == 0x1000


@pytest.mark.parametrize(
    ("malloc", "reason"),
    [
        ("i32.const 0", "malloc({size}) returned 0"),
        ("i32.const -1", "malloc({size}) returned 0xffffffff, and the memory ends at 0x10000"),
        ("i32.const 0xfffd", "malloc({size}) returned 0xfffd, and the memory ends at 0x10000"),
        ("unreachable", "malloc({size}) trapped: executed `unreachable`"),
        ("(call $malloc (local.get $size))", "malloc({size}) trapped: used up its stack"),
        ("(i32.load (i32.const 0x10000))", "malloc({size}) trapped: accessed memory beyond its end"),
    ],
)
def test_a_malloc_that_fails_fails_the_call_and_no_more(malloc: str, reason: str) -> None:
    """The guest gets the call's error value and goes on; the log names the call, malloc and the reason."""
    run = Run(malloc)
    assert (run.param, run.name, run.status, run.record) == (0, 0, 1, 0)
    assert run.finished
    calls = [("getParamValue", 5), ("getSyscallName", 4), ("perfReaderRead", 12)]
    assert len(run.warnings) == len(calls)
    for warning, (function, size) in zip(run.warnings, calls, strict=True):
        assert warning.startswith(f"{function}: {reason.format(size=size)}")


def test_a_malloc_at_the_very_end_of_memory_will_do() -> None:
    """The last bytes of the memory can be given out."""
    run = Run("(i32.sub (i32.const 0x10000) (local.get $size))")
    assert (run.record, run.data) == (12 << 32 | 0xFFF4, RECORD)


def test_memory_may_grow_in_malloc() -> None:
    """What malloc gives may lie in memory that was not there before the call."""
    run = Run("(i32.mul (memory.grow (i32.const 1)) (i32.const 65536))")
    assert [run.param, run.name, run.record] == [5 << 32 | 0x10000, 4 << 32 | 0x20000, 12 << 32 | 0x30000]
    assert (run.value, run.syscall, run.data) == (b"value", b"read", RECORD)


def test_malloc_may_call_the_host() -> None:
    """A host function that malloc calls, and that allocates itself, works, and so does the call outside."""
    run = Run(
        "(if (i32.eq (global.get $next) (i32.const 0x1000))"
        "  (then (drop (call $bump (i32.const 256))) (drop (call $syscall (i32.const 1)))))"
        f"{BUMP}"
    )
    assert (run.param, run.value) == (5 << 32 | 0x1105, b"value")  # behind the five bytes of "write"


def test_malloc_that_calls_the_host_for_ever_comes_to_an_end() -> None:
    """The sixteenth malloc inside another fails, and with it only the call that it was for."""
    run = Run(f"(drop (call $param (i64.const 0x100000008))) {BUMP}")
    assert run.value == b"value"
    assert run.finished
    assert all("malloc(5) would run inside 16 others" in warning for warning in run.warnings)
    assert len(run.warnings) == 3


def test_a_malloc_that_never_returns_meets_the_deadline_of_the_call() -> None:
    """The guest is interrupted as in any endless loop; the message says that it was in malloc."""
    with pytest.raises(GuestError) as error:
        Run("(loop $for_ever (br $for_ever)) unreachable", deadline=0.2)
    assert str(error.value) == (
        "g.wasm: gadgetStart: ran longer than its deadline of 0.2 s and was interrupted in malloc"
    )


def test_a_malloc_that_exits_ends_the_gadget() -> None:
    """proc_exit means what it means everywhere."""
    with pytest.raises(GuestError, match=r"malloc: the gadget called proc_exit\(3\)"):
        Run("(call $exit (i32.const 3)) i32.const 8")


def test_an_interrupt_in_malloc_comes_out() -> None:
    """What Python raises in a log line that malloc writes is not taken for malloc's failure."""

    def interrupt(record: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Run("(call $log (i32.const 2) (i64.const 0)) i32.const 0x1000", on_log=interrupt)


def test_failures_of_malloc_are_counted() -> None:
    """A malloc that traps is a call of the guest that failed; one that returns 0 is not."""
    assert Run("unreachable").gadget.stats.errors == 3
    assert Run("i32.const 0").gadget.stats.errors == 0


@pytest.mark.parametrize("told", ["0xfff9", "-1"])
def test_an_address_for_the_record_that_is_outside_memory(told: str) -> None:
    """perfReaderRead fails before it takes a record: it is there for the next call."""
    run = Run(told=told)
    assert run.status == 1
    assert run.warnings[0].startswith("perfReaderRead: 8 bytes at address")


def test_quirk_malloc_gives_null_careful() -> None:
    """A malloc that returns 0 makes the call fail with its error value."""
    run = Run("i32.const 0")
    assert (run.param, run.name, run.status) == (0, 0, 1)


def test_quirk_malloc_gives_null_strict() -> None:
    """A malloc that returns 0 is believed: the value is at address 0."""
    run = Run("i32.const 0", strict=True)
    assert (run.param, run.name, run.status) == (5 << 32, 4 << 32, 0)
    assert run.data == RECORD
    assert run.warnings == []


@pytest.mark.parametrize("release", ["v0.37.0"])
def test_the_release_can_be_given(release: str) -> None:
    """A release that fits is taken."""
    assert (
        Run(release=release).gadget.decision
        == f"ig {release} (env-malloc, sig-4): release {release} was asked for"
    )


def test_an_unknown_release_is_the_embedders_mistake() -> None:
    """It is said which there are."""
    with pytest.raises(EmbedderError, match="no release 'v9'"):
        Run(release="v9")
