"""Quirks of what a guest exports: hooks and callbacks of another type, a start function that calls, no memory."""

from typing import Any

import pytest

from gadget_abi import GuestError
from gadget_host import FieldSchema, Gadget, Phase, SourceSchema
from tests.host.puppet import CALLBACK, MALLOC, SCRATCH, imported, wat

HOOKS = ["gadgetInit", "gadgetPreStart", "gadgetStart", "gadgetStop", "gadgetPostStop"]
OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"), FieldSchema("name", "String")))


def hook(name: str, type_: str, body: str = "") -> str:
    """An exported function."""
    return f'(func (export "{name}") {type_} {body})'


def life(gadget: Gadget) -> None:
    """From start to stop."""
    with gadget:
        gadget.start()
        gadget.stop()


# -------------------------------------------------------------------------------------------- hook-type

# Type and body of a hook -> what a strict host says of it, None when it works.
HOOK_TYPES = {
    "no result": ("", "", "returns nothing, and the real host dies when it looks for the result"),
    "a parameter": ("(param i32) (result i32)", "i32.const 0", "takes 1 parameters and is called with none"),
    "i64 zero": ("(result i64)", "i64.const 0", None),
    "i64 with the low half zero": ("(result i64)", "i64.const 0x100000000", "failed: it returned 4294967296"),
    "two results, the first zero": ("(result i32 i32)", "i32.const 0 i32.const 7", None),
    "two results, the second zero": ("(result i32 i32)", "i32.const 7 i32.const 0", "failed: it returned 7"),
    "f64 zero": ("(result f64)", "f64.const 0", None),
    "f64 minus zero": ("(result f64)", "f64.const -0", "failed: it returned -0.0"),
    "f32": ("(result f32)", "f32.const 1", "failed: it returned 1.0"),
}


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("kind", HOOK_TYPES)
def test_quirk_hook_type_careful(kind: str, name: str) -> None:
    """A hook of another type is refused at load."""
    type_, body, _ = HOOK_TYPES[kind]
    with pytest.raises(GuestError, match=rf"g: {name}: exported as .*, it must be \(\) -> \(i32\)"):
        Gadget.load(wat(hook(name, type_, body)), name="g")


@pytest.mark.parametrize("name", HOOKS)
@pytest.mark.parametrize("kind", HOOK_TYPES)
def test_quirk_hook_type_strict(kind: str, name: str) -> None:
    """A hook of another type is found when it is called: the first result counts, all its bits."""
    type_, body, reason = HOOK_TYPES[kind]
    gadget = Gadget.load(wat(hook(name, type_, body)), name="g", strict=True)
    if reason is None:
        return life(gadget)
    with pytest.raises(GuestError) as error:
        life(gadget)
    assert str(error.value) == f"g: {name}: {reason}"
    assert [str(error) for error in gadget.errors] == [f"g: {name}: {reason}"]
    return None


def test_quirk_hook_type_strict_without_result_ends_the_gadget() -> None:
    """Where the real host dies, the gadget does: no later call reaches it."""
    gadget = Gadget.load(wat(hook("gadgetInit", "")), name="g", strict=True)
    with gadget:
        with pytest.raises(GuestError, match="returns nothing"):
            gadget.init()
        with pytest.raises(GuestError, match="cannot be called any more: returns nothing"):
            gadget._runtime.call("gadgetAPIVersion")


def test_quirk_hook_type_strict_takes_what_is_no_function_for_absent() -> None:
    """A hook that is a global is not looked at."""
    life(Gadget.load(wat('(global (export "gadgetInit") i32 (i32.const 1))'), strict=True))


@pytest.mark.parametrize("type_", ["v128", "externref"])
def test_quirk_hook_type_strict_has_an_end(type_: str) -> None:
    """A result that is no number is refused at load in both modes."""
    body = "v128.const i64x2 0 0" if type_ == "v128" else "ref.null extern"
    with pytest.raises(GuestError, match="gadgetInit: exported as"):
        Gadget.load(wat(hook("gadgetInit", f"(result {type_})", body)), strict=True)


# ---------------------------------------------------------------------------------------- callback-type

NAMES = ("getDataSource", "dataSourceSubscribe")


