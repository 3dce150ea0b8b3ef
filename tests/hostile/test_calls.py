"""Every host function in every form it ever had, called with every wrong pointer and every wrong handle.

One guest exports each function of a release, so that a test can pass any integers. What is tried
follows from the table: a function added to it is tried as well, or fails for want of good arguments.
A form that is gone is tried in the last release that had it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import gadget_abi
from gadget_abi import Form, GuestError, Param
from gadget_host import FieldSchema, Gadget, MapRegistry, SourceSchema
from gadget_host.backends import KernelSymbols
from tests.host.puppet import CALLBACK, puppet_text, wat

ABI = gadget_abi.load()
FORMS = [form for function in ABI.functions.values() for form in function.forms]
CURRENT = ABI.current
KINDS, TYPES = ABI.enums["Kind"].members, ABI.enums["MapType"].members
PAGE = 65536
TEXT_AT, BUFFER_AT, ERROR_AT = 1024, 4096, 8192


def release_of(form: Form) -> str:
    """The last release that has a form."""
    return form.until or ABI.newest


def name_of(form: Form) -> str:
    """The function's name, and where it is an old form the release."""
    return f"{form.function}-{form.until}" if form.until else form.function


# Good arguments where their type alone does not tell.
TEXTS = {
    "dataSourceAddField.name": "new",
    "dataSourceGetField.name": "number",
    "fieldAddTag.tag": "tag",
    "gadgetLog.message": "hello",
    "getDataSource.name": "single",
    "getMap.name": "known",
    "getParamValue.key": "key",
    "getSyscallDeclaration.name": "openat",
    "getSyscallID.name": "openat",
    "kallsymsSymbolExists.symbol": "vfs_read",
    "newDataSource.name": "new",
    "newMap.name": "new",
    "setConfig.key": "a.b",
}
NUMBERS = {
    "fieldGet.kind": KINDS["String"],
    "fieldGetBuffer.kind": KINDS["String"],
    "fieldGetScalar.kind": KINDS["Uint32"],
    "fieldSet.kind": KINDS["String"],
    "setConfig.kind": KINDS["String"],
    "newMap.key_size": 4,
    "newMap.value_size": 4,
    "newMap.max_entries": 8,
    "newPerfReader.size": 4096,
    "newPerfReader.overwritable": 1,
}
BY_TYPE = {
    "bool": 0,
    "kind": KINDS["Uint32"],
    "log-level": 2,
    "map-flags": 0,
    "map-type": TYPES["Hash"],
    "s32": 0,
    "source-type": 1,
    "subscription-type": 1,
    "u32": 0,
    "u64": 7,
}
HANDLES = {
    "dataSourceNewPacketArray.source": "array source",
    "fieldGetScalar.field": "number field",
    "newPerfReader.map": "perf map",
    "mapRelease.map": "new map",
}
OF_KIND = {
    "any": "source",
    "array": "array",
    "data": "single",
    "field": "text field",
    "map": "map",
    "packet": "single",
    "perf-reader": "perf reader",
    "source": "source",
}


def packed(address: int, size: int) -> int:
    """A packed pointer."""
    return size << 32 | address


