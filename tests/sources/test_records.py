"""Events as an eBPF program writes them: C structures, one after the other."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gadget_abi import EmbedderError
from gadget_host.schema import FieldSchema, SourceSchema, SourceType
from gadget_host.sources import DISCARD, EventView, Source
from tests.plane.rig import Rig

FIELDS = (
    FieldSchema("pid", "Uint32", offset=0, size=4, payload=0),
    FieldSchema("comm", "CString", offset=4, size=8, payload=0),
)
RECORD = struct.Struct("<I8s")

EVENTS = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.text("abc /", max_size=8).map(str.encode)), max_size=20
)


def records(rows: list[tuple[int, bytes]]) -> bytes:
    """The bytes of these."""
    return b"".join(RECORD.pack(*row) for row in rows)


def events(rows: list[tuple[int, bytes]]) -> list[dict[str, object]]:
    """The events that they are."""
    return [{"pid": pid, "comm": comm.decode()} for pid, comm in rows]


def source_of(rig: Rig, kind: SourceType = "single", *fields: FieldSchema) -> Source:
    """A source of one structure."""
    return rig.registry.add(SourceSchema("exec", kind, FIELDS + fields))


@settings(deadline=None)
@given(EVENTS)
def test_what_is_collected_is_what_the_records_hold(rows: list[tuple[int, bytes]]) -> None:
    """Records in, events out."""
    rig = Rig()
    source, out = source_of(rig), rig.registry.collect("exec")
    source.emit_records(records(rows))
    assert out.drain() == events(rows)


@settings(deadline=None)
@given(EVENTS, st.integers(1, 7))
def test_records_of_an_array_source_come_in_packets(rows: list[tuple[int, bytes]], elements: int) -> None:
    """So many to a packet, in the last one what is left."""
    rig = Rig()
    source, out = source_of(rig, "array"), rig.registry.collect("exec")
    source.emit_records(records(rows), elements=elements)
    expected = events(rows)
    assert out.drain() == [expected[at : at + elements] for at in range(0, len(rows), elements)]


def test_a_subscriber_changes_and_discards_what_is_collected(rig: Rig) -> None:
    """Records pass along the subscriptions like any event."""
    source = source_of(rig)

    def subscriber(event: EventView) -> object:
        if event["pid"] == 2:
            return DISCARD
        event["comm"] = "***"
        return None

    source.subscribe(subscriber)
    out = rig.registry.collect("exec")
    given = bytearray(records([(1, b"sh"), (2, b"cat"), (3, b"ls")]))
    source.emit_records(given)
    assert out.drain() == [{"pid": 1, "comm": "***"}, {"pid": 3, "comm": "***"}]
    assert given == records([(1, b"sh"), (2, b"cat"), (3, b"ls")]), "what was given is as it was"


def test_a_million_records_go_to_the_plane_in_portions(rig: Rig) -> None:
    """More than fit into a buffer at once, from any kind of buffer."""
    source = source_of(rig)
    out = rig.registry.collect("exec")
    source.emit_records(memoryview(records([(7, b"yes")]) * 1_000_000)[: 12 * 999_999])
    assert len(out.drain()) == 999_999
    assert rig.registry.events_in == 999_999


def test_fields_that_a_guest_added_are_zero_in_records(rig: Rig) -> None:
    """The records have the fields of the embedder's only."""
    source = source_of(rig)
    source.add_guest_field("extra", "Uint64")
    out = rig.registry.collect("exec")
    source.emit_records(records([(1, b"sh")]))
    assert out.drain() == [{"pid": 1, "comm": "sh", "extra": 0}]


def test_bytes_that_are_no_whole_records_are_refused(rig: Rig) -> None:
    """Nothing is delivered then."""
    source, out = source_of(rig), rig.registry.collect("exec")
    with pytest.raises(EmbedderError, match="source 'exec': 25 bytes are not whole records of 12"):
        source.emit_records(bytes(25))
    assert out.drain() == []


def test_a_source_with_texts_of_any_length_has_no_records(rig: Rig) -> None:
    """The error says what is missing."""
    source = source_of(rig, "single", FieldSchema("path", "String"))
    with pytest.raises(EmbedderError, match="give its fields offset and size"):
        source.emit_records(bytes(12))


def test_a_packet_has_at_least_one_element(rig: Rig) -> None:
    """Zero records would never end."""
    with pytest.raises(EmbedderError, match="a packet of 0 records"):
        source_of(rig, "array").emit_records(bytes(12), elements=0)
