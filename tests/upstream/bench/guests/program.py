"""The benchmark's guest in Python. README.md says what every guest does."""

import gadget

DIGITS = "0123456789"

events = gadget.source("events")
pid = events.field("pid", gadget.Uint32)
text = events.field("text", str)
calls = gadget.param("calls", default=3)

rounds, reads = 1, 0


@gadget.on_start
def start() -> None:
    """Learn how many host calls an event takes."""
    global rounds, reads
    rounds, reads = divmod(calls.value, 3)


@events.on_event
def touch(event: gadget.Event) -> None:
    """Move the text on by a digit of the process ID, in each round."""
    for _ in range(rounds):
        event[text] = event[text][1:] + DIGITS[event[pid] % 10]
    for _ in range(reads):
        _ = event[pid]
