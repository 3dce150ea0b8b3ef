"""Events as Python subscribers see and change them."""

from collections.abc import Callable
from typing import Any

import pytest

from gadget_abi import EmbedderError
from gadget_host.schema import FieldSchema, SourceSchema
from gadget_host.sources import ArrayView, EventView
from tests.plane.rig import KINDS, Rig

FIELDS = (
    FieldSchema("pid", "Uint32"),
    FieldSchema("proc.comm", "String"),
    FieldSchema("proc.creds.uid", "Int32"),
    FieldSchema("ok", "Bool"),
    FieldSchema("ratio", "Float64"),
    FieldSchema("blob", "Bytes"),
    FieldSchema("path", "CString"),
)
EVENT: dict[str, Any] = {
    "pid": 7,
    "proc": {"comm": "sh", "creds": {"uid": -1}},
    "ok": True,
    "ratio": 0.5,
    "blob": b"\xff",
    "path": "/bin",
}


@pytest.fixture
def rig() -> Rig:
    """A plane with a guest."""
    return Rig()


def subscribed(rig: Rig, callback: Any, type: Any = "single", kind: Any = "data") -> Any:
    """A source with a subscriber, and its collector."""
    source = rig.registry.add(SourceSchema("s", type, FIELDS))
    source.subscribe(callback, kind=kind)
    return source, rig.registry.collect("s")


def test_an_event_reads_as_a_nested_mapping_and_by_full_names(rig: Rig) -> None:
    """Levels are mappings; a dotted name leads through them; what is not there is a KeyError."""
    seen = []

    def look(event: EventView) -> None:
        assert event == EVENT
        assert dict(event["proc"]["creds"]) == {"uid": -1}
        assert event["proc.comm"] == event["proc"]["comm"] == "sh"
        assert event["proc.creds"]["uid"] == event["proc"]["creds.uid"] == -1
        assert list(event) == list(EVENT)
        assert (len(event), len(event["proc"])) == (6, 2)
        assert "proc.comm" in event
        assert event.get("nothing", 3) == 3
        for name in ("nothing", "proc.nothing", "pid.x", "proc.comm.x"):
            with pytest.raises(KeyError):
                event[name]
        assert repr(event) == f"<EventView {EVENT!r}>"
        seen.append(event.to_dict())

    source, _ = subscribed(rig, look)
    source.emit(EVENT)
    assert seen == [EVENT]
    assert seen[0]["proc"] is not EVENT["proc"]


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("pid", 0, 0),
        ("pid", (1 << 32) - 1, (1 << 32) - 1),
        ("proc.comm", "a much longer name than before", "a much longer name than before"),
        ("proc.comm", "", ""),
        ("proc.comm", "\udcff", "\udcff"),
        ("proc.creds.uid", -(1 << 31), -(1 << 31)),
        ("ok", False, False),
        ("ratio", -1e300, -1e300),
        ("ratio", 3, 3.0),
        ("blob", bytes(300), bytes(300)),
        ("path", "a\0b", "a"),
    ],
)
def test_what_is_written_is_read_by_everyone_behind(rig: Rig, name: str, value: object, read: object) -> None:
    """By the view itself, by guests and collectors."""
    keys = name.split(".")

    def change(event: EventView) -> None:
        event[name] = value
        assert event[name] == read

    source, out = subscribed(rig, change)
    source.subscribe(lambda event: seen.append(event[name]), priority=1)
    seen: list[object] = []
    source.emit(EVENT)
    (found,) = out.drain()
    for key in keys:
        found = found[key]
    assert [*seen, found] == [read, read]


def test_levels_can_be_written(rig: Rig) -> None:
    """Through the level, or a whole level at once; what is not mentioned stays."""

    def change(event: EventView) -> None:
        event["proc"]["comm"] = "one"
        event["proc"] = {"creds": {"uid": 5}}
        event.update({"pid": 1, "ok": False})

    source, out = subscribed(rig, change)
    source.emit(EVENT)
    assert out.drain() == [{**EVENT, "pid": 1, "ok": False, "proc": {"comm": "one", "creds": {"uid": 5}}}]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("nothing", 1, "has no field 'nothing'"),
        ("proc.nothing", 1, "has no field 'proc.nothing'"),
        ("proc", 1, "has no field 'proc'"),
        ("pid", -1, "field 'pid': expected Uint32, 0 to 4294967295, found -1"),
        ("pid", "1", "field 'pid': expected Uint32"),
        ("ok", "yes", "field 'ok': expected Bool"),
    ],
)
def test_what_cannot_be_written_is_the_subscribers_error(
    rig: Rig, name: str, value: object, message: str
) -> None:
    """The event stays as it was and goes on if the error is caught."""

    def change(event: EventView) -> None:
        with pytest.raises(EmbedderError, match=message):
            event[name] = value
        assert event == EVENT

    source, out = subscribed(rig, change)
    source.emit(EVENT)
    assert out.drain() == [EVENT]


def test_fields_cannot_be_taken_out(rig: Rig) -> None:
    """An event has the fields of its source."""

    def change(event: EventView) -> None:
        with pytest.raises(EmbedderError, match="cannot be taken out"):
            del event["pid"]

    source, out = subscribed(rig, change)
    source.emit(EVENT)
    assert out.drain() == [EVENT]


