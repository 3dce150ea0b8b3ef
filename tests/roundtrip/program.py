"""The round-trip contract in Python: events of "in" go to "out", arrays of "rows" to "rows_out"."""

import gadget

KINDS = [kind for kind in gadget.Kind if kind != gadget.Kind.Invalid]

source, rows = gadget.source("in"), gadget.source("rows")
out, rows_out = gadget.new_source("out"), gadget.new_source("rows_out", array=True)


def _access(kind: gadget.Kind) -> gadget.Kind:
    """The kind to read and write a field with: the bytes of a CString, padding and all, are Bytes."""
    return gadget.Kind.Bytes if kind == gadget.Kind.CString else kind


copies = [(source.field(k.name, _access(k)), out.add_field(k.name, k)) for k in KINDS]
row_copies = [(rows.field(k.name, _access(k)), rows_out.add_field(k.name, k)) for k in KINDS]


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