def subscriber(params: str, body: str = "", result: str = "") -> bytes:
    """A gadget with a callback of any type, which subscribes to "open" with the number 0x1122334455667788."""
    return wat(
        f"""{imported("v0.55.1", *NAMES)} (data (i32.const 8) "open")
        (func (export "gadgetInit") (result i32)
          (call $dataSourceSubscribe (call $getDataSource (i64.const 0x400000008))
            (i32.const 1) (i32.const 0) (i64.const 0x1122334455667788)))
        (func (export "dataSourceCallback") (param {params}) (result {result}) {body})"""
    )


def deliver(wasm: bytes, *, strict: bool) -> Gadget:
    """Send one event through a gadget."""
    gadget = Gadget.load(wasm, name="g", strict=strict)
    with gadget:
        opens = gadget.add_source(OPEN)
        gadget.start()
        out = gadget.collect("open")
        opens.emit({"pid": 1})
        assert len(out.drain()) == 1
        gadget.data = gadget._runtime.memory.read(SCRATCH, 24)  # type: ignore[attr-defined]
    return gadget


CALLBACK_TYPES = {
    "i64 i64 i64": "i64.store",
    "i32 i32 i32": "i32.store",
    "f64 f64 f64": "f64.store",
    "f32 f32 f32": "f32.store",
    "i64 i32 i64": "i64.store",
}


@pytest.mark.parametrize("params", [*CALLBACK_TYPES, "i64 i32", "", "i64 i32 i32 i32"])
def test_quirk_callback_type_careful(params: str) -> None:
    """A callback of another type is refused at load."""
    with pytest.raises(GuestError, match=r"g: dataSourceCallback: exported as .*, it must be"):
        Gadget.load(subscriber(params), name="g")


@pytest.mark.parametrize("params", CALLBACK_TYPES)
def test_quirk_callback_type_strict(params: str) -> None:
    """Three numbers will do: each has the bits of its slot."""
    words = params.split()
    stores = [f"({word}.store (i32.const {SCRATCH + 8 * n}) (local.get {n}))" for n, word in enumerate(words)]
    gadget = deliver(subscriber(params, "".join(stores)), strict=True)
    data: bytes = gadget.data  # type: ignore[attr-defined]
    width = 4 if words[0].endswith("32") else 8
    assert data[:8] == (0x1122334455667788).to_bytes(8, "little")[:width].ljust(8, b"\0")
    assert int.from_bytes(data[16:24], "little") > 0  # the event's handle
    assert gadget.errors == ()


def test_quirk_callback_type_strict_with_results() -> None:
    """What the callback returns is of no interest."""
    body = f"(i32.store (i32.const {SCRATCH}) (i32.const 5)) (i32.const 7) (i64.const 8)"
    gadget = deliver(subscriber("i64 i32 i32", body, "i32 i64"), strict=True)
    assert gadget.data[0] == 5  # type: ignore[attr-defined]
    assert gadget.errors == ()


@pytest.mark.parametrize("params", ["", "i64", "i64 i32", "i64 i32 i32 i32"])
def test_quirk_callback_type_strict_with_another_number_of_parameters(params: str) -> None:
    """Every call fails without a word, and the event goes on."""
    gadget = deliver(subscriber(params, f"(i32.store (i32.const {SCRATCH}) (i32.const 5))"), strict=True)
    assert gadget.data[0] == 0  # type: ignore[attr-defined]
    assert len(gadget.errors) == 1
    assert gadget.logs == ()


# -------------------------------------------------------------------------------- callback-traps-vanish


def test_quirk_callback_traps_vanish_careful() -> None:
    """A trap in a callback is logged and counted; the event goes on."""
    gadget = deliver(subscriber("i64 i32 i32", "unreachable"), strict=False)
    assert len(gadget.errors) == 1
    assert [(r.level_name, "dataSourceCallback: trapped" in r.message) for r in gadget.logs] == [
        ("error", True)
    ]


def test_quirk_callback_traps_vanish_strict() -> None:
    """A trap in a callback leaves no trace in the log; the host's figures count it, and the event goes on."""
    gadget = deliver(subscriber("i64 i32 i32", "unreachable"), strict=True)
    assert len(gadget.errors) == 1
    assert gadget.logs == ()


# ------------------------------------------------------------------------------------------ early-calls

