"""Quirks of maps and perf readers, careful and strict, and what changed about maps."""

import struct
from collections.abc import Callable
from typing import Any

import pytest

from gadget_abi import GuestError
from gadget_host import MapRegistry
from tests.host.puppet import SCRATCH, Puppet

HASH, ARRAY, PROGRAMS, PERF, CGROUPS, RING, BEYOND = 1, 2, 3, 4, 8, 27, 34
BOTH = pytest.mark.parametrize("release", ["v0.36.1", "v0.37.0", "v0.38.1", "v0.55.1"])
END = 0x10000


def key(number: int) -> bytes:
    """A key of four bytes."""
    return struct.pack("<I", number)


def nested(release: str, *, strict: bool = False) -> Puppet:
    """A gadget with a hash of maps "outer" that holds the map "inner" under 1."""
    maps: Any = MapRegistry(cpus=2)
    inner = maps.create("inner", type="Array", max_entries=3)
    maps.create("outer", type="HashOfMaps", inner=inner).put(1, inner)
    return Puppet(release, maps=maps, strict=strict)


# ------------------------------------------------------------------------------------- missing-key-found


@BOTH
def test_quirk_missing_key_found_careful(release: str) -> None:
    """A key that is not there makes mapLookup fail with 1, and nothing is written."""
    with Puppet(release) as p:
        handle = p.newMap("counts", HASH, 4, 4, 8)
        room = p.room(4)
        assert p.mapLookup(handle, key(7), room) == 1
        assert p.read(room) == b"????"
        assert p.mapUpdate(handle, key(7), key(70), 0) == 0
        assert p.mapLookup(handle, key(7), room) == 0
        assert p.read(room) == key(70)


@BOTH
def test_quirk_missing_key_found_strict(release: str) -> None:
    """A key that is not there makes mapLookup succeed, and nothing is written, whatever there is room for."""
    with Puppet(release, strict=True) as p:
        handle = p.newMap("counts", HASH, 4, 4, 8)
        room = p.room(4)
        assert p.mapLookup(handle, key(7), room) == 0
        assert p.mapLookup(handle, key(7), 0) == 0
        assert p.read(room) == b"????"
        assert p.mapLookup(handle, b"short", room) == 1
        assert p.mapLookup(handle, key(7), END + 1) == 1
        assert p.mapUpdate(handle, key(7), key(70), 0) == 0
        assert p.mapLookup(handle, key(7), room) == 0
        assert p.read(room) == key(70)
        assert p.mapLookup(handle, key(7), p.room(3)) == 1


def test_quirk_missing_key_found_careful_in_a_map_of_maps() -> None:
    """As in any other map."""
    with nested("v0.55.1") as p:
        assert p.mapLookup(p.getMap("outer"), key(2), p.room(4)) == 1


def test_quirk_missing_key_found_strict_in_a_map_of_maps() -> None:
    """The real host takes a map out of nothing: the call traps, and the gadget goes on."""
    with nested("v0.55.1", strict=True) as p:
        outer = p.getMap("outer")
        with pytest.raises(GuestError, match="mapLookup: trapped: the real host takes a map out of a value"):
            p.mapLookup(outer, key(2), p.room(4))
        assert p.mapLookup(outer, key(1), p.room(4)) == 0


# ------------------------------------------------------------------------------------ short-inner-handle


def test_quirk_short_inner_handle_careful() -> None:
    """A value too short for a handle fails with 1."""
    with nested("v0.55.1") as p:
        assert p.mapUpdate(p.getMap("outer"), key(1), b"abc", 0) == 1


def test_quirk_short_inner_handle_strict() -> None:
    """A value too short for a handle traps, and the gadget goes on."""
    with nested("v0.55.1", strict=True) as p:
        outer = p.getMap("outer")
        with pytest.raises(
            GuestError, match="mapUpdate: trapped: the real host reads 4 bytes of a value of 3"
        ):
            p.mapUpdate(outer, key(1), b"abc", 0)
        assert p.mapUpdate(outer, key(1), key(p.getMap("inner")), 0) == 0