@pytest.mark.parametrize("kind", ["data", "array", "packet"])
def test_a_view_ends_with_its_call(rig: Rig, kind: Any) -> None:
    """Afterwards reading and writing it, its levels and its elements raise."""
    kept: list[Any] = []

    def keep(view: Any) -> None:
        kept.append(view)
        if isinstance(view, ArrayView):
            kept.append(view[0])
            view[0]["pid"] = 8
        kept.append(kept[-1]["proc"])

    source, _ = subscribed(rig, keep, "array", kind)
    source.emit([EVENT])
    *views, level = kept
    for view in kept:
        with pytest.raises(EmbedderError, match="has returned"):
            len(view)
    uses: list[Callable[[], object]] = [
        lambda: views[-1]["pid"],
        lambda: views[-1].update(pid=1),
        lambda: level["comm"],
        lambda: level.update(comm="x"),
        lambda: views[-1].to_dict(),
    ]
    for use in uses:
        with pytest.raises(EmbedderError, match="has returned"):
            use()


def test_a_view_shows_what_an_emit_inside_the_subscriber_changed(rig: Rig) -> None:
    """A guest that kept the element in an array of its own, and changes it meanwhile, is seen."""
    source = rig.registry.add(SourceSchema("s", "array", FIELDS))
    other, _ = rig.source("other", "it:Uint32")
    pid, kept = rig.field(source, "pid"), rig.dataSourceNewPacketArray(rig.plane.new_handle("source", source))

    def callback(number: int, s: int, data: int) -> None:
        if number == 1:
            assert rig.dataArrayAppend(kept, data) == 0
        else:
            assert rig.fieldSet(pid, rig.dataArrayGet(kept, 0), KINDS["Uint32"], 99) == 0

    def look(event: EventView) -> None:
        assert event["pid"] == 7
        other.emit({"it": 1})
        seen.append(event["pid"])

    seen: list[int] = []
    rig.on_callback = callback
    rig.subscribe(source, callback=1)
    source.subscribe(look, priority=1)
    rig.subscribe(other, callback=2)
    source.emit([EVENT])
    assert seen == [99]


def test_arrays_read_as_sequences_and_can_be_changed(rig: Rig) -> None:
    """Elements are changed in place, added and taken out; collectors see the result."""

    def change(array: ArrayView) -> None:
        assert isinstance(array, ArrayView)
        assert [event["pid"] for event in array] == [0, 1, 2, 3]
        assert [event["pid"] for event in array[1:3]] == [1, 2]
        array[-1]["proc"]["comm"] = "last"
        first, second = array[0], array[1]
        del array[0]
        with pytest.raises(EmbedderError):
            first["pid"]
        assert second["pid"] == 1
        array.append({"pid": 9, "proc": {"comm": "new"}, "ratio": None})
        assert array[3].to_dict()["pid"] == 9
        assert len(array) == 4
        for bad in ({"pid": -1}, {"nothing": 1}, 5):
            with pytest.raises((EmbedderError, AttributeError)):
                array.append(bad)  # type: ignore[arg-type]
        assert len(array) == 4
        with pytest.raises(IndexError):
            array[4]
        with pytest.raises(IndexError):
            del array[-5]
        assert [event["pid"] for event in array.to_list()] == [1, 2, 3, 9]

    source, out = subscribed(rig, change, "array", "array")
    source.emit([{**EVENT, "pid": n} for n in range(4)])
    changed = {**EVENT, "pid": 3, "proc": {**EVENT["proc"], "comm": "last"}}
    added = {
        "pid": 9,
        "proc": {"comm": "new", "creds": {"uid": 0}},
        "ok": False,
        "ratio": 0.0,
        "blob": b"",
        "path": "",
    }
    assert out.drain() == [[{**EVENT, "pid": 1}, {**EVENT, "pid": 2}, changed, added]]


def test_packet_subscribers_get_events_or_arrays(rig: Rig) -> None:
    """Kind "packet" is an event on a single source and an array on an array source."""
    kinds: list[type] = []
    for name, event in (("single", EVENT), ("array", [EVENT])):
        source = rig.registry.add(SourceSchema(name, name, FIELDS))  # type: ignore[arg-type]
        source.subscribe(lambda view: kinds.append(view.__class__), kind="packet")
        source.emit(event)
    assert kinds == [EventView, ArrayView]


def test_a_field_whose_bytes_the_guest_replaced_refuses_its_own_kind(rig: Rig) -> None:
    """What the plane refuses a guest it refuses Python."""
    source = rig.registry.add(SourceSchema("s", "single", FIELDS))
    pid = rig.field(source, "pid")
    rig.on_callback = lambda number, s, data: rig.write(pid, data, b"abc")

    def change(event: EventView) -> None:
        assert event["pid"] == 0
        with pytest.raises(EmbedderError, match="field 'pid': the field does not hold as many bytes"):
            event["pid"] = 1

    rig.subscribe(source)
    source.subscribe(change, priority=1)
    source.emit(EVENT)
