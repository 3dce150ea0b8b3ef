"""The SDK against the real host: built into a wasm module of the newest and of the oldest link family, and natively."""

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gadget_abi import GuestError
from gadget_host import Gadget, LogRecord, native
from gadget_host.schema import FieldSchema, SourceSchema
from tests.linker.components import linker_of

PROGRAM = Path(__file__).parent / "gadgets" / "checks.py"


WASM = {"ig": "v0.40.0", "env-malloc": "v0.37.0"}
"""The releases the gadget is built for, by link family: the two that differ most."""


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The gadget, built for a link family."""
    linked, directory = linker_of(PROGRAM), tmp_path_factory.mktemp("sdk")

    def module(family: str) -> Path:
        path = directory / f"{family}.wasm"
        if not path.exists():
            path.write_bytes(linked(WASM[family]))
        return path

    return module


@pytest.fixture
def wasm(module: Callable[[str], Path]) -> Path:
    """The gadget, built for the newest family."""
    return module("ig")


@pytest.fixture(params=[*WASM, "native"])
def load(request: pytest.FixtureRequest) -> Iterator[Callable[..., Gadget]]:
    """Load the gadget with settings and its sources; it is closed at the end."""
    loaded: list[Gadget] = []

    def load(on_log: Callable[[LogRecord], None] | None = None, **params: str) -> Gadget:
        settings: dict[str, Any] = {"params": params, "log_level": "trace", "on_log": on_log}
        if request.param == "native":
            gadget = native.load(PROGRAM, **settings)
        else:
            gadget = Gadget.load(request.getfixturevalue("module")(request.param), **settings)
            assert gadget.abi == request.param
        add_sources(gadget)
        loaded.append(gadget)
        return gadget

    yield load
    for gadget in loaded:
        gadget.close()


def add_sources(gadget: Gadget) -> None:
    """The sources that the gadget subscribes to."""
    kinds = [
        ("proc.pid", "Uint32"),
        ("delta", "Int16"),
        ("pid64", "Uint64"),
        ("text", "String"),
        ("raw", "Bytes"),
    ]
    gadget.add_source(SourceSchema("in", "single", tuple(FieldSchema(*kind) for kind in kinds)))
    gadget.add_source(SourceSchema("rows", "array", (FieldSchema("n", "Uint32"),)))


def event(text: str, **values: Any) -> dict[str, Any]:
    """An event of the source "in"."""
    return {"proc": {"pid": 1}, "delta": -2, "pid64": 1 << 40, "text": text, "raw": b"\0\1\2", **values}


def logged(gadget: Gadget, level: str) -> list[str]:
    """The log's lines of a level."""
    return [record.message for record in gadget.logs if str(record).startswith(f"{level}: ")]


def outcome(gadget: Gadget) -> Any:
    """What the part printed, at last."""
    gadget.start()
    assert logged(gadget, "error") == []
    return json.loads(logged(gadget, "info")[-1])


def test_events_are_read_changed_and_emitted(load: Any) -> None:
    """Every sort of field, in place, while the gadget's own source tells what they were."""
    gadget = load()
    gadget.start()
    source = gadget.sources["in"]
    changed, emitted = gadget.collect("in"), gadget.collect("out")
    source.emit(event("a\0b \u20ac \udcff"))
    source.emit(event("", raw=b"", delta=-32767))
    assert changed.drain() == [
        event("a\0b \u20ac \udcff!", raw=b"\2\1\0", delta=-3, pid64=(1 << 40) + 1),
        event("!", raw=b"", delta=-32768, pid64=(1 << 40) + 1),
    ]
    assert emitted.drain() == [
        {"text": "a\0b \u20ac \udcff", "sum": (1 << 40) - 1},
        {"text": "", "sum": (1 << 40) - 32766},
    ]
    assert logged(gadget, "error") == []


def test_a_long_text_is_read_whole(load: Any) -> None:
    """Up to a mebibyte."""
    gadget = load()
    gadget.start()
    changed = gadget.collect("in")
    gadget.sources["in"].emit(event("y" * ((1 << 20) - 1), raw=b"z" * (1 << 20)))
    (found,) = changed.drain()
    assert (found["text"] == "y" * ((1 << 20) - 1) + "!", len(found["raw"])) == (True, 1 << 20)


