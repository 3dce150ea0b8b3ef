"""Sources and fields: names, tags, annotations, what is found and what is refused."""

from typing import Any

import pytest

from gadget_abi import EmbedderError
from gadget_host._state import CallError
from gadget_host.backends.config import Config
from gadget_host.schema import EventError, FieldSchema, SourceSchema
from gadget_host.sources import SourceRegistry
from gadget_host.views import EventView
from tests.plane.rig import KINDS, Rig


@pytest.fixture
def rig() -> Rig:
    """A plane with a guest."""
    return Rig()


def fields(*names: str, kind: str = "Uint32") -> tuple[FieldSchema, ...]:
    """Fields of one kind."""
    return tuple(FieldSchema(name, kind) for name in names)


def test_a_source_is_found_by_its_exact_name_while_it_is_referenced(rig: Rig) -> None:
    """Names are case-sensitive; the empty one is a name; an unreferenced source goes on working."""
    source = rig.registry.add(SourceSchema("Open", "single", fields("it")))
    empty = rig.registry.create("", 2)
    assert rig.registry.get("Open") is source
    assert rig.registry.get("open") is None
    assert rig.registry.get("") is empty
    out = rig.registry.collect("Open")
    source.unreference()
    assert rig.registry.get("Open") is None
    assert not source.referenced
    assert rig.registry.all["Open"] is source
    source.emit({"it": 1})
    assert out.drain() == [{"it": 1}]


def test_a_guests_source_takes_the_place_of_one_of_the_same_name(rig: Rig) -> None:
    """The name leads to the new one; the old one goes on for those who have it."""
    old = rig.registry.add(SourceSchema("s", "single", fields("it")))
    out = rig.registry.collect("s")
    new = rig.registry.create("s", 1)
    assert rig.registry.get("s") is new
    old.emit({"it": 1})
    assert out.drain() == [{"it": 1}]


@pytest.mark.parametrize("type", [0, 3, 1 << 31])
def test_a_source_is_single_or_array(rig: Rig, type: int) -> None:
    """Other types are refused."""
    with pytest.raises(CallError, match="no type"):
        rig.registry.create("s", type)


def test_the_embedder_cannot_add_a_source_twice(rig: Rig) -> None:
    """A second source of the name is the embedder's error."""
    rig.registry.add(SourceSchema("s", "single"))
    with pytest.raises(EmbedderError, match="there is a data source 's' already"):
        rig.registry.add(SourceSchema("s", "array"))


def test_fields_are_found_by_full_name_and_then_ignoring_case(rig: Rig) -> None:
    """The exact name wins; another case finds the first of several; the rest is not there."""
    source = rig.registry.add(SourceSchema("s", "single", fields("PID", "pid", "proc.Comm")))
    names = {asked: found and found.full_name for asked in NAMES for found in [source.field(asked)]}
    assert names == NAMES


NAMES = {
    "pid": "pid",
    "PID": "PID",
    "Pid": "PID",
    "PROC.comm": "proc.Comm",
    "comm": None,
    "proc": None,
    "": None,
}


def test_guests_add_fields_of_any_kind_once(rig: Rig) -> None:
    """All kinds, Invalid included, under any name that is not taken; another case is another field."""
    source = rig.registry.create("s", 1)
    for kind in KINDS:
        assert source.add_guest_field(kind, kind).kind == kind
        with pytest.raises(CallError, match="already"):
            source.add_guest_field(kind, "Bool")
        source.add_guest_field(kind.upper() + "'", kind)
    assert source.add_guest_field("", "Bytes").full_name == ""
    assert [field.index for field in source.fields] == list(range(len(source.fields)))


def test_the_fields_of_a_source_are_bounded(rig: Rig) -> None:
    """A guest that adds fields for ever is stopped."""
    source = rig.registry.create("s", 1)
    for number in range(4096):
        source.add_guest_field(str(number), "Uint8")
    with pytest.raises(CallError, match="room for 4096 fields"):
        source.add_guest_field("one more", "Uint8")
    out = rig.registry.collect("s")
    source.emit({"17": 4, "4095": 255})
    assert {name: value for name, value in out.drain()[0].items() if value} == {"17": 4, "4095": 255}


def test_the_subscriptions_of_a_source_are_bounded(rig: Rig) -> None:
    """A guest that subscribes for ever is stopped."""
    source = rig.registry.create("s", 1)
    for number in range(1000, 5096):
        source.subscribe_guest(1, 0, number, 0)
    with pytest.raises(CallError, match="room for 4096 subscriptions"):
        source.subscribe_guest(1, 0, 1, 0)
    source.emit({})
    assert [call[0] for call in rig.calls] == list(range(1000, 5096))


@pytest.mark.parametrize("kind", [0, 4, 1 << 31])
def test_unknown_subscription_types_are_refused(rig: Rig, kind: int) -> None:
    """There are data, array and packet."""
    with pytest.raises(CallError, match="no subscription type"):
        rig.registry.create("s", 2).subscribe_guest(kind, 0, 1, 0)