# A call in the start function, with the result that a careful host gives. What traps strictly, what does not.
ROOM = 64 << 32 | SCRATCH
COMMON = {
    "getDataSource": ("(call $getDataSource (i64.const 0x400000008))", 1),
    "newMap": ("(call $newMap (i64.const 0) (i32.const 2) (i32.const 4) (i32.const 4) (i32.const 1))", 1),
}
SOURCE = "(call $getDataSource (i64.const 0x400000008))"
PACKET = f"(call $dataSourceNewPacketSingle {SOURCE})"
PID = f"(call $dataSourceGetField {SOURCE} (i64.const 0x30000000c))"
MAP = "(call $newMap (i64.const 0) (i32.const 2) (i32.const 4) (i32.const 4) (i32.const 1))"
PARAM = "(i64.const 0x30000000f)"
MISSING = "(i64.const 0x20000000f)"
SYSCALL = "(i64.const 0x400000012)"
TRAPS = {
    "getParamValue": (f"(call $getParamValue {PARAM} (i64.const {ROOM}))", 0),
    "getSyscallName": (f"(call $getSyscallName (i32.const 0) (i64.const {ROOM}))", 0),
    "fieldGetBuffer": (f"(call $fieldGetBuffer {PID} {PACKET} (i32.const 14) (i64.const {ROOM}))", 4),
    "fieldGetScalar's error": (
        f"(i32.wrap_i64 (call $fieldGetScalar {PID} {PACKET} (i32.const 9) (i32.const {SCRATCH})))",
        0,
    ),
}
WORKS = {
    **COMMON,
    "getParamValue of none": (f"(call $getParamValue {MISSING} (i64.const {ROOM}))", 1),
    "getParamValue without room": (f"(call $getParamValue {PARAM} (i64.const {SCRATCH}))", 1),
    "fieldGetBuffer of no field": (
        f"(call $fieldGetBuffer (i32.const 99) {PACKET} (i32.const 14) (i64.const {ROOM}))",
        -1,
    ),
    "fieldGetScalar": (
        f"(i32.wrap_i64 (call $fieldGetScalar {PID} {PACKET} (i32.const 8) (i32.const {SCRATCH})))",
        0,
    ),
    "fieldGetScalar's error, not asked for": (
        f"(i32.wrap_i64 (call $fieldGetScalar {PID} {PACKET} (i32.const 9) (i32.const 0)))",
        0,
    ),
    "mapLookup": (f"(call $mapLookup {MAP} (i64.const 0x400000100) (i64.const {ROOM}))", 0),
    "getSyscallDeclaration": (
        f"(call $getSyscallDeclaration {SYSCALL} (i64.const {256 << 32 | SCRATCH}))",
        0,
    ),
}


def starting(call: str, release: str = "v0.55.1", fields: str = CALLBACK, *, section: bool = False) -> bytes:
    """A gadget whose start function makes a call and keeps its result at 0x80, and whose gadgetInit does it again,
    at 0x88. With `section`, a (start) section does it in place of the start function.
    """
    name = "_initialize" if release >= "v0.38.0" else "_start"
    start = "(start $first) (func $first" if section else f'(func (export "{name}")'
    malloc = MALLOC if release <= "v0.37.0" else ""
    return wat(
        f"""{imported(release)} (data (i32.const 8) "openpidkeyread") {malloc} {fields}
        {start} (i32.store (i32.const 0x80) {call}))
        (func (export "gadgetInit") (result i32) (i32.store (i32.const 0x88) {call}) i32.const 0)"""
    )


def results(wasm: bytes, **options: Any) -> tuple[int, int]:
    """What the calls of a `starting` gadget gave."""
    with Gadget.load(wasm, name="g", params={"key": "value"}, **options) as gadget:
        gadget.add_source(OPEN)
        gadget.init()
        read = gadget._runtime.memory.read
        early, late = (int.from_bytes(read(at, 4), "little", signed=True) for at in (0x80, 0x88))
        return early, late


@pytest.mark.parametrize("name", [*TRAPS, *WORKS])
def test_quirk_early_calls_careful(name: str) -> None:
    """Host functions work in _initialize."""
    call, expected = (TRAPS | WORKS)[name]
    early, late = results(starting(call))
    assert early == expected
    assert late == expected or name in COMMON  # a handle has another number


