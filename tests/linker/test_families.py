"""The same program for the three link families: Python sees the same, whatever the host's functions look like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import wasmtime

import gadget_abi
from gadget_abi.check import problems_in
from gadget_abi.wasm import read_module
from gadget_build.link.linker import link
from tests.linker.fields import DATA, HOSTS, FieldHost, MallocHost

TEXTS = {  # by what they are
    "empty": b"",
    "UTF-8": "grüße".encode(),
    "one byte": b"x",
    "NUL inside": b"a\0b\0",
    "invalid UTF-8": b"\xff\xfe",
    "a page": b"p" * 4096,
    "64 KiB": bytes(range(256)) * 256,
}
Probe = Callable[[str], FieldHost]


@pytest.fixture
def probe_of(probe_for: Callable[[str], bytes]) -> Probe:
    """The probe for a release, instantiated by a host of its family."""
    return lambda release: HOSTS[release](probe_for(release))


@pytest.fixture(params=HOSTS)
def family(request: pytest.FixtureRequest, probe_of: Probe) -> FieldHost:
    """The probe and a host of each family."""
    return probe_of(request.param)


@pytest.fixture
def malloc(probe_of: Probe) -> MallocHost:
    """The probe and a host that allocates in the guest."""
    host = probe_of("v0.37.0")
    assert isinstance(host, MallocHost)
    return host


def started(probe: FieldHost) -> tuple[int, int, int]:
    """Initialise the probe, whose fields get the handles 11 and 12; its callback and their handles."""
    handles = iter((11, 12))
    probe.answers["dataSourceGetField"] = lambda source, name: next(handles)
    assert probe.call("gadgetInit") == 0, probe.logs
    callbacks: list[int] = [args[3] for name, args in probe.calls if name == "dataSourceSubscribe"]
    return callbacks[0], 11, 12


def test_events_are_read_and_written(family: FieldHost) -> None:
    """A callback of the SDK reads a scalar, which may be 0, and a string, and writes both back changed."""
    callback, name, count = started(family)
    for text in TEXTS.values():
        family.fields = {name: text, count: bytes(8)}
        family.call("dataSourceCallback", callback, 1, DATA)
        assert family.fields == {name: text.partition(b"\0")[0] + b"!", count: b"\1" + bytes(7)}
    assert family.logs == []


def test_bytes_pass_both_ways_unchanged(family: FieldHost) -> None:
    """A field of any bytes reaches Python, and from there the host, as it is, also one declared CString."""
    family.cstrings = {5}
    for text in TEXTS.values():
        family.fields = {5: text, 6: b""}
        read = f"wit_world.field_get_buffer(5, {DATA}, 12, 65536)"
        assert family.run(f"wit_world.field_set_buffer(6, {DATA}, 12, {read})") == "0"
        assert family.fields[6] == text


def test_scalars_pass_at_their_extremes(family: FieldHost) -> None:
    """Sixty-four bits in, the same sixty-four bits out, unsigned; 0 is a value as any other."""
    for value in (0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        family.fields = {5: value.to_bytes(8, "little"), 6: bytes(8)}
        assert family.run(f"wit_world.field_get_scalar(5, {DATA}, 9)") == str(value)
        assert family.run(f"wit_world.field_set_scalar(6, {DATA}, 9, {value})") == "0"
        assert family.fields[6] == family.fields[5]


def test_zero_is_told_from_an_error(family: FieldHost) -> None:
    """A zero of the kind's width is 0; another width, no such field and no such element are None."""
    for kind, width in {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 2, 8: 4, 9: 8, 10: 4, 11: 8}.items():
        family.fields = {5: bytes(width), 6: bytes(width + 1), 4: bytes(width - 1), 3: bytes(70_000)}
        reads = [(5, DATA), (6, DATA), (4, DATA), (3, DATA), (99, DATA), (5, DATA + 1)]
        script = ", ".join(f"wit_world.field_get_scalar({field}, {data}, {kind})" for field, data in reads)
        assert family.run(f"[{script}]") == "[0, None, None, None, None, None]"


def test_reading_bytes_can_fail(family: FieldHost) -> None:
    """No such field, and no such element."""
    family.fields = {5: b"five"}
    script = (
        f"wit_world.field_get_buffer(6, {DATA}, 14, 64), wit_world.field_get_buffer(5, {DATA + 1}, 14, 64)"
    )
    assert family.run(script) == "(None, None)"


def test_writing_succeeds_or_fails(family: FieldHost) -> None:
    """The status is 0 or 1, whatever the host returns on success, and of whatever handle the field is."""
    family.fields = {5: bytes(8), 2: bytes(8), 1: bytes(8)}
    script = ", ".join(f"wit_world.field_set_scalar({field}, {DATA}, 9, 3)" for field in (5, 2, 1, 99))
    assert family.run(f"[{script}]") == "[0, 0, 0, 1]"
    script = ", ".join(f"wit_world.field_set_buffer({field}, {DATA}, 14, b'abc')" for field in (5, 2, 1, 99))
    assert family.run(f"[{script}]") == "[0, 0, 0, 1]"
    assert family.run(f"wit_world.field_set_scalar(5, {DATA}, 9, 3)") == "1"  # it has three bytes by now