@pytest.mark.parametrize("family", WASM)
def test_bytes_outlive_the_memory_they_were_written_from(family: str, module: Callable[[str], Path]) -> None:
    """Also on a host that keeps views of the guest's memory, as the real one does (quirk bytes-alias-memory)."""
    with Gadget.load(module(family), strict=True) as gadget:
        add_sources(gadget)
        gadget.start()
        changed = gadget.collect("in")
        for byte in range(3):
            gadget.sources["in"].emit(event("", raw=bytes([byte, *range(100)])))
        expected = [bytes([*reversed(range(100)), byte]) for byte in range(3)]
        assert [found["raw"] for found in changed.drain()] == expected


@pytest.mark.parametrize("family", WASM)
def test_memory_does_not_grow(family: str, module: Callable[[str], Path]) -> None:
    """40 MB of strings go through a gadget of at most 16, whoever allocates them."""
    with Gadget.load(module(family)) as gadget:
        add_sources(gadget)
        gadget.start()
        batch, pages = [event("x" * 4096, raw=bytes(4096))] * 100, []
        for _ in range(50):
            gadget.sources["in"].emit_batch(batch)
            pages.append(gadget.stats.guest_pages)
        assert gadget.stats.errors == 0
    assert pages[10] == pages[-1]


def test_arrays_are_read_appended_to_and_emitted(load: Any) -> None:
    """The row that was appended is in the array, and all come out in order."""
    gadget = load()
    gadget.start()
    changed, ranked = gadget.collect("rows"), gadget.collect("ranked")
    gadget.sources["rows"].emit([{"n": 5}, {"n": 7}])
    assert changed.drain() == [[{"n": 5}, {"n": 7}, {"n": 102}]]
    assert ranked.drain() == [[{"n": 102, "rank": 0}, {"n": 7, "rank": 1}, {"n": 5, "rank": 2}]]


def test_an_exception_in_a_callback_is_logged_with_its_traceback(load: Any) -> None:
    """With the exception that led to it, and the next event is handled."""
    gadget = load()
    gadget.start()
    gadget.sources["in"].emit(event("raise"))
    gadget.sources["in"].emit(event("fine"))
    (text,) = logged(gadget, "error")
    lines = [line for line in text.split("\n") if "json/" not in line]
    source = PROGRAM.read_text().split("\n")
    where = {name: 1 + source.index(line) for name, line in CALLS.items()}
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "checks.py", line {where["loads"]}, in nested',
        "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        f'  File "checks.py", line {where["nested"]}, in fails',
        f'  File "checks.py", line {where["raise"]}, in nested',
        "RuntimeError: no JSON",
    ]


CALLS = {
    "loads": "        json.loads(word)",
    "nested": "        nested(event[text])",
    "raise": '        raise RuntimeError("no JSON") from error',
}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kept", "ReleasedError: this Event is over: it ended with its callback, or was emitted or released"),
        (
            "wrong",
            "HostError: cannot read field 'delta' of source 'in' as gadget.Uint64: is it 8 bytes wide,",
        ),
        ("type", "TypeError: field 'proc.pid' of source 'in' takes int, not str"),
    ],
)
def test_a_mistake_in_a_callback_is_an_exception_and_no_trap(load: Any, text: str, message: str) -> None:
    """The gadget goes on."""
    gadget = load()
    gadget.start()
    changed = gadget.collect("in")
    for _ in range(2):
        gadget.sources["in"].emit(event(text))
    assert len(changed.drain()) == 2
    assert [message in error for error in logged(gadget, "error")] == [True, True]


def test_parameters_and_configuration(load: Any) -> None:
    """Values, defaults, and the key that was set before its source was made."""
    gadget = load(part="params", number="0x10", text="a\u20ac")
    assert outcome(gadget) == [16, 1.5, "a\u20ac"]
    assert gadget.config.get("datasources.out.annotations.x") == "true"


def test_maps(load: Any) -> None:
    """Structs, numbers and bytes; what does not fit is a HostError."""
    gadget = load(part="maps")
    flows = gadget.maps.create("flows", type="hash", key_size=4, value_size=12, max_entries=8)
    flows.put(1, struct.pack("<HxxQ", 80, 1000))
    assert outcome(gadget) == [[80, 1000], [81, 1000], None, [0, 0], True, -5, 0, "mapUpdate"]
    assert dict(flows.items()) == {
        struct.pack("<I", 2): struct.pack("<HxxQ", 81, 1000),
        struct.pack("<I", 3): bytes(12),
    }


