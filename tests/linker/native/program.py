"""Looks at the library that is between Python and the host."""

import sys

import gadget
from gadget._host import host

events = gadget.source("events")
number = events.field("number", gadget.Uint64)
text = events.field("text", str)
raw = events.field("raw", bytes)
copies = gadget.new_source("copies")
copy = copies.add_field("copy", str)
SHORT = ("field_get_scalar", "field_get_buffer", "field_get_text", "field_set_scalar", "field_set_buffer")


@gadget.on_start
def start() -> None:
    """Say what the host's functions are, and call them wrongly."""
    print("kinds:", {type(getattr(host, name)).__name__ for name in (*SHORT, "field_set_text")})
    for function, *arguments in (
        (host.field_get_scalar, "1", 2, 3),
        (host.field_get_buffer, 1, None, 14, 16),
        (host.field_set_scalar, 1, 2, 8, "3"),
        (host.field_set_buffer, 1, 2, 14, "text"),
        (host.field_set_text, 1, 2, b"bytes"),
        (host.field_set_text, 1, 2, "\udc80"),
    ):
        try:
            print("no error:", function(*arguments))
        except Exception as error:
            print(type(error).__name__)
    print(
        "none:",
        host.field_get_scalar(99, 2, 8),
        host.field_get_text(99, 2, 9),
        host.field_set_text(99, 2, ""),
    )


@events.on_event
def work(event: gadget.Event) -> None:
    """Read and write everything; the copy is a callback inside this one."""
    event[number] = event[number] ^ (1 << 64) - 1
    event[text], event[raw] = event[text][::-1], event[raw] + b"\0"
    copies.emit({copy: event[text]})
    if event[text] == "skcolb":
        print("blocks:", sys.getallocatedblocks())


@copies.on_event
def shout(event: gadget.Event) -> None:
    """Change the copy."""
    event[copy] = event[copy].upper()
