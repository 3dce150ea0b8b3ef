"""eBPF maps: keys and values of fixed size, per-CPU values, maps of maps."""

import struct
from typing import Any

import pytest

HASH, PER_CPU_HASH, HASH_OF_MAPS = 1, 5, 13


@pytest.fixture
def sdk(run: Any) -> Any:
    """The SDK with a host."""
    return run("import gadget\n").module.gadget


def a_map(host: Any, type: int = HASH, key: int = 4, value: int = 8, **entries: Any) -> Any:
    """A map of the eBPF program."""
    host_map = type_of(host)("counts", type, key, value, entries)
    host.maps["counts"] = host_map
    return host_map


def type_of(host: Any) -> Any:
    """The class of the host's maps."""
    return type(host).__init__.__globals__["HostMap"]


def u32(n: int) -> bytes:
    """Four bytes."""
    return struct.pack("<I", n)


def u64(n: int) -> bytes:
    """Eight bytes."""
    return struct.pack("<Q", n)


def test_a_map_reads_and_writes_like_a_dict(host: Any, sdk: Any) -> None:
    """Setting, getting, testing, deleting by key."""
    entries = a_map(host).entries
    counts = sdk.map("counts", key=sdk.Uint32, value=sdk.Uint64)
    counts[7] = 1
    counts[7] += 41
    assert (entries, counts[7], 7 in counts, counts.get(7)) == ({u32(7): u64(42)}, 42, True, 42)
    del counts[7]
    assert (entries, 7 in counts, counts.get(7), counts.get(7, 0)) == ({}, False, None, 0)
    with pytest.raises(KeyError, match="7"):
        _ = counts[7]
    with pytest.raises(KeyError, match="7"):
        del counts[7]


@pytest.mark.parametrize("as_upstream", [False, True])
def test_a_missing_key_is_missing_and_a_zero_is_zero(host: Any, sdk: Any, as_upstream: bool) -> None:
    """Also where the host answers the look-up of a missing key with success, as Inspektor Gadget does."""
    host.missing_key_is_success = as_upstream
    a_map(host)
    counts = sdk.map("counts", key=sdk.Uint32, value=sdk.Uint64)
    counts[1] = 0
    assert (counts.get(1), counts.get(2), 1 in counts, 2 in counts) == (0, None, True, False)


def test_a_value_that_is_not_zero_costs_one_call(host: Any, sdk: Any) -> None:
    """The question whether a zero is a value is asked of zeros only."""
    a_map(host)
    counts = sdk.map("counts", key=sdk.Uint32, value=sdk.Uint64)
    counts[1] = 5
    calls = len(host.calls)
    assert counts[1] == 5
    assert host.calls[calls:] == ["map_lookup"]


def test_put_takes_flags(host: Any, sdk: Any) -> None:
    """NoExist refuses a key that is there, Exist one that is not."""
    a_map(host)
    counts = sdk.map("counts", key=sdk.Uint32, value=sdk.Uint64)
    counts.put(1, 10, sdk.MapFlags.NoExist)
    counts.put(1, 11, sdk.MapFlags.Exist)
    for key, flags in ((1, sdk.MapFlags.NoExist), (2, sdk.MapFlags.Exist)):
        with pytest.raises(sdk.HostError, match=rf"refuses {key} .* in map 'counts' \(mapUpdate\)"):
            counts.put(key, 12, flags)
    assert counts[1] == 11


@pytest.mark.parametrize(
    ("layout", "value", "raw"),
    [
        ("Int16", -2, b"\xfe\xff"),
        ("Bool", True, b"\1"),
        ("Float64", 0.5, struct.pack("<d", 0.5)),
        ("Raw(6)", b"\0\1\2\3\4\5", b"\0\1\2\3\4\5"),
        ("Struct('IHxxq')", (1, 2, -3), struct.pack("<IHxxq", 1, 2, -3)),
        ("Struct('4s')", (b"abcd",), b"abcd"),
    ],
)
def test_values_have_the_layout_that_was_declared(
    host: Any, sdk: Any, layout: str, value: Any, raw: bytes
) -> None:
    """Numbers, bytes and structs; the same for keys."""
    entries = a_map(host, key=len(raw), value=len(raw)).entries
    shape = eval(f"sdk.{layout}", {"sdk": sdk})
    things = sdk.map("counts", key=shape, value=shape)
    things[value] = value
    assert (entries, things[value]) == ({raw: raw}, value)