# ---------------------------------------------------------------------------------------- per-cpu-update


def test_quirk_per_cpu_update_careful() -> None:
    """The slots of all CPUs are set, of any size."""
    with Puppet(maps=MapRegistry(cpus=2)) as p:
        for size in (1, 4):
            handle = p.newMap("counts", 6, 4, size, 2)
            slots = bytes(range(1, 17))
            assert p.mapUpdate(handle, key(0), slots, 0) == 0
            room = p.room(16)
            assert p.mapLookup(handle, key(0), room) == 0
            assert p.read(room)[:size] == slots[:size]


def test_quirk_per_cpu_update_strict() -> None:
    """A byte for each CPU, in maps of one-byte values; every other map refuses."""
    with Puppet(strict=True, maps=MapRegistry(cpus=2)) as p:
        bytes_, words = p.newMap("bytes", 6, 4, 1, 2), p.newMap("words", 6, 4, 4, 2)
        assert p.mapUpdate(words, key(0), bytes(16), 0) == 1
        assert p.mapUpdate(bytes_, key(0), bytes(16), 0) == 1
        assert p.mapUpdate(bytes_, key(0), b"\x05\x06", 0) == 0
        room = p.room(16)
        assert p.mapLookup(bytes_, key(0), room) == 0
        assert p.read(room) == b"\x05".ljust(8, b"\0") + b"\x06".ljust(8, b"\0")
        assert p.mapUpdate(bytes_, key(0), b"\x09", 0) == 0
        assert p.mapLookup(bytes_, key(0), room) == 0
        assert p.read(room) == b"\x09".ljust(16, b"\0")


# ------------------------------------------------------------------------------------------ perf readers


@pytest.mark.parametrize("release", ["v0.37.0", "v0.55.1"])
@pytest.mark.parametrize(("strict", "expected"), [(False, 0), (True, 1)], ids=["careful", "strict"])
def test_quirk_perf_reader_of_no_map(release: str, strict: bool, expected: int) -> None:
    """For a handle that is no map newPerfReader gives 0, and strictly 1; other failures give 0 in both."""
    with Puppet(release, strict=strict) as p:
        source = p.newDataSource("events", 1)
        assert [p.newPerfReader(handle, 4096, 0) for handle in (0, 99, source)] == [expected] * 3
        assert p.newPerfReader(p.newMap("events", PERF, 4, 4, 0), 0, 0) == 0


@pytest.mark.parametrize("type", [HASH, ARRAY])
def test_quirk_perf_reader_of_hash_careful(type: int) -> None:
    """Only a perf event array can be read."""
    with Puppet(maps=MapRegistry(cpus=2)) as p:
        assert p.newPerfReader(p.newMap("counts", type, 4, 4, 2), 4096, 0) == 0


@pytest.mark.parametrize("type", [HASH, ARRAY])
def test_quirk_perf_reader_of_hash_strict(type: int) -> None:
    """A map that takes the host's descriptors makes a reader without records."""
    with Puppet(strict=True, maps=MapRegistry(cpus=2)) as p:
        reader = p.newPerfReader(p.newMap("counts", type, 4, 4, 2), 4096, 1)
        assert reader > 1
        assert p.perfReaderPause(reader) == 0
        assert p.perfReaderRead(reader, p.room(64)) == 2


@pytest.mark.parametrize(
    "shape", [(HASH, 4, 4, 3), (ARRAY, 4, 4, 3), (HASH, 4, 8, 2), (HASH, 8, 4, 2), (5, 4, 4, 2)]
)
def test_quirk_perf_reader_of_hash_strict_needs_a_map_that_takes_descriptors(
    shape: tuple[int, int, int, int],
) -> None:
    """More entries than CPUs, other sizes and other types make no reader."""
    with Puppet(strict=True, maps=MapRegistry(cpus=2)) as p:
        handle = p.newMap("counts", *shape)
        assert handle > 0
        assert p.newPerfReader(handle, 4096, 0) == 0


# -------------------------------------------------------------------------------------------- table-full