def test_arrays_are_not_subscribed_to_on_single_sources(rig: Rig) -> None:
    """It is an error for guests and for Python."""
    source = rig.registry.create("s", 1)
    with pytest.raises(CallError, match="single source"):
        source.subscribe_guest(2, 0, 1, 0)
    with pytest.raises(EmbedderError, match="source 's': arrays cannot"):
        source.subscribe(print, kind="array")


def test_dotted_names_of_the_host_are_levels_and_those_of_guests_are_not(rig: Rig) -> None:
    """A guest's "a.b" is one key; a host's is b in a, unless a is a value itself."""
    schema = SourceSchema("s", "single", fields("proc.pid", "proc.name.long", "flat", "flat.more"))
    source = rig.registry.add(schema)
    source.add_guest_field("proc.new", "String")
    source.add_guest_field("x.y", "Bool")
    out = rig.registry.collect("s")
    source.emit({"proc": {"pid": 3, "name": {"long": 4}}, "flat": 5, "flat.more": 6})
    assert out.drain() == [
        {
            "proc": {"pid": 3, "name": {"long": 4}},
            "flat": 5,
            "flat.more": 6,
            "proc.new": "",
            "x.y": False,
        }
    ]


def test_the_name_of_a_level_is_taken(rig: Rig) -> None:
    """No field can have the key under which others lie."""
    source = rig.registry.add(SourceSchema("s", "single", fields("proc.pid")))
    with pytest.raises(CallError, match="already"):
        source.add_guest_field("proc", "String")
    with pytest.raises(EmbedderError, match="name of an object"):
        source.add_field("proc", "String")
    with pytest.raises(EmbedderError, match="there already"):
        source.add_field("proc.pid", "String")


def test_fields_added_later_by_the_host_are_in_its_events(rig: Rig) -> None:
    """Also behind those a guest has added."""
    source = rig.registry.add(SourceSchema("s", "single", fields("a")))
    source.add_guest_field("guest", "Uint32")
    source.add_field("late.b", "string", tags=("x",))
    out = rig.registry.collect("s")
    source.emit_batch([{"a": 1, "late": {"b": "B"}}, {"a": 2, "guest": 7}])
    assert out.drain() == [
        {"a": 1, "guest": 0, "late": {"b": "B"}},
        {"a": 2, "guest": 7, "late": {"b": ""}},
    ]


def test_python_may_set_what_the_guest_added(rig: Rig) -> None:
    """An event with a guest's field goes in with it."""
    source = rig.registry.add(SourceSchema("s", "array", fields("a")))
    guest = rig.plane.new_handle("field", source.add_guest_field("guest", "String"))
    seen: list[Any] = []
    rig.on_callback = lambda number, s, data: seen.append(rig.read(guest, data))
    rig.subscribe(source)
    source.emit_batch([[{"a": 1}], [{"a": 2, "guest": "mine"}, {"guest": "too"}]])
    assert seen == [b"", b"mine", b"too"]


def test_unknown_keys_are_an_error_or_dropped(rig: Rig) -> None:
    """By default an unknown key is refused before anything is delivered; on request it does not come out."""
    source = rig.registry.add(SourceSchema("s", "single", fields("a", "g.b")))
    out = rig.registry.collect("s")
    events = [{"a": 1}, {"a": 2, "secret": "x", "g": {"b": 1, "c": 2}}]
    with pytest.raises(EventError, match="event 1: field 'secret': expected a field of the source"):
        source.emit_batch(events)
    assert out.drain() == []
    source.emit_batch(events, unknown="drop")
    assert out.drain() == [{"a": 1, "g": {"b": 0}}, {"a": 2, "g": {"b": 1}}]


def test_an_event_that_does_not_fit_stops_its_batch_before_anything_is_delivered(rig: Rig) -> None:
    """Nobody sees any event of it, and the next batch is whole."""
    source = rig.registry.add(SourceSchema("s", "array", fields("a")))
    out = rig.registry.collect("s")
    rig.subscribe(source)
    for bad in ([{"a": 1}, {"a": -1}], {"a": 1}, "x", [None]):
        with pytest.raises(EventError, match="event 1: "):
            source.emit_batch([[{"a": 1}], bad])
    assert (rig.calls, out.drain(), rig.registry.events_in) == ([], [], 0)
    source.emit_batch([[{"a": 1}], []])
    assert out.drain() == [[{"a": 1}], []]
    assert (rig.registry.events_in, rig.registry.events_out) == (2, 2)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("a", "Uint32", 0, 4), ("b", "Uint32", 2, 4)], "fields 'a' and 'b' overlap in part"),
        ([("a", "Uint32", 0, 8)], "kind Uint32, which does not have 8 bytes"),
    ],
)
def test_structures_that_cannot_be_are_refused(rig: Rig, members: list[Any], message: str) -> None:
    """Members that overlap in part, or whose size is not that of their kind, are the embedder's error."""
    schema = SourceSchema(
        "s", "single", tuple(FieldSchema(n, k, offset=o, size=s, payload=0) for n, k, o, s in members)
    )
    with pytest.raises(EmbedderError, match=message):
        rig.registry.add(schema)


