from __future__ import annotations

from gadget_host.schema import FieldSchema, SourceSchema
from gadget_host.streams.undeclared import Undeclared

OPEN = SourceSchema("open", "single", (FieldSchema("pid", "Uint32"), FieldSchema("proc.comm", "String")))


def test_told_once() -> None:
    """Each field that a source does not declare is told once, with its full name."""
    told: list[str] = []
    undeclared = Undeclared(told.append)
    for _ in range(2):
        undeclared.look(OPEN, [{"pid": 1, "proc": {"comm": "x", "tid": 1}}, {"secret": 1}, 7])
    assert told == [
        "field 'proc.tid' is dropped: data source 'open' does not declare it",
        "field 'secret' is dropped: data source 'open' does not declare it",
    ]


def test_late_fields() -> None:
    """A field that comes later and stays is found; rows of arrays are looked at as well."""
    told: list[str] = []
    undeclared = Undeclared(told.append)
    undeclared.look(OPEN, [{"pid": 1}])
    undeclared.look(OPEN, [[{"pid": 1}, {"late": 1}], {}])
    assert told == ["field 'late' is dropped: data source 'open' does not declare it"]