class Guest:
    """The forwarding guest, with something behind every kind of handle."""

    def __init__(self, release: str = ABI.newest) -> None:
        maps = MapRegistry(cpus=1)
        known = maps.create("known", type="Hash", key_size=4, value_size=4)
        known.put(b"keyk", b"valv")
        maps.create("perf", type="PerfEventArray", max_entries=1)
        self.gadget = Gadget.load(
            wat(puppet_text(release) + CALLBACK),
            name="f.wasm",
            params={"key": "value"},
            maps=maps,
            kallsyms=KernelSymbols(["vfs_read"]),
        )
        fields = (FieldSchema("number", "Uint32"), FieldSchema("text", "String"))
        for type_ in ("single", "array"):
            self.gadget.add_source(SourceSchema(type_, type_, fields))
        self.gadget.start()
        self.runtime = self.gadget._runtime

    def __call__(self, name: str, *args: int) -> int | None:
        """Call a host function with integers."""
        export = self.runtime.function(name)
        assert export is not None
        signed = [arg - (1 << 64) if arg >> 63 == 1 else arg for arg in args]
        result: int | None = self.runtime.hooks.call(export, *signed, function=name)
        return result

    def made(self, name: str, *args: int) -> int:
        """The handle that a call gives."""
        handle = self(name, *args)
        assert handle
        return handle

    def text(self, value: bytes, at: int = TEXT_AT) -> int:
        """A packed pointer to bytes in the guest's memory."""
        self.runtime.memory.write(at, value)
        return packed(at, len(value))

    def handle(self, what: str) -> int:
        """A new handle of something."""
        match what:
            case "source":
                return self.made("getDataSource", self.text(b"single"))
            case "array source":
                return self.made("getDataSource", self.text(b"array"))
            case "number field":
                return self.made("dataSourceGetField", self.handle("source"), self.text(b"number"))
            case "text field":
                return self.made("dataSourceGetField", self.handle("source"), self.text(b"text"))
            case "single":
                return self.made("dataSourceNewPacketSingle", self.handle("source"))
            case "array":
                array = self.made("dataSourceNewPacketArray", self.handle("array source"))
                assert self("dataArrayAppend", array, self.made("dataArrayNew", array)) == 0
                return array
            case "map":
                return self.made("getMap", self.text(b"known"))
            case "new map":
                return self.made("newMap", self.text(b"new"), TYPES["Hash"], 4, 4, 8)
            case "perf map":
                return self.made("getMap", self.text(b"perf"))
            case "perf reader":
                reader = self.made("newPerfReader", self.handle("perf map"), 4096, 1)
                assert self("perfReaderPause", reader) == 0
                return reader
        raise LookupError(what)

    def good(self, form: Form) -> list[int]:
        """Arguments with which a call succeeds. Texts are written last: making handles uses their place."""
        args = [self._number(form, param) for param in form.params]
        if "array" in [p.name for p in form.params] and (at := self._position(form, "data")) is not None:
            args[at] = self.made("dataArrayNew", args[0])
        if form.function == "fieldGetScalar":
            assert self("fieldSet", args[0], args[1], KINDS["Uint32"], 5) in (0, args[0])
        if form.function == "fieldGet":
            assert self("fieldSet", args[0], args[1], KINDS["String"], self.text(b"value")) == args[0]
        if form.function == "perfReaderRead":
            self.gadget.perf.output("perf", b"record")
        for position, param in enumerate(form.params):
            if param.type.name == "string":
                args[position] = self.text(TEXTS[f"{form.function}.{param.name}"].encode())
            elif param.type.name in ("bytes", "value"):
                args[position] = self.text(
                    b"keyk" if param.name == "key" else b"valv", TEXT_AT + 64 * position
                )
        return args

    def _number(self, form: Form, param: Param) -> int:
        place = f"{form.function}.{param.name}"
        match param.type.name:
            case "handle":
                return self.handle(HANDLES.get(place) or OF_KIND[param.type.handle])
            case "out-buffer":
                return packed(BUFFER_AT, 1024)
            case "error-pointer" | "packed-address":
                return ERROR_AT
            case "string" | "bytes" | "value":
                return 0
        return NUMBERS.get(place, BY_TYPE.get(param.type.name, -1))

    @staticmethod
    def _position(form: Form, name: str) -> int | None:
        return next((n for n, param in enumerate(form.params) if param.name == name), None)

    def is_well(self) -> bool:
        """Whether calls still work."""
        return self.made("getDataSource", self.text(b"array")) > 0


@contextmanager
def loaded(form: Form | None = None) -> Iterator[Guest]:
    """A guest that runs, of the release that has the form, and whose host is well afterwards."""
    guest = Guest(release_of(form) if form else ABI.newest)
    with guest.gadget:
        yield guest
        assert guest.is_well()


def error_of(form: Form) -> int | None:
    """What a failed call gives, as wasmtime gives it: signed."""
    return form.error


def params_of(*types: str) -> list[Any]:
    """Every parameter of the given semantic types."""
    return [
        pytest.param(form, position, id=f"{name_of(form)}.{param.name}")
        for form in FORMS
        for position, param in enumerate(form.params)
        if param.type.name in types
    ]


def warnings_about(guest: Guest, function: str) -> int:
    """How many warnings of the host name a function."""
    return sum(r.origin == "host" and r.message.startswith(f"{function}: ") for r in guest.gadget.logs)


