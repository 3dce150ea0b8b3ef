"""A gadget of many parts: the parameter says which of them runs at the start and logs what it found."""

import json
import sys
from typing import NamedTuple

import gadget

part = gadget.param("part", default="nothing")
number = gadget.param("number", default=5)
gadget.config["datasources.out.annotations.x"] = True

source = gadget.source("in")
pid = source.field("proc.pid", gadget.Uint32)
delta = source.field("delta", gadget.Int16)
width = source.field("pid64", int)
text = source.field("text", gadget.String)
raw = source.field("raw", bytes)
wrong = source.field("delta", gadget.Uint64)

out = gadget.new_source("out")
out_text = out.add_field("text", str, tags=["one"])
out_sum = out.add_field("sum", gadget.Int64)

rows = gadget.source("rows", array=True)
row_n = rows.field("n", gadget.Uint32)
ranked = gadget.new_source("ranked", array=True)
ranked_n = ranked.add_field("n", gadget.Uint32)
ranked_rank = ranked.add_field("rank", int)

kept: list[gadget.Event] = []


class Flow(NamedTuple):
    """struct { __u16 port; __u16 pad; __u64 bytes; } __attribute__((packed))."""

    port: int
    bytes: int


@source.on_event
def transform(event: gadget.Event) -> None:
    """Change every field, and emit what they were."""
    out.emit({out_text: event[text], out_sum: event[pid] + event[delta] + event[width]})
    event[text] += "!"
    event[raw] = event[raw][::-1]
    event[delta] -= 1
    event[width] += 1
    kept.append(event)


@source.on_event(priority=1)
def fails(event: gadget.Event) -> None:
    """Fail as the text says."""
    if event[text].startswith("raise"):
        nested(event[text])
    if event[text].startswith("kept"):
        print(kept[0][text])
    if event[text].startswith("wrong"):
        print(event[wrong])
    if event[text].startswith("type"):
        event[pid] = "7"  # type: ignore[misc]


def nested(word: str) -> None:
    """One call further down."""
    try:
        json.loads(word)
    except ValueError as error:
        raise RuntimeError("no JSON") from error


@rows.on_array
def rank(array: gadget.Array) -> None:
    """Append a row, and emit all of them in order."""
    array.append({row_n: len(array) + 100})
    ordered = sorted(array, key=lambda row: -row[row_n])
    ranked.emit({ranked_n: row[row_n], ranked_rank: n} for n, row in enumerate(ordered))


def params() -> object:
    """A parameter that was given and the type it has."""
    return [number.value, gadget.param("missing", default=1.5).value, gadget.param("text").value]


def maps() -> object:
    """A hash of the eBPF program's and one of our own."""
    flows = gadget.map("flows", key=gadget.Uint32, value=gadget.Struct("HxxQ", Flow))
    seen = flows[1]
    flows[2] = seen._replace(port=81)
    flows[3] = Flow(0, 0)
    del flows[1]
    own = gadget.new_map("own", gadget.MapType.Hash, gadget.Raw(4), gadget.Int8, max_entries=2)
    own[b"abcd"] = -5
    results: list[object] = [
        seen,
        flows[2],
        flows.get(1),
        flows[3],
        3 in flows,
        own[b"abcd"],
        own.get(b"wxyz", 0),
    ]
    for key in (b"efgh", b"ijkl"):  # the second does not fit
        try:
            own.put(key, 1, gadget.MapFlags.NoExist)
        except gadget.HostError as error:
            results.append(error.function)
    own.close()
    return results


def per_cpu() -> object:
    """Values of all CPUs."""
    counts = gadget.map("counts", key=gadget.Uint32, value=gadget.PerCPU(gadget.Uint32))
    before = counts[0]
    counts[0] = [n + 1 for n in before]
    return [before, counts[0], counts.get(99)]


def map_of_maps() -> object:
    """Inner maps go in and come out, thousands of times."""
    outer = gadget.map("outer", key=gadget.Uint64, value=gadget.InnerMap(gadget.Uint32, gadget.Uint32))
    inner = gadget.new_map("inner", gadget.MapType.Hash, gadget.Uint32, gadget.Uint32, max_entries=4)
    outer[7] = inner
    inner[1] = 0
    for _ in range(5000):
        outer[7][1] += 1
    return [inner[1], outer.get(8) is None]


def perf() -> object:
    """Records of an overwritable buffer, newest first."""
    with gadget.perf_reader("events", gadget.Struct("IIB"), size=4096, overwritable=True) as reader:
        gadget.log.info("reading")
        return [list(reader), list(reader)]


def machine() -> object:
    """System calls, symbols, the filter."""
    openat = gadget.syscall_declaration("openat")
    try:
        gadget.syscall_id("nope")
    except gadget.NotFoundError as error:
        missing = error.function
    return [
        gadget.syscall_name(gadget.syscall_id("openat")),
        [(p.name, p.is_pointer) for p in openat.params],
        missing,
        gadget.kernel_symbol_exists("tcp_v4_connect"),
        [gadget.should_discard_mntns_id(n) for n in (1, 2)],
    ]


def logs() -> object:
    """Every way to the log."""
    for level in gadget.LogLevel:
        gadget.log.write(level, "%s at %d", level.name, level)
    print("printed", "\u20ac")
    print("to stderr", file=sys.stderr)
    try:
        nested("{")
    except RuntimeError as error:
        gadget.log.exception(error, "while %s", "testing")
    return gadget.log.enabled(gadget.LogLevel.Trace)


def handles() -> object:
    """More sources, fields and packets than there are handles."""
    for _ in range(3000):
        gadget.source("in").field("text", str)
        with out.packet() as event:
            event[out_text] = "released"
            event.release()
    return "done"


def refuses() -> object:
    """What the host refuses is an exception."""
    results = []
    for action in (
        lambda: gadget.source("nope"),
        lambda: source.field("nope", str),
        lambda: out.add_field("text", str),
        lambda: gadget.map("nope", gadget.Uint32, gadget.Uint32),
        lambda: out.add_field("late", gadget.Uint8).add_tag("fine"),
    ):
        try:
            action()
        except gadget.GadgetError as error:
            results.append(str(error))
    return results


def fail() -> object:
    """Fail the phase."""
    raise SystemExit(3)


@gadget.on_start
def start() -> None:
    """Run the part and log what it returns."""
    run = globals().get(part.value)
    if run is not None:
        gadget.log.info(json.dumps(run()))


@gadget.on_stop
def stop() -> None:
    """The last event."""
    source.unreference()
    out.emit({out_text: "stopped", out_sum: source.referenced})
