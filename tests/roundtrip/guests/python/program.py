"""The round-trip contract in Python. It is compiled once and linked for every set, so it asks which one it is in."""

from contextlib import suppress
from typing import Any

import gadget

INTEGERS = [gadget.Int8, gadget.Int16, gadget.Int32, gadget.Int64]
INTEGERS += [gadget.Uint8, gadget.Uint16, gadget.Uint32, gadget.Uint64]
KINDS: list[gadget.Kind[Any]] = [gadget.Bool, *INTEGERS, gadget.Float32, gadget.Float64]
KINDS += [gadget.String, gadget.CString, gadget.Bytes]
LOWEST: list[Any] = [True, -128, -(1 << 15), -(1 << 31), -(1 << 63), 255, 0xFFFF, 0xFFFF_FFFF, (1 << 64) - 1]
OWN = [*LOWEST, 1.5, -0.0, "own \0 ä€😀", "of C", b"\x00\xff\x00"]

source, rows = gadget.source("in"), gadget.source("rows", array=True)
out, rows_out = gadget.new_source("out"), gadget.new_source("rows_out", array=True)

gets = [source.field(kind.name, kind) for kind in KINDS]
puts = [out.add_field(kind.name, kind) for kind in KINDS]
row_gets = [rows.field(kind.name, kind) for kind in KINDS]
row_puts = [rows_out.add_field(kind.name, kind) for kind in KINDS]

calls, lists = gadget.source("calls"), gadget.source("lists", array=True)
calls_n, lists_n = calls.field("n", gadget.Uint64), lists.field("n", gadget.Uint64)
wrong = calls.field("text", gadget.Uint32)
signature_set = 0  # known in gadgetInit
text, long, nothing = gadget.param("text"), gadget.param("long"), gadget.param("nothing")


def say(line: str) -> None:
    """A line of the transcript."""
    gadget.log.info("%s", line)


def tell(what: str, value: object) -> None:
    """A line with a text or a number."""
    say(f"{what}: {value}")


def answer(what: str, value: object) -> None:
    """A line with yes or no."""
    tell(what, "yes" if value else "no")


def works(action: Any) -> bool:
    """Whether something can be done."""
    try:
        action()
    except (gadget.HostError, KeyError):
        return False
    return True


def is_source(name: str) -> bool:
    """Whether there is a source of a name."""
    return works(lambda: gadget.source(name).handle)


# --------------------------------------------------------------------------------------------------- hooks


@gadget.on_init
def init() -> None:
    """What gadgetInit does."""
    global signature_set
    signature_set = next(number for number in range(1, 9) if is_source(f"sig-{number}"))
    say("init")
    answer("missing source", is_source("nowhere"))
    answer("missing field", works(lambda: source.field("nothing", int).handle))
    answer("second field", works(lambda: out.add_field("Bool", bool).handle))
    if signature_set >= 2:
        answer("config set", works(lambda: gadget.config.__setitem__("round.trip", "värde")))
    if signature_set >= 3:
        hidden = gadget.new_source("hidden")
        answer("referenced", hidden.referenced)
        hidden.unreference()
        answer("referenced", hidden.referenced)
        answer("hidden source", is_source("hidden"))
        puts[KINDS.index(gadget.String)].add_tag("round:trip")
    if signature_set >= 7:
        answer("discard 2", gadget.should_discard_mntns_id(2))


@gadget.on_pre_start
def pre_start() -> None:
    """What gadgetPreStart does."""
    if signature_set >= 2:
        say("pre-start")


@gadget.on_start
def start() -> None:
    """What gadgetStart does."""
    say("start")
    for level in gadget.LogLevel:
        gadget.log.write(level, f"level {level.value}")
    say("")
    say("ä€😀")
    out.emit(dict(zip(puts, OWN, strict=True)))
    out.packet().release()
    emit_rows()
    later = [params, maps, machine, syscalls, None, discards, levels]
    for step in later[: signature_set - 1]:
        if step:
            step()


@gadget.on_stop
def stop() -> None:
    """What gadgetStop does."""
    say("stop")
    out.emit({puts[KINDS.index(gadget.Int64)]: -1})


@gadget.on_post_stop
def post_stop() -> None:
    """What gadgetPostStop does."""
    if signature_set >= 6:
        say("post-stop")


# ------------------------------------------------------------------------------------- the steps of gadgetStart


def emit_rows() -> None:
    """Set 1: an array of two rows, and a third that is given up."""
    number = row_puts[KINDS.index(gadget.Int32)]
    with rows_out.array() as array:
        array.append({number: 1})
        array.append({number: 2})
        with suppress(OverflowError):
            array.append({number: 1 << 31})
        tell("rows made", len(array))