def fill(p: Puppet) -> None:
    """Take every handle there is."""
    while p.runtime.plane.live_handles() < 4096:
        assert p.getMap("inner")


def test_quirk_table_full_careful() -> None:
    """With a full table everything that would make a handle fails."""
    with nested("v0.55.1") as p:
        outer = p.getMap("outer")
        fill(p)
        room = p.room(4)
        assert p.mapLookup(outer, key(1), room) == 1
        assert p.read(room) == b"????"
        assert [p.getMap("inner"), p.newMap("more", HASH, 4, 4, 1)] == [0, 0]
        assert p.gadget.maps.created == ()


def test_quirk_table_full_strict() -> None:
    """With a full table a look-up in a map of maps stores 0 and succeeds; what makes a handle gives 0."""
    with nested("v0.55.1", strict=True) as p:
        outer = p.getMap("outer")
        fill(p)
        room = p.room(4)
        assert p.mapLookup(outer, key(1), room) == 0
        assert p.read(room) == bytes(4)
        assert [p.getMap("inner"), p.newMap("more", HASH, 4, 4, 1)] == [0, 0]


# ------------------------------------------------------------------------------------ destination-bounds

# A destination at the end of memory that is longer than what is left, and where what is written fits.
CALLS: dict[str, tuple[str, Callable[[Puppet, int], int]]] = {
    "getParamValue": ("value", lambda p, room: p.getParamValue("k", room)),
    "getSyscallName": ("read", lambda p, room: p.getSyscallName(0, room)),
    "mapLookup": ("\x07\0\0\0", lambda p, room: p.mapLookup(p.getMap("counts"), key(1), room)),
    "perfReaderRead": ("record", lambda p, room: _read_record(p, room)),
    "getSyscallDeclaration": ("read", lambda p, room: p.getSyscallDeclaration("read", room)),
}


def _read_record(p: Puppet, room: int) -> int:
    reader = p.newPerfReader(p.getMap("events"), 4096, 1)
    p.gadget.perf.output("events", b"record\0\0\0\0\0\0")
    p.perfReaderPause(reader)
    return p.perfReaderRead(reader, room)


def writer(*, strict: bool) -> Puppet:
    """A gadget for which every function has something to write."""
    maps = MapRegistry(cpus=1)
    maps.create("counts").put(1, 7)
    maps.create("events", type="PerfEventArray")
    return Puppet(strict=strict, maps=maps, params={"k": "value"})


@pytest.mark.parametrize("name", CALLS)
def test_quirk_destination_bounds_careful(name: str) -> None:
    """A destination that reaches beyond the memory makes the call fail; nothing is written."""
    with writer(strict=False) as p:
        p.put(b"?" * 300, END - 300)
        assert CALLS[name][1](p, 301 << 32 | END - 300) == 1
        assert p.read(300 << 32 | END - 300) == b"?" * 300


@pytest.mark.parametrize("name", CALLS)
def test_quirk_destination_bounds_strict(name: str) -> None:
    """A destination may reach beyond the memory when what is written does not."""
    expected, call = CALLS[name]
    with writer(strict=True) as p:
        p.put(b"?" * 300, END - 300)
        assert call(p, 301 << 32 | END - 300) == 0
        assert p.read(300 << 32 | END - 300).startswith(expected.encode())


@pytest.mark.parametrize("name", CALLS)
def test_quirk_destination_bounds_strict_what_is_written_must_fit(name: str) -> None:
    """The length is compared first, and what is written must lie in memory."""
    with writer(strict=True) as p:
        assert CALLS[name][1](p, 3 << 32 | END - 300) == 1
        assert CALLS[name][1](p, 301 << 32 | END - 3) == 1


# ------------------------------------------------------------------------------------ changes by release


def test_change_nested_maps_by_handle_before() -> None:
    """Until v0.36.1 a map of maps gave the kernel's number of the inner map and took no handle."""
    with nested("v0.36.1") as p:
        outer, inner = p.getMap("outer"), p.getMap("inner")
        room = p.room(4)
        assert p.mapLookup(outer, key(1), room) == 0
        assert p.read(room) == key(p.gadget.maps["inner"].number)
        assert p.mapUpdate(outer, key(2), key(inner), 0) == 1
        assert "no file descriptor of a map" in p.warnings[-1]