def assert_refused(guest: Guest, form: Form, args: list[int]) -> None:
    """The call gives the error value of the table and a warning that names the function."""
    before = warnings_about(guest, form.function)
    assert guest(form.function, *args) == error_of(form)
    assert warnings_about(guest, form.function) == before + 1, [str(r) for r in guest.gadget.logs][-1:]


@pytest.mark.parametrize("form", FORMS, ids=name_of)
def test_good_arguments_are_good(form: Form) -> None:
    """The arguments that the other tests spoil one at a time succeed as they are, without a warning."""
    name = form.function
    with loaded(form) as guest:
        result = guest(name, *guest.good(form))
        failed = form.result is not None and result == form.error and name != "shouldDiscardMntnsID"
        assert not failed, [str(record) for record in guest.gadget.logs]
        assert warnings_about(guest, name) == 0


BAD_POINTERS = {
    "one past the end": packed(PAGE - 3, 4),
    "at the end": packed(PAGE, 1),
    "empty beyond the end": packed(PAGE + 1, 0),
    "far away": packed(0x7FFFFFFF, 4),
    "length that wraps": packed(8, 0xFFFFFFFF),
    "address that wraps": packed(0xFFFFFFFF, 1),
    "everything": packed(0xFFFFFFFF, 0xFFFFFFFF),
    "sign bit": packed(0x80000000, 0x80000000),
}


@pytest.mark.parametrize(("form", "position"), params_of("string", "bytes", "out-buffer", "value"))
def test_pointers_outside_memory_are_refused(form: Form, position: int) -> None:
    """A packed pointer that is not wholly inside memory gives the error value and a warning."""
    with loaded(form) as guest:
        for pointer in BAD_POINTERS.values():
            args = guest.good(form)
            args[position] = pointer
            assert_refused(guest, form, args)