ERROR = "!def error(call, *args):\n try: return call(*args)\n except Exception as e: return -e.value"


def test_parameters(family: FieldHost) -> None:
    """A value, an empty one, none, and one that is longer than the room for it."""
    family.run(ERROR)
    family.params |= {b"key": b"value", b"empty": b"", b"long": b"x" * 9}
    keys = ["key", "empty", "none", "long"]
    script = ", ".join(f"error(wit_world.get_param_value, b'{key}', 8)" for key in keys)
    assert family.run(f"[{script}]") == repr([b"value\0\0\0", bytes(8), -1, -1])
    started(family)
    assert family.run("gadget.param('key').value, gadget.param('none', default=3).value") == "('value', 3)"


def test_perf_records(family: FieldHost) -> None:
    """A record, an empty one, one that does not fit and is lost, and the end."""
    family.run(ERROR)
    family.records = [b"record", b"", b"x" * 9, b"last 8 b"]
    script = ", ".join(["error(wit_world.perf_reader_read, 3, 8)"] * 5)
    assert family.run(f"[{script}]") == repr([b"record\0\0", bytes(8), -1, b"last 8 b", -2])


def test_names_of_system_calls(family: FieldHost) -> None:
    """A name and none."""
    started(family)
    family.run(ERROR)
    script = "gadget.syscall_name(257), error(wit_world.get_syscall_name, 5, 64)"
    assert family.run(script) == "('openat', -1)"


def test_memory_does_not_grow(family: FieldHost) -> None:
    """Everything the host hands over goes back: 100 MB of strings, parameters, records, zeroes and errors."""
    callback, name, count = started(family)
    family.params[b"key"] = b"v" * 4000
    work = (
        "!for _ in range(20):\n"
        " wit_world.get_param_value(b'key', 5000); wit_world.get_syscall_name(257, 64)\n"
        " wit_world.perf_reader_read(1, 9000); wit_world.field_get_scalar(3, 7, 9)\n"
        " try: wit_world.get_param_value(b'key', 3)\n"
        " except Exception: pass"
    )
    pages = []
    for number in range(1500):
        family.fields = {name: b"x" * (number % 5 * 16384), count: bytes(8), 3: b"y" * 9000}
        family.call("dataSourceCallback", callback, 1, DATA)
        if number % 50 == 0:
            family.records = [b"r" * 9000] * 20
            family.run(work)
        pages.append(family.pages)
    assert family.logs[-1][1] == "done"
    assert pages[200] == pages[-1]


def test_a_string_that_finds_no_memory_is_an_error(malloc: MallocHost) -> None:
    """The guest's malloc traps where it has no memory, the read fails, and the gadget goes on."""
    callback, name, count = started(malloc)
    malloc.fields = {name: bytes(16 << 20), count: bytes(8)}
    malloc.call("dataSourceCallback", callback, 1, DATA)
    assert "HostError: cannot read field 'name' of source 'open'" in malloc.logs[-1][1]
    malloc.fields = {name: b"short", count: bytes(8)}
    malloc.call("dataSourceCallback", callback, 1, DATA)
    assert malloc.fields[name] == b"short!"


def test_malloc_never_gives_null(malloc: MallocHost) -> None:
    """The host would write to address 0: so malloc traps, and of nothing at all it gives an address as well."""
    with pytest.raises(wasmtime.Trap, match="unreachable"):
        malloc.call("malloc", 1 << 30)
    address = malloc.call("malloc", 0)
    assert address > 0
    malloc.call("free", address)


@pytest.mark.parametrize("release", HOSTS)
def test_the_module_runs_on_the_releases_of_its_family(
    release: str, probe_for: Callable[[str], bytes], abi: gadget_abi.Abi
) -> None:
    """From the one it is built for to the family's last."""
    names = [known.name for known in abi.releases]
    last = abi.family_of(release).until or abi.newest
    module = read_module(probe_for(release))
    runs = [name for name in names if not list(problems_in(module, abi, name))]
    assert runs == names[names.index(release) : names.index(last) + 1]


@pytest.mark.parametrize(
    ("release", "more"),
    [("v0.37.0", {"malloc", "free"}), ("v0.38.0", set()), ("v0.39.0", {"gadgetPostStop"})],
)
def test_exports_are_those_of_the_release(release: str, more: set[str], small: bytes) -> None:
    """Nothing has to run before gadgetInit; gadgetPostStop is left out where the host would call it in vain."""
    module = read_module(link(small, gadget_abi.load(), release))
    hooks = {"gadgetInit", "gadgetPreStart", "gadgetStart", "gadgetStop", "dataSourceCallback"}
    assert {item.name for item in module.exports} == {"gadgetAPIVersion", "memory"} | hooks | more
    assert module.start is None