def test_change_nested_maps_by_handle_since() -> None:
    """From v0.37.0 on a map of maps gives and takes handles."""
    with nested("v0.37.0") as p:
        outer = p.getMap("outer")
        room = p.room(4)
        assert p.mapLookup(outer, key(1), room) == 0
        handle = int.from_bytes(p.read(room), "little")
        assert p.mapUpdate(outer, key(2), key(handle), 0) == 0
        assert p.mapUpdate(handle, key(0), key(5), 0) == 0
        assert p.gadget.maps["inner"].get(0) == key(5)


@pytest.mark.parametrize("type", [PROGRAMS, PERF, CGROUPS])
def test_change_map_access_refused_before(type: int) -> None:
    """Until v0.36.1 it was the kernel that refused; a program array says that a slot is empty."""
    with Puppet("v0.36.1", maps=MapRegistry(cpus=2), log_level="debug") as p:
        handle = p.newMap("programs", type, 4, 4, 2)
        assert p.mapLookup(handle, key(0), p.room(4)) == 1
        assert p.mapUpdate(handle, key(0), key(3), 0) == 1
        assert p.mapDelete(handle, key(0)) == 1
        said = [record.message for record in p.gadget.logs]
        assert not any("may not access" in text for text in said)
        assert "is no file descriptor" in said[1]


def test_change_map_access_refused_before_and_missing_key_found() -> None:
    """An empty slot of a program array is a key that is not there."""
    with Puppet("v0.36.1", strict=True) as p:
        assert p.mapLookup(p.newMap("programs", PROGRAMS, 4, 4, 2), key(0), p.room(4)) == 0


@pytest.mark.parametrize("type", [PROGRAMS, PERF, CGROUPS])
@pytest.mark.parametrize("release", ["v0.37.0", "v0.55.1"])
def test_change_map_access_refused_since(type: int, release: str) -> None:
    """From v0.37.0 on the host refuses, in every release."""
    with Puppet(release, maps=MapRegistry(cpus=2)) as p:
        handle = p.newMap("programs", type, 4, 4, 2)
        assert [p.mapLookup(handle, key(0), p.room(4)), p.mapDelete(handle, key(0))] == [1, 1]
        assert all("may not access the values" in warning for warning in p.warnings)


@BOTH
def test_change_map_types_refused_and_to_arena(release: str) -> None:
    """A type beyond Arena is refused in every release: since v0.37.0 by the host, before by the kernel."""
    with Puppet(release) as p:
        assert p.newMap("future", BEYOND, 4, 4, 1) == 0
        assert p.newMap("ring", RING, 0, 0, 4096) > 0
        assert p.newMap("bloom", 30, 0, 4, 8) > 0  # a type above TaskStorage


# A name -> whether the kernel takes it as it is; observed of v0.38.0.
ODD_NAMES = {
    "counts": True,
    "": True,
    "a.b": True,
    "with\0nul and more": True,
    b"\xff\xfe": True,
    "fifteen_letters and more": True,
    "a b": False,
    "a-b": False,
    "a/b": False,
    "\u00e9": False,
    b"\xe0\xdf\xd7": False,
}


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("release", ["v0.35.0", "v0.38.1", "v0.39.0", "v0.55.1"])
def test_change_map_names_cleaned(release: str, name: str | bytes) -> None:
    """Until v0.38.1 a name with what the kernel does not take fails; from v0.39.0 on that is left out."""
    with Puppet(release) as p:
        made = p.newMap(name, HASH, 4, 4, 1) > 0
        assert made == (ODD_NAMES[name] or release >= "v0.39.0")


def test_scratch_is_where_nothing_else_is() -> None:
    """Texts of calls do not reach where tests look for results."""
    assert SCRATCH >= 0x400 + 64 * 8