def params() -> None:
    """Set 2: parameters."""
    tell("text", text.value)
    tell("long", long.value)
    answer("missing parameter", works(lambda: nothing.value))


def maps() -> None:
    """Set 3: maps."""
    numbers = gadget.map("numbers", gadget.Uint32, gadget.Uint64)
    tell("value 1", numbers[1])
    answer("update 2", works(lambda: numbers.put(2, 22)))
    answer("create 2", works(lambda: numbers.put(2, 23, gadget.MapFlags.NoExist)))
    answer("replace 9", works(lambda: numbers.put(9, 9, gadget.MapFlags.Exist)))
    answer("delete 1", works(lambda: numbers.__delitem__(1)))
    answer("delete 1", works(lambda: numbers.__delitem__(1)))
    answer("value 1", 1 in numbers)
    answer("missing map", works(lambda: gadget.map("nothing", gadget.Uint32, gadget.Uint32).handle))
    made = gadget.new_map("made", gadget.MapType.Hash, gadget.Uint32, gadget.Uint64, 4)
    made[3] = 33
    tell("made 3", made[3])
    answer("map released", works(made.close))


def machine() -> None:
    """Set 4: handles, syscalls, symbols, perf readers."""
    answer("handle released", works(gadget.map("numbers", gadget.Uint32, gadget.Uint64).close))
    tell("syscall 0", gadget.syscall_name(0))
    tell("syscall 4095", gadget.syscall_name(4095))
    read = gadget.syscall_declaration("read")
    tell("declared", read.name)
    tell("parameters", len(read.params))
    for param in read.params:
        tell("pointer" if param.is_pointer else "value", param.name)
    answer("missing declaration", works(lambda: gadget.syscall_declaration("nothing")))
    answer("symbol round_trip", gadget.kernel_symbol_exists("round_trip"))
    answer("symbol nothing", gadget.kernel_symbol_exists("nothing"))
    perf()


def perf() -> None:
    """Set 4: a perf reader, until it is drained."""
    reader = gadget.perf_reader("events", gadget.Raw(12), size=4096, overwritable=True)
    for record in reader:
        tell("record", record.decode())
    reader.pause()
    answer("third record", reader.read() is not None)
    reader.resume()
    answer("reader closed", works(reader.close))


def syscalls() -> None:
    """Set 5: numbers of syscalls."""
    tell("id of openat", gadget.syscall_id("openat"))
    answer("id of nothing", works(lambda: gadget.syscall_id("nothing")))


def discards() -> None:
    """Set 7: the filter of mount namespaces."""
    answer("discard 1", gadget.should_discard_mntns_id(1))
    answer("discard 2", gadget.should_discard_mntns_id(2))


def levels() -> None:
    """Set 8: which levels are wanted."""
    answer("debug wanted", gadget.log.enabled(gadget.LogLevel.Debug))
    answer("trace wanted", gadget.log.enabled(gadget.LogLevel.Trace))


# ----------------------------------------------------------------------------------------------- callbacks


@source.on_event
def copy(event: gadget.Event) -> None:
    """Copy an event field by field."""
    with out.packet() as packet:
        for get, put in zip(gets, puts, strict=True):
            packet[put] = event[get]


@rows.on_array
def copy_rows(array: gadget.Array) -> None:
    """Copy an array row by row."""
    with rows_out.array() as packet:
        for event in array:
            row = packet.append()
            for get, put in zip(row_gets, row_puts, strict=True):
                row[put] = event[get]


@calls.on_event(priority=10)
def last(event: gadget.Event) -> None:
    """The last subscriber."""
    tell("data", event[calls_n])


@calls.on_packet(priority=-10)
def first(packet: gadget.Event) -> None:
    """The first subscriber."""
    tell("packet", packet[calls_n])


@calls.on_event
def middle(event: gadget.Event) -> None:
    """A subscriber that changes the event."""
    tell("middle", event[calls_n])
    event[calls_n] += 1
    if signature_set >= 6:
        answer("wrong width", works(lambda: event[wrong]))


@lists.on_event
def element(event: gadget.Event) -> None:
    """A subscriber to elements."""
    tell("element", event[lists_n])
    event[lists_n] += 1


@lists.on_array(priority=10)
def whole(array: gadget.Array) -> None:
    """A subscriber to arrays, that appends."""
    tell("array of", len(array))
    array.append({lists_n: 99})


@lists.on_packet(priority=-10)
def array_packet(array: gadget.Array) -> None:
    """A subscriber to packets of arrays."""
    tell("packet of", len(array))
