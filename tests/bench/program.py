"""One event: read a scalar, read a string, write the string back."""

import gadget

opens = gadget.source("open")
pid = opens.field("pid", gadget.Uint32)
fname = opens.field("fname", str)


@opens.on_event
def touch(event: gadget.Event) -> None:
    """Three host calls."""
    _ = event[pid]
    event[fname] = event[fname]