@pytest.mark.parametrize("name", TRAPS)
def test_quirk_early_calls_strict(name: str) -> None:
    """In _initialize what writes to the guest through its instance traps."""
    with pytest.raises(
        GuestError, match="g: _initialize: trapped: the host does not know the module's memory"
    ):
        results(starting(TRAPS[name][0]), strict=True)


@pytest.mark.parametrize("name", WORKS)
def test_quirk_early_calls_strict_what_works(name: str) -> None:
    """Whatever fails before it writes, writes nothing, or writes through the caller's memory works as ever."""
    call, expected = WORKS[name]
    early, late = results(starting(call), strict=True)
    if name != "fieldGetScalar's error, not asked for":  # which has a quirk of its own
        assert early == expected
        assert late == expected or name in COMMON


@pytest.mark.parametrize(("strict", "expected"), [(False, 0), (True, 1)], ids=["careful", "strict"])
def test_quirk_early_calls_subscribe(strict: bool, expected: int) -> None:
    """Strictly dataSourceSubscribe fails in _initialize; from gadgetInit on it works."""
    call = f"(call $dataSourceSubscribe {SOURCE} (i32.const 1) (i32.const 0) (i64.const 1))"
    assert results(starting(call), strict=strict) == (expected, 0)


def test_quirk_early_calls_leave_the_error_pointer_alone() -> None:
    """What lay at the error pointer of a call that succeeds is there afterwards."""
    before, after = f"(i32.store (i32.const {SCRATCH}) (i32.const 77))", f"(i32.load (i32.const {SCRATCH}))"
    wasm = starting(f"(block (result i32) {before} (drop {WORKS['fieldGetScalar'][0]}) {after})")
    assert results(wasm, strict=True) == (77, 77)


@pytest.mark.parametrize("name", [*TRAPS, *WORKS])
def test_quirk_early_calls_careful_in_a_start_section(name: str) -> None:
    """Host functions work in a (start) section."""
    call, expected = (TRAPS | WORKS)[name]
    early, late = results(starting(call, section=True))
    assert early == expected
    assert late == expected or name in COMMON


@pytest.mark.parametrize("name", [*TRAPS, *WORKS])
def test_quirk_early_calls_strict_in_a_start_section(name: str) -> None:
    """What works in _initialize works in a (start) section, and nothing else does."""
    call, expected = (TRAPS | WORKS)[name]
    wasm = starting(call, section=True)
    if name in TRAPS:
        with pytest.raises(GuestError, match=r"g: \(start\): trapped: the host does not know"):
            results(wasm, strict=True)
    elif name != "fieldGetScalar's error, not asked for":
        assert results(wasm, strict=True)[0] == expected


def test_quirk_early_calls_strict_with_an_error_pointer_outside_memory() -> None:
    """There is nothing to look at: it traps whatever becomes of the call."""
    wasm = starting(WORKS["fieldGetScalar"][0].replace(f"(i32.const {SCRATCH})", "(i32.const 0xfffd)"))
    with pytest.raises(
        GuestError, match="_initialize: trapped: the error pointer 0xfffd is outside the memory"
    ):
        results(wasm, strict=True)


MALLOCS = {
    "getParamValue": (f"(i32.wrap_i64 (call $getParamValue {PARAM}))", "v0.34.0"),
    "getSyscallName": ("(i32.wrap_i64 (call $getSyscallName (i32.const 0)))", "v0.37.0"),
    "fieldGet": (f"(i32.wrap_i64 (call $fieldGet {PID} {PACKET} (i32.const 14)))", "v0.30.0"),
}


@pytest.mark.parametrize("name", MALLOCS)
def test_quirk_early_calls_careful_with_malloc(name: str) -> None:
    """In _start what wants malloc works."""
    call, release = MALLOCS[name]
    early, late = results(starting(call, release), release=release)
    assert (early, late) == (0x8000, 0x8000 + {"getParamValue": 5, "getSyscallName": 4, "fieldGet": 4}[name])


@pytest.mark.parametrize("name", MALLOCS)
def test_quirk_early_calls_strict_with_malloc(name: str) -> None:
    """In _start what wants malloc traps."""
    call, release = MALLOCS[name]
    with pytest.raises(GuestError, match="g: _start: trapped: "):
        results(starting(call, release), release=release, strict=True)


