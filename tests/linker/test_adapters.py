"""The adapters: what Python passes and gets, and what the host sees, in a real gadget."""

from __future__ import annotations

import pytest
import wasmtime

import gadget_abi
from gadget_abi.canonical import canonical_functions
from gadget_abi.wasm import read_module
from gadget_build.adapters.raw import adapters
from tests.linker.host import Host

TEXTS = {
    "empty": b"",
    "one byte": b"x",
    "NUL inside": b"a\0b\0",
    "invalid UTF-8": b"\xff\xfe",
    "a megabyte": bytes(range(256)) * 4096,
}


def started(probe: Host) -> int:
    """Initialise the probe; the number of its callback."""
    assert probe.call("gadgetInit") == 0, probe.logs
    callbacks: list[int] = [args[3] for name, args in probe.calls if name == "dataSourceSubscribe"]
    return callbacks[0]


def events(probe: Host, strings: dict[str, bytes]) -> dict[str, int]:
    """Answer reads with strings["name"] and a scalar; keep what is written."""
    scalars = {"count": 41}

    def get_buffer(field: int, data: int, kind: int, destination: int) -> int:
        if len(strings["name"]) > destination >> 32:
            return -1
        probe.write(destination, strings["name"])
        return len(strings["name"])

    def field_set(field: int, data: int, kind: int, value: int) -> int:
        if kind == 12:
            strings["name"] = probe.read(value)
        else:
            scalars["count"] = value & 0xFFFFFFFFFFFFFFFF
        return 0

    probe.answers |= {
        "fieldGetScalar": lambda field, data, kind, error: scalars["count"],
        "fieldGetBuffer": get_buffer,
        "fieldSet": field_set,
    }
    return scalars


def test_an_event_is_read_and_written(probe: Host) -> None:
    """A callback reads a scalar and a string and writes both back changed."""
    strings = {"name": "grüße".encode()}
    callback = started(probe)
    scalars = events(probe, strings)
    probe.call("dataSourceCallback", callback, 1, 2)
    assert (strings["name"].decode(), scalars["count"]) == ("grüße!", 42)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_bytes_pass_both_ways_unchanged(probe: Host, text: bytes) -> None:
    """A buffer of any bytes reaches Python, and from there the host, as it is."""
    started(probe)
    strings = {"name": text}
    events(probe, strings)
    read = f"wit_world.field_get_buffer(1, 2, 12, {len(text)})"
    result = probe.run(f"wit_world.field_set_buffer(1, 2, 12, {read})")
    assert (result, strings["name"]) == ("0", text)


@pytest.mark.parametrize("value", [0, 1, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF])
def test_scalars_pass_at_their_extremes(probe: Host, value: int) -> None:
    """Sixty-four bits in, the same sixty-four bits out, unsigned."""
    scalars = events(probe, {"name": b""})
    scalars["count"] = value - (value >> 63 << 64)
    probe.run("wit_world.field_set_scalar(1, 2, 9, wit_world.field_get_scalar(1, 2, 9))")
    assert scalars["count"] == value


def test_failed_reads_give_none(probe: Host) -> None:
    """A set error pointer, and -1 from fieldGetBuffer, are None."""

    def failing(field: int, data: int, kind: int, error: int) -> int:
        probe.write(error, b"\1\0\0\0")
        return 7

    probe.answers |= {"fieldGetScalar": failing, "fieldGetBuffer": lambda *args: -1}
    assert probe.run("[wit_world.field_get_scalar(1, 2, 9), wit_world.field_get_buffer(1, 2, 12, 9)]") == (
        "[None, None]"
    )


def test_a_buffer_the_host_does_not_fill_is_zero_behind_it(probe: Host) -> None:
    """Where no length is reported the list has the capacity asked for, and nothing of earlier calls in it."""
    probe.params[b"key"] = b"abc"
    probe.run("wit_world.field_set_buffer(1, 1, 14, b'?' * 64)")
    assert probe.run("wit_world.get_param_value(b'key', 8)") == repr(b"abc\0\0\0\0\0")
    assert probe.run("wit_world.get_param_value(b'none', 0)") == repr(b"")


def test_a_status_is_the_error(probe: Host) -> None:
    """perfReaderRead's result 2 reaches Python as the error's value."""
    probe.answers["perfReaderRead"] = lambda reader, destination: 2
    script = "!try: wit_world.perf_reader_read(1, 64)\nexcept Exception as e: wit_world.gadget_log(3, b'%d' % e.value)"
    probe.run(script)
    assert (3, "2") in probe.logs


def test_a_buffer_that_cannot_be_had_is_an_error(probe: Host) -> None:
    """A capacity beyond the memory fails the call; the host is not asked."""
    assert probe.run("wit_world.field_get_buffer(1, 2, 12, 1 << 30)") == "None"
    assert not [name for name, _ in probe.calls if name == "fieldGetBuffer"]


def test_functions_younger_than_the_release_are_answered_inside(probe: Host) -> None:
    """A gadget for v0.39 imports nothing later; gadgetShouldLog says yes, shouldDiscardMntnsID no."""
    assert not {"ig.gadgetShouldLog", "ig.shouldDiscardMntnsID"} & probe.imports
    assert len([name for name in probe.imports if name.startswith("ig.")]) == 39
    assert probe.run("[wit_world.gadget_should_log(4), wit_world.should_discard_mntns_id(5)]") == "[1, 0]"


def test_memory_does_not_grow_with_events(probe: Host) -> None:
    """Reads, writes, and reads that fail leave nothing behind: as many pages after 20,000 events as after 2,000."""
    callback = started(probe)
    strings = {"name": b""}
    events(probe, strings)
    pages = []
    for number in range(20_000):
        strings["name"] = b"x" * (number % 300)
        if number % 10 == 0:
            probe.answers["fieldGetBuffer"], kept = (lambda *args: -1), probe.answers["fieldGetBuffer"]
            probe.call("dataSourceCallback", callback, 1, 2)
            probe.answers["fieldGetBuffer"] = kept
        probe.call("dataSourceCallback", callback, 1, 2)
        if number in (2_000, 19_999):
            pages.append(probe.pages)
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    "release", [name for s in gadget_abi.load().signature_sets for name in s.releases[:1]]
)
def test_adapters_assemble_for_every_signature_set(release: str, abi: gadget_abi.Abi) -> None:
    """Every canonical function gets an adapter, and every host function of the release is imported."""
    made = adapters(abi, release, {"gadget-init"})
    module = read_module(bytes(wasmtime.wat2wasm(made.wat)))
    assert made.lowered == {function.name for function in canonical_functions(abi)}
    host = abi.family_of(release).module
    assert {item.name for item in module.imports if item.module == host} == set(abi.forms_in(release))