@pytest.mark.parametrize("names", [("all", "low", "high"), ("high", "low", "all")])
def test_members_of_a_union_see_each_others_bytes(rig: Rig, names: tuple[str, ...]) -> None:
    """Whatever order they come in: what is written to one is read from the others, and all of them are shown."""
    members = {"all": ("Uint64", 0, 8), "low": ("Uint32", 0, 4), "high": ("Uint32", 4, 4)}
    schemas = (
        FieldSchema(name, kind, offset=offset, size=size, payload=0)
        for name in names
        for kind, offset, size in [members[name]]
    )
    source = rig.registry.add(SourceSchema("s", "single", tuple(schemas)))
    out = rig.registry.collect("s")

    def write(event: EventView) -> None:
        assert (event["low"], event["high"]) == (3, 1)
        event["high"] = 5
        assert event["all"] == 0x500000003

    source.emit({"all": 0x100000003})
    source.subscribe(write)
    source.emit({"all": 0x100000003})
    assert out.drain() == [
        {"all": 0x100000003, "low": 3, "high": 1},
        {"all": 0x500000003, "low": 3, "high": 5},
    ]


def test_fields_without_value_are_found_but_not_shown(rig: Rig) -> None:
    """Parents that only group, and unreferenced fields, are in the list; the latter are not found."""
    schema = SourceSchema(
        "s",
        "single",
        (
            FieldSchema("proc", "Invalid", flags=1 | 2),
            FieldSchema("proc.pid", "Uint32"),
            FieldSchema("gone", "Uint32", flags=32),
            FieldSchema("last", "String"),
        ),
    )
    source = rig.registry.add(schema)
    out = rig.registry.collect("s")
    source.emit({"proc": {"pid": 1}, "last": "x"})
    assert out.drain() == [{"proc": {"pid": 1}, "last": "x"}]
    assert source.field("proc") is source.fields[0]
    assert source.field("gone") is None
    assert [field.slot for field in source.fields] == [None, 0, 1, 2]


CONFIG = {
    "datasources": {
        "open": {
            "annotations": {"cli.clear-screen-before": True, "a": {"b": 1}},
            "tags": ["x", "y"],
            "fields": {
                "pid": {"annotations": {"columns.hidden": "true", "columns.width": 20}},
                "proc.comm": {"annotations": {"description": "who"}, "tags": ["name"]},
                "added": {"annotations": {"columns.hidden": "True"}},
            },
        }
    }
}


def test_configuration_annotates_what_is_made(rig: Rig) -> None:
    """Sources and fields get annotations and tags of the configuration as it is at that time."""
    config = Config(CONFIG)
    registry = SourceRegistry(rig.plane, config)
    schema = SourceSchema("open", "single", (*fields("pid"), FieldSchema("proc.comm", "String", tags=("t",))))
    source = registry.add(schema)
    config.set("datasources.open.fields.added.annotations.columns.hidden", "true")
    config.set("datasources.open.fields.pid.annotations.columns.hidden", "false")
    source.add_guest_field("added", "Bool")
    assert source.annotations == {"cli.clear-screen-before": "true", "a.b": "1"}
    assert source.tags == ["x", "y"]
    pid, comm, added = source.fields
    assert (pid.annotations, pid.hidden) == ({"columns.hidden": "true", "columns.width": "20"}, True)
    assert (comm.annotations, comm.tags, comm.hidden) == ({"description": "who"}, ["t", "name"], False)
    assert added.hidden


def test_the_schema_shows_the_source_as_it_is_now(rig: Rig) -> None:
    """Fields of the guest, tags and annotations are in it."""
    given = SourceSchema("s", "array", fields("a"), {"k": "v"}, ("t",))
    source = rig.registry.add(given)
    assert source.schema.fields[0].kind == "Uint32"
    source.add_guest_field("b", "Bytes").tags.append("tagged")
    assert [(f.name, f.kind, f.tags) for f in source.schema] == [
        ("a", "Uint32", ()),
        ("b", "Bytes", ("tagged",)),
    ]
    assert (source.schema.name, source.schema.type) == ("s", "array")
    assert (source.schema.annotations, source.schema.tags) == ({"k": "v"}, ("t",))


def test_hidden_fields_are_delivered_like_others(rig: Rig) -> None:
    """Hiding concerns presentation only."""
    source = rig.registry.add(SourceSchema("s", "single", (FieldSchema("a", "Uint8", flags=4),)))
    out = rig.registry.collect("s")
    source.emit({"a": 7})
    assert out.drain() == [{"a": 7}]