def test_a_struct_can_be_a_named_tuple(host: Any, run: Any) -> None:
    """Members by name, in and out."""
    host_map = a_map(host, value=12)
    module = run(
        """
        from typing import NamedTuple
        import gadget

        class Flow(NamedTuple):
            bytes: int
            packets: int

        flows = gadget.map("counts", key=gadget.Uint32, value=gadget.Struct("QI", Flow))

        @gadget.on_start
        def start():
            flows[1] = Flow(bytes=100, packets=2)
            flow = flows[1]
            flows[2] = flow._replace(packets=flow.packets + 1)
        """
    ).module
    assert host_map.entries == {u32(1): struct.pack("<QI", 100, 2), u32(2): struct.pack("<QI", 100, 3)}
    assert module.flows[2] == module.Flow(100, 3)


@pytest.mark.parametrize(
    ("layout", "value", "error"),
    [
        ("Uint32", -1, OverflowError),
        ("Uint32", 1 << 32, OverflowError),
        ("Uint32", "1", TypeError),
        ("Uint32", 1.5, TypeError),
        ("Float32", "1", TypeError),
        ("Float32", 1e300, OverflowError),
        ("Raw(4)", b"12345", ValueError),
        ("Raw(4)", "1234", TypeError),
        ("Raw(4)", 4, TypeError),
        ("Struct('I')", (1, 2), ValueError),
        ("Struct('I')", ("a",), ValueError),
    ],
)
def test_what_has_not_the_layout_is_refused_before_the_host_is_asked(
    host: Any, sdk: Any, layout: str, value: Any, error: type[Exception]
) -> None:
    """A key of the wrong size would only be "an error" to the host."""
    a_map(host)
    things = sdk.map("counts", key=eval(f"sdk.{layout}", {"sdk": sdk}), value=sdk.Uint64)
    calls = len(host.calls)
    with pytest.raises(error):
        things[value] = 1
    assert len(host.calls) == calls


@pytest.mark.parametrize("layout", ["String", "Bytes", "CString", "log"])
def test_a_layout_without_a_size_is_a_type_error_at_the_declaration(load: Any, layout: str) -> None:
    """Keys and values of maps have a fixed size."""
    with pytest.raises(TypeError, match="not a layout"):
        load(f"import gadget\ngadget.map('counts', key=gadget.{layout}, value=gadget.Uint32)\n")


def test_a_queue_has_no_key(host: Any, sdk: Any) -> None:
    """Its key is of no bytes."""
    entries = a_map(host, key=0).entries
    queue = sdk.map("counts", key=sdk.Raw(0), value=sdk.Uint64)
    queue[b""] = 7
    assert (entries, queue[b""]) == ({b"": u64(7)}, 7)


def test_a_layout_of_ones_own(host: Any, run: Any) -> None:
    """Derived from Layout; what it makes must be bytes, for the host takes nothing else."""
    a_map(host, value=4)
    module = run(
        """
        import ipaddress
        import gadget

        class Address(gadget.Layout[ipaddress.IPv4Address]):
            size = 4

            def pack(self, value):
                return value.packed if value else bytearray(4)

            def unpack(self, raw):
                return ipaddress.IPv4Address(raw)

        peers = gadget.map("counts", key=gadget.Uint32, value=Address())
        """
    ).module
    module.peers[1] = module.ipaddress.IPv4Address("10.0.0.1")
    assert str(module.peers[1]) == "10.0.0.1"
    with pytest.raises(TypeError, match="made no bytes of None"):
        module.peers[2] = None


def test_iterating_a_map_is_a_type_error(host: Any, sdk: Any) -> None:
    """The host has no call for it, and Python must not try keys 0, 1, 2, ..."""
    a_map(host)
    with pytest.raises(TypeError, match="not iterable"):
        list(sdk.map("counts", key=sdk.Uint32, value=sdk.Uint64))