def test_per_cpu_maps(load: Any) -> None:
    """As many values as the machine has CPUs."""
    gadget = load(part="per_cpu")
    counts = gadget.maps.create("counts", type="percpu_array", key_size=4, value_size=4, max_entries=1)
    cpus = len(counts.per_cpu(0))
    counts.put(0, list(range(cpus)))
    assert outcome(gadget) == [list(range(cpus)), list(range(1, cpus + 1)), None]


def test_maps_of_maps(load: Any) -> None:
    """Handles of inner maps go back by themselves."""
    gadget = load(part="map_of_maps")
    inner = gadget.maps.create("shape", type="hash", key_size=4, value_size=4, max_entries=4)
    gadget.maps.create("outer", type="hash_of_maps", key_size=8, max_entries=2, inner=inner)
    assert outcome(gadget) == [5000, True]


def test_perf_readers(load: Any) -> None:
    """Records that are written while the reader is open, the newest first."""

    def write(record: LogRecord) -> None:
        if record.message == "reading":
            gadget.perf.feed("events", [struct.pack("<IIB", n, 2, 3) for n in (1, 2)])

    gadget = load(on_log=write, part="perf")
    gadget.perf.create("events")
    assert outcome(gadget) == [[[2, 2, 3], [1, 2, 3]], []]


@pytest.mark.parametrize("load", ["ig", "native"], indirect=True)
def test_the_machine(load: Any) -> None:
    """System calls by name and number, symbols, and the filter, which not every family has."""
    gadget = load(part="machine")
    gadget.kallsyms.add("tcp_v4_connect")
    gadget.mntns.keep(1)
    name, params, missing, symbol, discarded = outcome(gadget)
    assert (name, missing, symbol, discarded) == ("openat", "getSyscallID", True, [False, True])
    assert params == [["dfd", False], ["filename", True], ["flags", False], ["mode", False]]


def test_logs(load: Any) -> None:
    """All levels, and exceptions."""
    gadget = load(part="logs")
    gadget.start()
    expected = [
        "error: Error at 0",
        "warn: Warn at 1",
        "info: Info at 2",
        "debug: Debug at 3",
        "trace: Trace at 4",
    ]
    lines = [str(record) for record in gadget.logs]
    assert lines[: len(expected)] == expected
    assert "while testing\nTraceback" in logged(gadget, "error")[1]
    assert logged(gadget, "info")[-1] == "true"


def test_print_goes_to_the_log(wasm: Path) -> None:
    """In wasm; natively it goes to the terminal."""
    with Gadget.load(wasm, params={"part": "logs"}) as gadget:
        add_sources(gadget)
        gadget.start()
        assert "printed \u20ac" in logged(gadget, "info")
        assert "to stderr" in logged(gadget, "warn")


def test_handles_do_not_run_out(load: Any) -> None:
    """3,000 times a source, a field and a packet."""
    assert outcome(load(part="handles")) == "done"


def test_what_the_host_refuses_is_an_exception(load: Any) -> None:
    """Which names what and which function."""
    assert outcome(load(part="refuses")) == [
        "there is no source 'nope', or it is unreferenced (getDataSource)",
        "there is no field 'nope' of source 'in' (dataSourceGetField)",
        "cannot add field 'text' of source 'out': does it have one of that name? (dataSourceAddField)",
        "there is no map 'nope'; maps are there from gadgetStart on (getMap)",
    ]


def test_a_hook_that_raises_fails_the_start(load: Any) -> None:
    """And says why."""
    gadget = load(part="fail")
    with pytest.raises(GuestError, match="gadgetStart"):
        gadget.start()
    assert logged(gadget, "error")[0].endswith("in fail\nSystemExit: 3")


def test_a_missing_source_fails_the_start_and_names_the_line(wasm: Path) -> None:
    """The line of the declaration."""
    with Gadget.load(wasm) as gadget:
        with pytest.raises(GuestError, match="gadgetInit"):
            gadget.start()
        line = 1 + PROGRAM.read_text().split("\n").index('source = gadget.source("in")')
        expected = (
            f"gadgetInit: checks.py:{line}: there is no source 'in', or it is unreferenced (getDataSource)"
        )
        assert logged(gadget, "error") == [expected]


def test_the_last_event_is_emitted_in_stop(load: Any) -> None:
    """Sources can be hidden while the gadget runs."""
    gadget = load()
    gadget.start()
    emitted = gadget.collect("out")
    gadget.stop()
    assert emitted.drain() == [{"text": "stopped", "sum": 0}]
