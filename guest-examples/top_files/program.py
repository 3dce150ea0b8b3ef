"""Count which files are opened most often, and show a table every so many opens and at the end."""

from collections import Counter

import gadget

every = gadget.param("every", default=5000)
top = gadget.param("top", default=10)

opens = gadget.source("open")
fname = opens.field("fname", str)
error = opens.field("error_raw", gadget.Uint32)
opens.unreference()  # counted, not shown

table = gadget.new_source("top_files", array=True)
FILE = table.add_field("file", str)
OPENS = table.add_field("opens", gadget.Uint64)
FAILED = table.add_field("failed", gadget.Uint64)


class Tally:
    """The opens since the last table."""

    def __init__(self) -> None:
        self.total = 0
        self.opens: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()

    def ranking(self) -> list[tuple[str, int]]:
        """Return (file name, opens), the most opened first and equals by name."""
        return sorted(self.opens.items(), key=lambda item: (-item[1], item[0]))[: top.value]


tally = Tally()


@opens.on_event
def count(event: gadget.Event) -> None:
    """Count an open, and show the table when its time has come."""
    name = event[fname]
    tally.opens[name] += 1
    if event[error]:
        tally.failed[name] += 1
    tally.total += 1
    if tally.total == every.value:
        show()


@gadget.on_stop
def show() -> None:
    """Emit the table and begin a new one: memory stays bounded, however long the gadget runs."""
    global tally
    done, tally = tally, Tally()
    if done.total:
        table.emit({FILE: name, OPENS: opens, FAILED: done.failed[name]} for name, opens in done.ranking())
