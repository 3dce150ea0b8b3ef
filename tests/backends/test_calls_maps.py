from __future__ import annotations

from typing import Any

import pytest

from gadget_host._state import CallError
from gadget_host.backends.maps import MAP_TYPES, MapRef
from gadget_host.calls import maps as calls

HASH, ARRAY = MAP_TYPES["Hash"], MAP_TYPES["Array"]


def handle(host: Any, ref: MapRef) -> int:
    """Register what a call returned, as the lift does."""
    return int(host.new_handle("map", ref))


def test_new_map(host: Any, buffer: Any) -> None:
    """A new map takes and gives values and forgets them."""
    ref, out = calls.new_map(host, "m", HASH, 4, 4, 8), buffer(6)
    calls.map_update(host, ref, b"key1", b"val1", 0)
    calls.map_lookup(host, ref, b"key1", out)
    calls.map_delete(host, ref, b"key1")
    assert (out.bytes, len(ref.map), ref.created) == (b"val1??", 0, True)


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        ((34, 4, 4, 4), "no map type 34"),
        ((HASH, 0, 4, 4), "key size"),
        ((ARRAY, 8, 4, 4), "keys of 4 bytes"),
        ((MAP_TYPES["ArrayOfMaps"], 4, 4, 4), "needs an inner map, which newMap cannot name"),
        ((MAP_TYPES["LPMTrie"], 8, 4, 4), "BPF_F_NO_PREALLOC"),
        ((MAP_TYPES["SockMap"], 4, 4, 4), "no stand-in"),
        ((HASH, 4, 4, 0xFFFFFFFF), "E2BIG"),
        ((ARRAY, 4, 8, 0xFFFFFFFF), "ENOMEM"),
    ],
)
def test_new_map_refusals(host: Any, args: tuple[int, int, int, int], reason: str) -> None:
    """What the kernel, upstream or this host cannot make fails with the reason."""
    with pytest.raises(CallError, match=reason) as caught:
        calls.new_map(host, "m", *args)
    assert caught.value.code is None


@pytest.mark.parametrize("name", ["", "a/b", "\0", "\udcff", "a name of more than fifteen bytes"])
def test_any_name(host: Any, name: str) -> None:
    """No name is refused, as upstream makes every name fit the kernel."""
    made = calls.new_map(host, name, HASH, 4, 4, 4).map.name
    assert (len(made) <= 15, made.isascii(), set(made) & set("/\0 ")) == (True, True, set())


def test_get_map(host: Any) -> None:
    """A registered map is found; each call gives a reference of its own, which mapRelease refuses."""
    m = host.maps.create("m")
    first, second = calls.get_map(host, "m"), calls.get_map(host, "m")
    assert (first.map, first is second, first.created) == (m, False, False)


def test_get_map_unknown(host: Any) -> None:
    """An unknown name fails and the names that exist are told."""
    host.maps.create("there")
    with pytest.raises(CallError, match="there is no map 'nowhere'; there are 'there'"):
        calls.get_map(host, "nowhere")


class TestLookup:
    """mapLookup."""

    @pytest.mark.parametrize(
        ("key", "size"), [(b"none", 4), (b"key", 4), (b"longkey", 4), (b"key1", 3), (b"key1", 0), (b"", 4)]
    )
    def test_failures_leave_the_buffer_alone(self, host: Any, buffer: Any, key: bytes, size: int) -> None:
        """A missing key, a key of the wrong size and a buffer too short fail, and nothing is written."""
        ref, out = calls.new_map(host, "m", HASH, 4, 4, 8), buffer(size)
        calls.map_update(host, ref, b"key1", b"val1", 0)
        with pytest.raises(CallError):
            calls.map_lookup(host, ref, key, out)
        assert out.bytes == b"?" * size

    def test_per_cpu(self, host: Any, buffer: Any) -> None:
        """A per-CPU value needs round_up(size, 8) bytes for each CPU, and comes back as it was set."""
        ref = calls.new_map(host, "m", MAP_TYPES["PerCPUArray"], 4, 4, 1)
        value = bytes(range(16))
        calls.map_update(host, ref, bytes(4), value, 0)
        with pytest.raises(CallError):
            calls.map_lookup(host, ref, bytes(4), buffer(15))
        out = buffer(16)
        calls.map_lookup(host, ref, bytes(4), out)
        assert out.bytes == value

    def test_queue(self, host: Any, buffer: Any) -> None:
        """A queue is pushed and peeked with an empty key."""
        ref, out = calls.new_map(host, "m", MAP_TYPES["Queue"], 0, 1, 2), buffer(1)
        calls.map_update(host, ref, b"", b"a", 0)
        calls.map_update(host, ref, b"", b"b", 0)
        calls.map_lookup(host, ref, b"", out)
        assert out.bytes == b"a"


@pytest.mark.parametrize("flags", [5, 8, 1 << 63])
def test_update_flags(host: Any, flags: int) -> None:
    """Flags above Lock are refused before anything else, whatever the rest."""
    ref = MapRef(host.maps.create("m", type="ProgramArray"))
    with pytest.raises(CallError, match=f"no such update flags: {flags}"):
        calls.map_update(host, ref, b"", b"", flags)


@pytest.mark.parametrize(
    ("key", "value", "flags"),
    [
        (b"key", b"val1", 0),
        (b"key1", b"val", 0),
        (b"key1", b"value1", 0),
        (b"key1", b"val1", 2),
        (b"key1", b"val1", 4),
    ],
)
def test_update_failures(host: Any, key: bytes, value: bytes, flags: int) -> None:
    """Wrong sizes and flags that do not hold change nothing."""
    ref = calls.new_map(host, "m", HASH, 4, 4, 8)
    with pytest.raises(CallError):
        calls.map_update(host, ref, key, value, flags)
    assert len(ref.map) == 0


