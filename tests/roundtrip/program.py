"""The round-trip contract in Python: events of "in" go to "out", arrays of "rows" to "rows_out"."""

from typing import Any

import gadget

INTEGERS = [gadget.Int8, gadget.Int16, gadget.Int32, gadget.Int64]
INTEGERS += [gadget.Uint8, gadget.Uint16, gadget.Uint32, gadget.Uint64]
KINDS: list[gadget.Kind[Any]] = [gadget.Bool, *INTEGERS, gadget.Float32, gadget.Float64]
KINDS += [gadget.String, gadget.CString, gadget.Bytes]

source, rows = gadget.source("in"), gadget.source("rows", array=True)
out, rows_out = gadget.new_source("out"), gadget.new_source("rows_out", array=True)

copies = [(source.field(k.name, k), out.add_field(k.name, k)) for k in KINDS]
row_copies = [(rows.field(k.name, k), rows_out.add_field(k.name, k)) for k in KINDS]


@source.on_event
def copy(event: gadget.Event) -> None:
    """Copy an event field by field."""
    with out.packet() as packet:
        for get, put in copies:
            packet[put] = event[get]


@rows.on_array
def copy_rows(array: gadget.Array) -> None:
    """Copy an array row by row."""
    with rows_out.array() as packet:
        for event in array:
            row = packet.append()
            for get, put in row_copies:
                row[put] = event[get]
