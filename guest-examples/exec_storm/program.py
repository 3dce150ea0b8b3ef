"""Find processes that start others in a rush: crash loops, restart storms, fork bombs, busy scripts."""

from typing import NamedTuple

import gadget

limit = gadget.param("limit", default=50)  # starts
window = gadget.param("window", default=1000)  # milliseconds

execs = gadget.source("exec")
timestamp = execs.field("timestamp_raw", gadget.Uint64)
comm = execs.field("proc.comm", str)
parent_pid = execs.field("proc.parent.pid", gadget.Uint32)
parent_comm = execs.field("proc.parent.comm", str)
execs.unreference()  # replaced by our own source

storms = gadget.new_source("storm")
TIMESTAMP = storms.add_field("timestamp_raw", gadget.Uint64)
COMM = storms.add_field("comm", str)
PID = storms.add_field("pid", gadget.Uint32)
STARTS = storms.add_field("starts", gadget.Uint32)
TOOK = storms.add_field("took_ms", gadget.Uint32)
LATEST = storms.add_field("latest", str)


class Window(NamedTuple):
    """What the map holds for a parent process: struct { __u64 since; __u32 starts; __u32 pad; }."""

    since: int  # nanoseconds
    starts: int


# An LRU map forgets the parents that have been quiet for longest. (One that an eBPF program fills: gadget.map.)
parents = gadget.new_map(
    "storm_parents",
    gadget.MapType.LRUHash,
    key=gadget.Uint32,
    value=gadget.Struct("QI4x", Window),
    max_entries=4096,
)


@execs.on_event
def started(event: gadget.Event) -> None:
    """Count a start for the parent, in its current window or in a new one."""
    pid, now = event[parent_pid], event[timestamp]
    since, starts = parents.get(pid, Window(now, 0))
    if now - since > window.value * 1_000_000:
        gadget.log.debug("%s[%d]: %d starts in the window before", event[parent_comm], pid, starts)
        since, starts = now, 0
    parents[pid] = Window(since, starts + 1)
    if starts + 1 == limit.value:
        report(event, pid, (now - since) // 1_000_000)


def report(event: gadget.Event, pid: int, took: int) -> None:
    """Tell the log and the subscribers of our source, once per parent and window."""
    name = event[parent_comm]
    gadget.log.warn("%s[%d] started %d programs in %d ms", name, pid, limit.value, took)
    storms.emit(
        {
            TIMESTAMP: event[timestamp],
            COMM: name,
            PID: pid,
            STARTS: limit.value,
            TOOK: took,
            LATEST: event[comm],
        }
    )


@gadget.on_start
def announce() -> None:
    """Say what counts as a storm."""
    gadget.log.info("looking for %d starts within %d ms", limit.value, window.value)