def test_delete_failures(host: Any) -> None:
    """Deleting what is not there, or from an array, fails."""
    for type_ in (HASH, ARRAY):
        with pytest.raises(CallError):
            calls.map_delete(host, calls.new_map(host, "m", type_, 4, 4, 8), bytes(4))


@pytest.mark.parametrize("type_", ["ProgramArray", "PerfEventArray", "CGroupArray"])
def test_descriptors_are_kept_from_guests(host: Any, buffer: Any, type_: str) -> None:
    """Arrays of programs, perf events and cgroups can be made and fetched, but not accessed."""
    host.maps.create("m", type=type_)
    for ref in (calls.new_map(host, "n", MAP_TYPES[type_], 4, 4, 2), calls.get_map(host, "m")):
        for call, args in (
            (calls.map_lookup, (bytes(4), buffer(4))),
            (calls.map_update, (bytes(4), bytes(4), 0)),
            (calls.map_delete, (bytes(4),)),
        ):
            with pytest.raises(CallError, match="may not access"):
                call(host, ref, *args)


class TestMapsOfMaps:
    """Values that are handles."""

    @pytest.fixture
    def outer(self, host: Any) -> MapRef:
        """A hash of hashes that the embedder made."""
        host.maps.create(
            "outer", type="HashOfMaps", key_size=1, inner=host.maps.create("like", max_entries=4)
        )
        return calls.get_map(host, "outer")

    def test_round_trip(self, host: Any, buffer: Any, outer: MapRef) -> None:
        """A map put in by its handle comes out under a new handle, and is the same map."""
        inner, out = calls.new_map(host, "inner", HASH, 4, 4, 4), buffer(6)
        number = handle(host, inner)
        calls.map_update(host, outer, b"k", number.to_bytes(4, "little") + b"more", 0)
        calls.map_lookup(host, outer, b"k", out)
        found = int.from_bytes(out.bytes[:4], "little")
        ref = host.object(found, "map")
        assert (found != number, ref.map is inner.map, ref.created, out.bytes[4:]) == (
            True,
            True,
            False,
            b"??",
        )

    def test_a_released_map_lives_on_inside(self, host: Any, buffer: Any, outer: MapRef) -> None:
        """mapRelease drops the handle; the map of maps keeps the map."""
        inner = calls.new_map(host, "inner", HASH, 4, 4, 4)
        calls.map_update(host, outer, b"k", handle(host, inner).to_bytes(4, "little"), 0)
        calls.map_release(host, inner)
        calls.map_lookup(host, outer, b"k", buffer(4))
        assert [ref.map for _, ref in host.handles.values()] == [inner.map]

    @pytest.mark.parametrize("value", [b"", b"\1\0\0", b"\0\0\0\0", b"\x63\0\0\0", b"\2\0\0\0"])
    def test_bad_handles(self, host: Any, outer: MapRef, value: bytes) -> None:
        """No handle, half of one, 0, an unknown one, and one of something else fail."""
        handle(host, calls.new_map(host, "inner", HASH, 4, 4, 4))
        assert host.new_handle("field", object()) == 2
        with pytest.raises(CallError):
            calls.map_update(host, outer, b"k", value, 0)

    def test_unlike_map(self, host: Any, outer: MapRef) -> None:
        """A map unlike the inner map is refused."""
        number = handle(host, calls.new_map(host, "inner", HASH, 4, 8, 4))
        with pytest.raises(CallError, match="not like the inner map"):
            calls.map_update(host, outer, b"k", number.to_bytes(4, "little"), 0)

    def test_missing_key(self, host: Any, buffer: Any, outer: MapRef) -> None:
        """A missing key fails (the real host traps) and makes no handle."""
        with pytest.raises(CallError):
            calls.map_lookup(host, outer, b"k", buffer(4))
        assert host.handles == {}

    def test_short_buffer(self, host: Any, buffer: Any, outer: MapRef) -> None:
        """A buffer that holds no handle fails and makes none."""
        outer.map.put(b"k", host.maps["like"])
        with pytest.raises(CallError, match="does not hold the 4 bytes"):
            calls.map_lookup(host, outer, b"k", buffer(3))
        assert host.handles == {}

    def test_full_table(self, host: Any, buffer: Any, outer: MapRef) -> None:
        """A full handle table fails the call instead of giving handle 0."""
        outer.map.put(b"k", host.maps["like"])
        host.room = 0
        out = buffer(4)
        with pytest.raises(CallError, match="too many open handles"):
            calls.map_lookup(host, outer, b"k", out)
        assert out.bytes == b"????"


class TestRelease:
    """mapRelease."""

    def test_created(self, host: Any) -> None:
        """The handle of newMap is dropped."""
        ref = calls.new_map(host, "m", HASH, 4, 4, 4)
        handle(host, ref)
        calls.map_release(host, ref)
        assert host.handles == {}

    def test_fetched(self, host: Any) -> None:
        """A map that getMap found is not closed, and its handle stays."""
        host.maps.create("m")
        ref = calls.get_map(host, "m")
        handle(host, ref)
        with pytest.raises(CallError, match="map 'm' was not made by newMap"):
            calls.map_release(host, ref)
        assert len(host.handles) == 1
