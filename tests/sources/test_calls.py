"""The host functions for sources, fields and handles that are written in Python, called by a guest."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import wasmtime

import gadget_abi
from gadget_host import FieldSchema, Gadget, SourceSchema

ABI = gadget_abi.load()
GROUPS = ("datasource", "fields", "handles", "array")
NAMES = [name for name in ABI.current if ABI.functions[name].group in GROUPS]
SINGLE, ARRAY = 1, 2


def forwarder(callback: bool = True) -> bytes:
    """A module that exports the functions it imports; its callback stores what it is given at 0."""
    imports, exports = [], []
    for name in NAMES:
        params, results = ABI.current[name].core_type
        text = f"(param {' '.join(params)}) (result {' '.join(results)})"
        gets = " ".join(f"(local.get {n})" for n in range(len(params)))
        imports.append(f'(import "ig" "{name}" (func ${name} {text}))')
        exports.append(f'(func (export "{name}") {text} (call ${name} {gets}))')
    if callback:
        exports.append("""(func (export "dataSourceCallback") (param i64 i32 i32)
          (i64.store (i32.const 0) (local.get 0)) (i32.store (i32.const 8) (local.get 1)))""")
    return bytes(
        wasmtime.wat2wasm(f"""(module {" ".join(imports)} (memory (export "memory") 1)
          (func (export "gadgetAPIVersion") (result i64) (i64.const 1)) {" ".join(exports)})""")
    )


class Guest:
    """A gadget whose host functions are called from Python: `guest.newDataSource(text, 1)`."""

    def __init__(self, gadget: Gadget) -> None:
        self.gadget = gadget
        self.runtime: Any = gadget._runtime

    def __getattr__(self, name: str) -> Callable[..., int]:
        function = self.runtime.function(name)
        return lambda *args: self.runtime.hooks.call(function, *map(self.lower, args), function=name)

    def lower(self, value: int | str | bytes) -> int:
        """A text as a packed pointer."""
        if isinstance(value, int):
            return value
        raw = value.encode() if isinstance(value, str) else value
        self.runtime.memory.write(1024, raw)
        return len(raw) << 32 | 1024

    @property
    def warnings(self) -> list[str]:
        """Messages of the log so far."""
        return [record.message for record in self.gadget.logs]


@pytest.fixture
def guest() -> Iterator[Guest]:
    """A running gadget with a source "open"."""
    with Gadget.load(forwarder()) as gadget:
        gadget.add_source(SourceSchema("open", "single", (FieldSchema("proc.Pid", "Uint32"),)))
        yield Guest(gadget)


def test_sources_are_found_by_name_with_a_handle_per_call(guest: Guest) -> None:
    """Two look-ups give two handles of the same source; an unknown name gives 0, a warning and a note of it."""
    first, second = guest.getDataSource("open"), guest.getDataSource("open")
    assert 0 < first < second
    assert [guest.getDataSource(name) for name in ("nope", "Open", "", "nope")] == [0, 0, 0, 0]
    assert guest.gadget.missing_sources == ("nope", "Open", "")
    assert guest.warnings[0] == "getDataSource: there is no data source 'nope'"
    guest.releaseHandle(first)
    assert guest.dataSourceIsReferenced(second) == 1


def test_names_may_be_any_bytes(guest: Guest) -> None:
    """Bytes that are not UTF-8, NUL and nothing at all are names."""
    for name in (b"\xff\xfe", b"a\0b", b"", "ä\N{SNAKE}".encode()):
        handle = guest.newDataSource(name, SINGLE)
        assert handle
        assert guest.getDataSource(name)
        assert guest.dataSourceAddField(handle, name, 12)
        assert guest.dataSourceGetField(handle, name)


@pytest.mark.parametrize("type", [0, 3, -1])
def test_a_source_of_no_type_is_not_made(guest: Guest, type: int) -> None:
    """Types are 1 and 2."""
    assert guest.newDataSource("new", type) == 0
    assert "new" not in guest.gadget.sources


def test_unreferencing_hides_a_source(guest: Guest) -> None:
    """It cannot be looked up any more, while its handles go on working; bad handles give 2 and 1."""
    handle = guest.newDataSource("mine", SINGLE)
    assert guest.dataSourceIsReferenced(handle) == 1
    assert [guest.dataSourceUnreference(handle) for _ in range(2)] == [0, 0]
    assert guest.dataSourceIsReferenced(handle) == 0
    assert guest.getDataSource("mine") == 0
    assert guest.dataSourceAddField(handle, "it", 8)
    assert guest.dataSourceNewPacketSingle(handle)
    assert guest.dataSourceIsReferenced(99) == 2
    assert guest.dataSourceUnreference(99) == 1


def test_fields_are_found_by_full_name_ignoring_case(guest: Guest) -> None:
    """A name that is not there gives 0 without a warning."""
    source = guest.getDataSource("open")
    assert guest.dataSourceGetField(source, "proc.Pid")
    assert guest.dataSourceGetField(source, "PROC.pid")
    assert guest.dataSourceGetField(source, "Pid") == 0
    assert guest.warnings == []


@pytest.mark.parametrize(("kind", "added"), [(0, True), (14, True), (15, False), (-1, False)])
def test_fields_of_every_kind_can_be_added(guest: Guest, kind: int, added: bool) -> None:
    """Kinds are 0 to 14, Invalid included."""
    assert bool(guest.dataSourceAddField(guest.getDataSource("open"), "new", kind)) == added


def test_a_field_is_added_once(guest: Guest) -> None:
    """The same name fails, another case does not."""
    source = guest.getDataSource("open")
    assert guest.dataSourceAddField(source, "new", 8)
    assert guest.dataSourceAddField(source, "new", 8) == 0
    assert guest.dataSourceAddField(source, "New", 8)
    assert guest.warnings == ["dataSourceAddField: there is a field 'new' already"]


def test_tags_are_appended(guest: Guest) -> None:
    """Twice the same tag is there twice; a handle of something else is an error."""
    source = guest.getDataSource("open")
    field = guest.dataSourceGetField(source, "proc.Pid")
    assert [guest.fieldAddTag(field, tag) for tag in ("a", "b", "a")] == [0, 0, 0]
    assert guest.gadget.sources["open"].schema.fields[0].tags == ("a", "b", "a")
    assert guest.fieldAddTag(source, "x") == 1


def test_the_callback_gets_the_handle_it_subscribed_with(guest: Guest) -> None:
    """Of several handles of one source it is the very one; the callback's number is unsigned."""
    guest.gadget.start()
    handles = [guest.getDataSource("open") for _ in range(3)]
    assert guest.dataSourceSubscribe(handles[1], 1, -5, -2) == 0
    guest.gadget.sources["open"].emit({"proc": {"Pid": 1}})
    memory = guest.runtime.memory.read(0, 12)
    assert bytes(memory) == (2**64 - 2).to_bytes(8, "little") + handles[1].to_bytes(4, "little")