@pytest.mark.parametrize(("form", "position"), params_of("packed-address"))
def test_addresses_for_a_packed_pointer_outside_memory_are_refused(form: Form, position: int) -> None:
    """Where not all eight bytes are inside memory, nothing is read and malloc not called."""
    with loaded(form) as guest:
        for address in (PAGE - 7, PAGE, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
            args = guest.good(form)
            args[position] = address
            assert_refused(guest, form, args)


@pytest.mark.parametrize("address", [PAGE - 3, PAGE, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_an_error_pointer_outside_memory_traps(address: int) -> None:
    """As on the real host, an error that cannot be reported ends the call; success needs no pointer."""
    form = CURRENT["fieldGetScalar"]
    with loaded() as guest:
        args = guest.good(form)
        args[3] = address
        assert guest("fieldGetScalar", *args) == 5
        args[0] = 0
        with pytest.raises(
            GuestError, match=r"^f\.wasm: fieldGetScalar: trapped: accessed memory beyond its end"
        ):
            guest("fieldGetScalar", *args)


def wrong_handles(guest: Guest, kind: str) -> dict[str, int]:
    """Numbers that are no handle of a kind."""
    wrong = {"zero": 0, "never given": 60_000, "minus one": 0xFFFFFFFF}
    if guest.runtime.function("releaseHandle"):
        wrong["released"] = guest.handle("map" if kind == "map" else "source")
        assert guest("releaseHandle", wrong["released"]) == 0
    wrong["element of nothing"] = 0x80000000 | 60_000
    if kind != "any":
        wrong |= {f"a {what}": guest.handle(what) for what in OF_KIND.values() if what not in FITTING[kind]}
        wrong["element of a handle that is no array"] = 0x80000000 | guest.handle("map")
        wrong["element beyond the array"] = 0x80000000 | 1 << 16 | guest.handle("array")
    return wrong


FITTING = {
    "array": {"array"},
    "data": {"single"},
    "field": {"text field", "number field"},
    "map": {"map"},
    "packet": {"single", "array"},
    "perf-reader": {"perf reader"},
    "source": {"source", "array source"},
}


@pytest.mark.parametrize(("form", "position"), params_of("handle"))
def test_wrong_handles_are_refused(form: Form, position: int) -> None:
    """A number that is no handle, one that was released and one of another kind give the error value and a
    warning.
    """
    with loaded(form) as guest:
        for handle in wrong_handles(guest, form.params[position].type.handle).values():
            args = guest.good(form)
            args[position] = handle
            assert_refused(guest, form, args)


@pytest.mark.parametrize(
    ("name", "position", "value"),
    [
        ("newDataSource", 1, 0),
        ("newDataSource", 1, 3),
        ("newDataSource", 1, 0xFFFFFFFF),
        ("dataSourceAddField", 2, 15),
        ("dataSourceAddField", 2, 0xFFFFFFFF),
        ("dataSourceSubscribe", 1, 0),
        ("dataSourceSubscribe", 1, 2),
        ("dataSourceSubscribe", 1, 4),
        ("dataArrayGet", 1, 1),
        ("dataArrayGet", 1, 0xFFFFFFFF),
        ("dataArrayGet", 1, 0x7FFFFFFF),
        ("fieldGetScalar", 2, KINDS["Invalid"]),
        ("fieldGetScalar", 2, KINDS["String"]),
        ("fieldGetScalar", 2, KINDS["Uint64"]),
        ("fieldGetScalar", 2, 99),
        ("fieldGetBuffer", 2, KINDS["CString"]),
        ("fieldGetBuffer", 2, KINDS["Uint32"]),
        ("fieldSet", 2, KINDS["CString"]),
        ("fieldSet", 2, KINDS["Invalid"]),
        ("fieldSet", 2, 0xFFFFFFFF),
        ("setConfig", 2, KINDS["Uint32"]),
        ("newMap", 1, 34),
        ("newMap", 1, 0xFFFFFFFF),
        ("newMap", 2, 0),
        ("newMap", 2, 0xFFFFFFFF),
        ("newMap", 3, 0xFFFFFFFF),
        ("newMap", 4, 0),
        ("newMap", 4, 0xFFFFFFFF),
        ("mapUpdate", 3, 3),
        ("mapUpdate", 3, 5),
        ("mapUpdate", 3, 0xFFFFFFFFFFFFFFFF),
        ("newPerfReader", 1, 0),
        ("newPerfReader", 1, 0xFFFFFFFF),
    ],
)
def test_wrong_numbers_are_refused(name: str, position: int, value: int) -> None:
    """A kind, type, size, index or flag that does not exist gives the error value and a warning."""
    form = CURRENT[name]
    with loaded() as guest:
        args = guest.good(form)
        args[position] = value
        assert_refused(guest, form, args)


MAKERS = [
    name
    for name, form in CURRENT.items()
    if form.result is not None and form.result.name == "handle" and name != "dataArrayGet"
]


def fill_table(guest: Guest) -> list[int]:
    """Take all the handles there are; those that were taken."""
    name = guest.text(b"single")
    return list(iter(lambda: guest("getDataSource", name) or 0, 0))


@pytest.mark.parametrize("name", MAKERS)
def test_a_full_table_gives_no_more_handles(name: str) -> None:
    """With 4096 handles live, what makes one answers 0 with a warning, and works again after a release."""
    form = CURRENT[name]
    with loaded() as guest:
        args = guest.good(form)
        handles = fill_table(guest)
        if any(param.type.name == "string" for param in form.params):
            guest.text(TEXTS[f"{name}.name"].encode())
        assert_refused(guest, form, args)
        assert guest("releaseHandle", handles.pop()) == 0
        assert guest(name, *args)
        assert guest("releaseHandle", handles.pop()) == 0


def test_what_a_full_table_could_not_take_is_closed() -> None:
    """Maps made while the table is full do not pile up."""
    with loaded() as guest:
        handles = fill_table(guest)
        text = guest.text(b"new")
        for _ in range(100):
            assert guest("newMap", text, TYPES["Hash"], 4, 4, 1024) == 0
        assert guest.gadget.maps.created == ()
        assert guest("releaseHandle", handles.pop()) == 0


def test_the_log_bounds_a_flood_of_wrong_calls() -> None:
    """Twenty thousand wrong calls leave a bounded log, which says at its end what is missing."""
    with loaded() as guest:
        for _ in range(20_000):
            guest("dataArrayLen", 0)
        assert len(guest.gadget.logs) <= 10_000
    assert "log lines were dropped" in guest.gadget.logs[-1].message