# ------------------------------------------------------------------------------------------ early-config

SET = "(call $setConfig (i64.const 0x400000008) (i64.const 0x30000000c) (i32.const 12))"


@pytest.mark.parametrize("release", ["v0.34.0", "v0.38.0", "v0.40.0", "v0.55.1"])
def test_quirk_early_config_careful(release: str) -> None:
    """setConfig works in the start function."""
    assert results(starting(SET, release), release=release) == (0, 0)


@pytest.mark.parametrize(
    ("release", "early"), [("v0.34.0", 1), ("v0.38.0", 1), ("v0.41.2", 1), ("v0.42.0", 0)]
)
def test_quirk_early_config_strict(release: str, early: int) -> None:
    """Until v0.41.2 there is no configuration in the start function; from gadgetInit on there is."""
    assert results(starting(SET, release), release=release, strict=True) == (early, 0)


# ------------------------------------------------------------------------------------ post-stop-handles


def stopping(call: str) -> bytes:
    """A gadget whose gadgetPostStop keeps the result of a call at 0x80."""
    return wat(
        f"""{imported("v0.55.1")} (data (i32.const 8) "openpid") {CALLBACK}
        (func (export "gadgetPostStop") (result i32) (i32.store (i32.const 0x80) {call}) i32.const 0)"""
    )


MAKERS = {
    "newDataSource": "(call $newDataSource (i64.const 0) (i32.const 1))",
    "getDataSource": SOURCE,
    "newMap": MAP,
    "getMap": "(call $getMap (i64.const 0x300000008))",
}


@pytest.mark.parametrize("name", MAKERS)
def test_quirk_post_stop_handles_careful(name: str) -> None:
    """In gadgetPostStop functions that make a handle return 0, and the log says why."""
    with Gadget.load(stopping(MAKERS[name])) as gadget:
        gadget.add_source(OPEN)
        gadget.maps.create("ope")
        gadget.start()
        gadget.stop()
        assert gadget._runtime.memory.read(0x80, 4) == bytes(4)
        assert (
            gadget.logs[-1].message
            == f"{name}: the gadget was stopped: its handles are gone, and none can be made"
        )
        assert gadget.maps.created == ()


@pytest.mark.parametrize("name", MAKERS)
def test_quirk_post_stop_handles_strict(name: str) -> None:
    """In gadgetPostStop a function that would make a handle traps."""
    with Gadget.load(stopping(MAKERS[name]), name="g", strict=True) as gadget:
        gadget.add_source(OPEN)
        gadget.maps.create("ope")
        gadget.start()
        with pytest.raises(GuestError, match="g: gadgetPostStop: trapped: the gadget was stopped"):
            gadget.stop()
        assert gadget.phase is Phase.FAILED


@pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
def test_quirk_post_stop_handles_what_makes_none(strict: bool) -> None:
    """A source that there is not, and a handle that is gone, are failures as ever."""
    absent = "(call $getDataSource (i64.const 0x300000008))"
    gone = "(call $dataSourceNewPacketSingle (i32.const 1))"
    for call in (absent, gone):
        with Gadget.load(stopping(call), strict=strict) as gadget:
            gadget.start()
            gadget.stop()
            assert gadget._runtime.memory.read(0x80, 4) == bytes(4)


# -------------------------------------------------------------------------------------------- no-memory

BARE = {
    "nothing": ("gadgetLog", "(call $gadgetLog (i32.const 2) (i64.const 0))", False),
    "a text": ("gadgetLog", "(call $gadgetLog (i32.const 2) (i64.const 0x500000000))", True),
    "no bytes somewhere": ("gadgetLog", "(call $gadgetLog (i32.const 2) (i64.const 16))", True),
    "a destination": (
        "getSyscallName",
        "(drop (call $getSyscallName (i32.const 0) (i64.const 0x4000000000)))",
        True,
    ),
    "an error pointer": (
        "fieldGetScalar",
        "(drop (call $fieldGetScalar (i32.const 9) (i32.const 9) (i32.const 8) (i32.const 16)))",
        True,
    ),
}


def bare(name: str) -> bytes:
    """A gadget without a memory whose gadgetInit makes a call."""
    function, call, _ = BARE[name]
    fields = f'{imported("v0.55.1", function)} (func (export "gadgetInit") (result i32) {call} i32.const 0)'
    return wat(fields, memory="")