@pytest.mark.parametrize("type", [0, 2, 4, -1])
def test_subscriptions_that_cannot_be_are_refused(guest: Guest, type: int) -> None:
    """Arrays on a single source, and types there are not."""
    assert guest.dataSourceSubscribe(guest.getDataSource("open"), type, 0, 1) == 1
    assert len(guest.warnings) == 1


def test_without_a_callback_subscribing_fails() -> None:
    """A guest that does not export dataSourceCallback is told so."""
    with Gadget.load(forwarder(callback=False)) as gadget:
        guest = Guest(gadget)
        source = guest.newDataSource("s", SINGLE)
        assert guest.dataSourceSubscribe(source, 1, 0, 1) == 1
        assert guest.warnings == [
            "dataSourceSubscribe: the gadget does not export dataSourceCallback",
        ]
        assert guest.dataSourceEmitAndRelease(source, guest.dataSourceNewPacketSingle(source)) == 0


def test_handles_of_every_kind_can_be_released(guest: Guest) -> None:
    """Once; then, and for numbers that are none, it is an error."""
    source, arrays = guest.getDataSource("open"), guest.newDataSource("arrays", ARRAY)
    array = guest.dataSourceNewPacketArray(arrays)
    for handle in (
        guest.dataSourceGetField(source, "proc.Pid"),
        guest.dataSourceNewPacketSingle(source),
        guest.dataArrayNew(array),
        array,
        source,
        arrays,
    ):
        assert [guest.releaseHandle(handle) for _ in range(2)] == [0, 1]
    assert [guest.releaseHandle(handle) for handle in (0, -1, 4711)] == [1, 1, 1]


def test_what_the_guest_makes_python_sees(guest: Guest) -> None:
    """A source of the guest's, its fields and events, can be collected."""
    handle = guest.newDataSource("mine", SINGLE)
    field = guest.dataSourceAddField(handle, "a.b", 8)
    out = guest.gadget.collect("mine")
    packet = guest.dataSourceNewPacketSingle(handle)
    assert guest.fieldSet(field, packet, 8, 5) == 0
    assert guest.dataSourceEmitAndRelease(handle, packet) == 0
    assert out.drain() == [{"a.b": 5}]