@pytest.mark.parametrize("cpus", [1, 2, 3, 7, 64, 65, 1024])
@pytest.mark.parametrize("as_upstream", [False, True])
def test_per_cpu_values_are_lists(host: Any, sdk: Any, cpus: int, as_upstream: bool) -> None:
    """One for every CPU: how many there are shows when the first value is read."""
    host.cpus, host.missing_key_is_success = cpus, as_upstream
    each = [b"\5\0\0\0\xff\xff\xff\xff"] + [bytes(8)] * (cpus - 1)
    host_map = a_map(host, type=PER_CPU_HASH, value=4, **{})
    host_map.entries[u32(1)] = b"".join(each)
    counts = sdk.map("counts", key=sdk.Uint32, value=sdk.PerCPU(sdk.Uint32))
    assert 2 not in counts
    assert counts[1] == [5] + [0] * (cpus - 1)
    counts[2] = [n + 1 for n in counts[1]]
    assert host_map.entries[u32(2)] == u64(6) + u64(1) * (cpus - 1)
    calls = len(host.calls)
    assert sum(counts[2]) == 6 + cpus - 1
    assert len(host.calls) == calls + 1


def test_a_new_map_is_created_and_closed(host: Any, run: Any) -> None:
    """With the sizes of its layouts; close() closes it, as a context manager does."""
    module = run(
        """
        import gadget
        seen = gadget.new_map("seen", gadget.MapType.LRUHash, gadget.Struct("II"), gadget.Uint8, max_entries=10)
        cpus = gadget.new_map("cpus", gadget.MapType.PerCPUArray, gadget.Uint32, gadget.PerCPU(gadget.Uint16), 1)
        """
    ).module
    maps = [thing for thing in host.handles.values() if type(thing).__name__ == "HostMap"]
    assert [(m.name, m.type, m.key_size, m.value_size) for m in maps] == [
        ("seen", 9, 8, 1),
        ("cpus", 6, 4, 2),
    ]
    with module.seen as seen:
        seen[1, 2] = 3
        assert seen[1, 2] == 3
    module.cpus.close()
    assert ([m.closed for m in maps], host.handles) == ([True, True], {})
    with pytest.raises(module.gadget.ReleasedError, match="map 'seen'"):
        module.seen.get((1, 2))


def test_maps_are_fetched_at_start_or_when_they_are_needed_before(host: Any, load: Any) -> None:
    """The eBPF program's maps are not there in gadgetInit."""
    a_map(host)
    gadget = load(
        """
        import gadget
        early = gadget.new_map("early", gadget.MapType.Hash, gadget.Uint32, gadget.Uint32, 1)
        late = gadget.map("counts", gadget.Uint32, gadget.Uint64)

        @gadget.on_init
        def init():
            early[1] = 2
        """
    )
    assert gadget.init() == 0
    assert [call for call in host.calls if "map" in call] == ["new_map", "map_update"]
    assert gadget.exports.gadget_start() == 0
    assert host.calls[-1] == "get_map"


def test_a_map_of_maps_holds_maps(host: Any, sdk: Any) -> None:
    """Maps go in, and come out with handles of their own, which go back with the objects."""
    outer_map = a_map(host, type=HASH_OF_MAPS, value=4)
    inner = sdk.new_map("inner", sdk.MapType.Hash, sdk.Uint32, sdk.Uint32, max_entries=8)
    outer = sdk.map("counts", key=sdk.Uint32, value=sdk.InnerMap(sdk.Uint32, sdk.Uint32))
    outer[1] = inner
    outer[1][5] = 6
    assert (inner[5], [m.name for m in outer_map.entries.values()]) == (6, ["inner"])
    before = len(host.handles)
    for _ in range(5000):
        assert outer[1][5] == 6
    with outer[1] as again:
        assert again.handle not in (inner.handle, outer.handle)
    assert len(host.handles) == before
    assert outer.get(2) is None


def test_a_map_of_maps_with_no_handles_left_is_a_host_error(host: Any, sdk: Any) -> None:
    """The host puts 0 where the handle should be."""
    outer_map = a_map(host, type=HASH_OF_MAPS, value=4)
    outer_map.entries[u32(1)] = bytes(4)
    outer = sdk.map("counts", key=sdk.Uint32, value=sdk.InnerMap(sdk.Uint32, sdk.Uint32))
    with pytest.raises(sdk.HostError, match="too many open handles"):
        _ = outer[1]