@pytest.mark.parametrize("name", BARE)
def test_quirk_no_memory_careful(name: str) -> None:
    """A module without a memory is refused at load."""
    with pytest.raises(GuestError, match="g: memory: there is none"):
        Gadget.load(bare(name), name="g")


@pytest.mark.parametrize("name", BARE)
def test_quirk_no_memory_strict(name: str) -> None:
    """A module without a memory runs until a function is given a pointer other than 0, which traps."""
    with Gadget.load(bare(name), name="g", strict=True) as gadget:
        if BARE[name][2]:
            with pytest.raises(GuestError, match="g: gadgetInit: trapped"):
                gadget.init()
        else:
            gadget.init()
        assert gadget.stats.guest_pages == 0


# ---------------------------------------------------- what upstream passes over, without a row of its own

PASSED_OVER = {
    "a start function with results": hook("_initialize", "(result i32 f64)", "i32.const 1 f64.const 2"),
    "a callback that is no function": '(global (export "dataSourceCallback") i32 (i32.const 1))',
}


@pytest.mark.parametrize("name", PASSED_OVER)
def test_what_upstream_passes_over_is_refused_or_passed_over(name: str) -> None:
    """A careful host refuses at load what a strict one does not look at."""
    wasm = wat(PASSED_OVER[name])
    with pytest.raises(GuestError, match="exported"):
        Gadget.load(wasm)
    gadget = Gadget.load(wasm, strict=True)
    life(gadget)
    assert gadget.stats.guest_pages == 1
    assert gadget.errors == ()


# -------------------------------------------------------------------------------- what a module hides

MEMORIES = {
    "of another name": '(memory (export "heap") 1)',
    "of several names": '(memory (export "heap") (export "memory") 1)',
    "of no name": "(memory 1)",
    "of no name, with one that is a function": '(memory 1) (func (export "memory"))',
    "of no name, with the host's for it taken": '(memory 1) (func (export "gadget-host:memory"))',
}


@pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
@pytest.mark.parametrize("memory", MEMORIES)
def test_a_memory_is_found_whatever_its_name(memory: str, strict: bool) -> None:
    """As the real host finds it; the first time, and when the module is taken from the cache."""
    fields = f"""{imported("v0.55.1", "getSyscallName")} (func (export "gadgetInit") (result i32)
      (call $getSyscallName (i32.const 0) (i64.const {4 << 32 | 0x100})))"""
    for _ in range(2):
        with Gadget.load(wat(fields, memory=MEMORIES[memory]), strict=strict) as gadget:
            gadget.init()
            assert gadget._runtime.memory.read(0x100, 4) == b"read"
            assert gadget.stats.guest_pages == 1


def test_a_start_section_runs_before_the_start_function_and_after_sources_were_added() -> None:
    """Both may look for the sources there are; nothing runs while a gadget is loaded."""
    fields = f"""{imported("v0.55.1", "gadgetLog")} (data (i32.const 8) "sectionfunction")
        (func (export "_initialize") (call $gadgetLog (i32.const 2) (i64.const 0x80000000f)))
        (func (export "gadget-host:start")) (start $first)
        (func $first (call $gadgetLog (i32.const 2) (i64.const 0x700000008)))"""
    with Gadget.load(wat(fields)) as gadget:
        assert not gadget.logs
        gadget.init()
        assert [record.message for record in gadget.logs] == ["section", "function"]


@pytest.mark.parametrize("hidden", [False, True], ids=["plain", "hidden"])
def test_a_trap_is_where_it_is_in_the_file(hidden: bool) -> None:
    """What the host adds to a module moves its code; messages give the place in the file all the same."""
    start = "(start $first) (func $first)" if hidden else ""
    wasm = wat(
        hook("gadgetInit", "(result i32)", "unreachable") + start,
        memory="(memory 1)" if hidden else '(memory (export "memory") 1)',
    )
    at = wasm.index(b"\x00\x00\x0b")  # the body: no locals, unreachable, end
    with Gadget.load(wasm) as gadget, pytest.raises(GuestError, match=rf"in function 0 \(byte {at:#x}\)"):
        gadget.init()
