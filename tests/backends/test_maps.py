from __future__ import annotations

import contextlib
import errno
import gc
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gadget_abi import EmbedderError
from gadget_host.backends._keyed import StackTraceMap
from gadget_host.backends._percpu import PerCPU
from gadget_host.backends._queued import BloomFilterMap, QueueMap
from gadget_host.backends.maps import (
    ANY,
    EXIST,
    LOCK,
    MAP_TYPES,
    NOEXIST,
    MapError,
    MapOfMaps,
    MapRegistry,
    MapSpec,
)


@pytest.fixture
def maps() -> MapRegistry:
    """A registry of a machine with two CPUs."""
    return MapRegistry(cpus=2)


def code_of(call: Any, *args: Any) -> str:
    """The name of the error number a call fails with."""
    with pytest.raises(MapError) as caught:
        call(*args)
    return errno.errorcode[caught.value.code]


def test_put_and_get(maps: MapRegistry) -> None:
    """Ints are packed little-endian to the map's sizes, and bytes are taken as they are."""
    counts = maps.create("counts", key_size=2, value_size=4)
    counts.put(0x0102, -2)
    assert (counts.get(b"\x02\x01"), counts.get(7)) == (b"\xfe\xff\xff\xff", None)


def test_mapping_protocol(maps: MapRegistry) -> None:
    """A map is used like a dict: set, get, delete, in, len, iteration."""
    counts = maps.create("counts", key_size=1, value_size=1)
    counts[1], counts[2] = 10, 20
    del counts[1]
    assert (list(counts), list(counts.items()), len(counts), 2 in counts, 1 in counts) == (
        [b"\x02"],
        [(b"\x02", b"\x14")],
        1,
        True,
        False,
    )


@pytest.mark.parametrize("use", [lambda m: m[9], lambda m: m.__delitem__(9)])
def test_missing_key(maps: MapRegistry, use: Any) -> None:
    """A key that is not there is a KeyError, as in a dict."""
    with pytest.raises(KeyError):
        use(maps.create("m"))


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (1 << 32, 1, "does not fit the 4 bytes of a key of map 'm'"),
        (1, 1 << 32, "does not fit the 4 bytes of a value of map 'm'"),
        (b"123", 1, "a key of 3 bytes, map 'm' has 4"),
        (1, b"12345", "a value of 5 bytes, map 'm' has 4"),
        (1, "text", "takes bytes or an int as value, not str"),
    ],
)
def test_wrong_sizes(maps: MapRegistry, key: Any, value: Any, reason: str) -> None:
    """A key or value that does not fit is the embedder's error and says which size the map has."""
    with pytest.raises(EmbedderError, match=reason):
        maps.create("m").put(key, value)


def test_an_empty_map_is_true(maps: MapRegistry) -> None:
    """`if maps.get(name)` asks whether there is a map, not whether it holds something."""
    assert maps.create("m")


@pytest.mark.parametrize("name", ["LRUHash", "lru_hash", "LRU_HASH", "lruhash", 9])
def test_type_names(maps: MapRegistry, name: Any) -> None:
    """A type goes by the table's name, the kernel's, or its number."""
    assert maps.create("m", type=name).spec.type_name == "LRUHash"


@pytest.mark.parametrize("name", ["nonsense", 34, -1])
def test_unknown_types(maps: MapRegistry, name: Any) -> None:
    """A type that does not exist is refused."""
    with pytest.raises(EmbedderError, match="no map type"):
        maps.create("m", type=name)


def test_types_without_a_stand_in(maps: MapRegistry) -> None:
    """Every type of the table can be made, or is refused with the reason that nothing stands in for it."""
    without = []
    for name in MAP_TYPES:
        with contextlib.suppress(MapError):  # there is one, these are not its sizes
            try:
                maps.create("m", type=name, key_size=4, value_size=8)
            except EmbedderError as error:
                if "no stand-in" not in str(error):
                    raise
                without.append(name)
    sockets = ["SockMap", "XSKMap", "SockHash", "ReusePortSockArray"]
    storage = [
        "CGroupStorage",
        "PerCPUCGroupStorage",
        "SkStorage",
        "InodeStorage",
        "TaskStorage",
        "CGrpStorage",
    ]
    others = ["Unspecified", "DevMap", "CPUMap", "DevMapHash", "StructOps", "Arena"]
    assert sorted(without) == sorted(sockets + storage + others)


class TestRules:
    """What makes an update or delete fail, beside the comparison with a running kernel."""

    @pytest.mark.parametrize(
        ("flags", "known", "unknown"),
        [
            (ANY, "", ""),
            (NOEXIST, "EEXIST", ""),
            (EXIST, "", "ENOENT"),
            (3, "EINVAL", "EINVAL"),
            (LOCK, "EINVAL", "EINVAL"),
        ],
    )
    def test_hash_flags(self, maps: MapRegistry, flags: int, known: str, unknown: str) -> None:
        """NoExist wants a new key, Exist an old one, Lock a spin lock; there are no other flags."""
        m = maps.create("m", key_size=1, value_size=1)
        m.put(1, 1)
        for key, expected in ((1, known), (2, unknown)):
            if expected:
                assert code_of(m.put, key, 5, flags) == expected
            else:
                m.put(key, 5, flags)
                assert m[key] == b"\x05"

    def test_full_hash(self, maps: MapRegistry) -> None:
        """A full hash takes new values for old keys and no new keys."""
        m = maps.create("m", max_entries=2)
        m[1], m[2] = 1, 1
        m[1] = 5
        assert (code_of(m.put, 3, 1), len(m), m[1][0]) == ("E2BIG", 2, 5)

    def test_lru(self, maps: MapRegistry) -> None:
        """A full LRU hash gives up what was updated longest ago; a look-up does not make young."""
        m = maps.create("m", type="LRUHash", key_size=1, value_size=1, max_entries=3)
        m[1], m[2], m[3] = 1, 1, 1
        m[1] = 9
        assert m[2]
        m[4] = 1
        assert sorted(m) == [b"\x01", b"\x03", b"\x04"]

    def test_array(self, maps: MapRegistry) -> None:
        """An array is there from the start, all zeros, and can neither grow nor lose an index."""
        m = maps.create("m", type="Array", value_size=2, max_entries=3)
        m[1] = 258
        assert [value for _, value in m.items()] == [b"\0\0", b"\x02\x01", b"\0\0"]
        assert (code_of(m.put, 3, 1), code_of(m.put, 0, 1, NOEXIST), m.get(3), len(m)) == (
            "E2BIG",
            "EEXIST",
            None,
            3,
        )
        with pytest.raises(MapError, match="does not delete"):
            del m[0]

    @pytest.mark.parametrize("type_", ["Hash", "Array"])
    def test_lock(self, maps: MapRegistry, type_: str) -> None:
        """With spin locks in the values, Lock is an ordinary update."""
        m = maps.create("m", type=type_, spin_lock=True)
        m.put(1, 7, LOCK)
        assert m[1] == b"\x07\0\0\0"

    def test_lock_where_there_is_none(self, maps: MapRegistry) -> None:
        """Only hashes and arrays have spin locks."""
        with pytest.raises(EmbedderError, match="a LRUHash map has no spin locks"):
            maps.create("m", type="LRUHash", spin_lock=True)


class TestPerCPU:
    """Values of per-CPU maps: round_up(value_size, 8) bytes for each CPU."""

    @pytest.mark.parametrize("type_", ["PerCPUHash", "PerCPUArray", "LRUPerCPUHash"])
    def test_layout(self, maps: MapRegistry, type_: str) -> None:
        """A value is one padded slot per CPU; CPUs left out have zeros."""
        m = maps.create("m", type=type_, value_size=3)
        assert isinstance(m, PerCPU)
        m.put(1, [0x010203])
        assert m.get(1) == b"\x03\x02\x01" + bytes(5) + bytes(8)
        assert m.per_cpu(1) == [b"\x03\x02\x01", b"\0\0\0"]

    def test_missing(self, maps: MapRegistry) -> None:
        """There are no values where there is no key."""
        m = maps.create("m", type="PerCPUHash")
        assert isinstance(m, PerCPU)
        assert m.per_cpu(1) is None

    @pytest.mark.parametrize("value", [5, [1, 2, 3], [b"12345"], bytes(15), [b"123"]])
    def test_wrong_values(self, maps: MapRegistry, value: Any) -> None:
        """One int, more values than CPUs, or a value of another size are the embedder's error."""
        with pytest.raises(EmbedderError):
            maps.create("m", type="PerCPUHash").put(1, value)

    def test_too_large(self, maps: MapRegistry) -> None:
        """The kernel's per-CPU allocator has an upper limit."""
        assert code_of(lambda: maps.create("m", type="PerCPUHash", value_size=32769)) == "E2BIG"


class TestMapsOfMaps:
    """Maps as values."""

    def test_put_and_get(self, maps: MapRegistry) -> None:
        """What is put in is what comes out: the same map, alive and shared."""
        inner = maps.create("inner", max_entries=4)
        outer = maps.create("outer", type="HashOfMaps", inner=inner)
        assert isinstance(outer, MapOfMaps)
        outer.put(1, inner)
        inner[5] = 5
        found = outer.get_map(1)
        assert found is inner
        assert (outer.get_map(2), 1 in outer, list(outer.maps()), len(outer)) == (
            None,
            True,
            [(bytes([1, 0, 0, 0]), inner)],
            1,
        )

    def test_not_a_map(self, maps: MapRegistry) -> None:
        """Only maps can be put in."""
        outer = maps.create("outer", type="ArrayOfMaps", inner=MapSpec(1, 4, 4, 4))
        with pytest.raises(EmbedderError, match="the values of map 'outer' are maps, not int"):
            outer.put(1, 5)

    @pytest.mark.parametrize("inner", ["HashOfMaps", "ArrayOfMaps", "ProgramArray"])
    def test_nesting(self, maps: MapRegistry, inner: str) -> None:
        """Maps of maps do not nest, and program arrays are never inside."""
        spec = MapSpec(MAP_TYPES[inner], 4, 4, 4, inner=MapSpec(1, 4, 4, 4))
        assert code_of(lambda: maps.create("outer", type="HashOfMaps", inner=spec)) == "EINVAL"

    def test_array_lengths(self, maps: MapRegistry) -> None:
        """Arrays inside must have the same length, hashes need not."""
        outer = maps.create("outer", type="HashOfMaps", inner=MapSpec(MAP_TYPES["Array"], 4, 4, 4))
        assert code_of(outer.put, 1, maps.create("a", type="Array", max_entries=5)) == "EINVAL"


class TestKeyless:
    """Queues, stacks and Bloom filters."""

    @pytest.mark.parametrize(("type_", "order"), [("Queue", [1, 2]), ("Stack", [2, 1])])
    def test_order(self, maps: MapRegistry, type_: str, order: list[int]) -> None:
        """A queue gives the oldest value first, a stack the newest; peeking does not take it out."""
        m = maps.create("m", type=type_, key_size=0, value_size=1)
        assert isinstance(m, QueueMap)
        m.push(1)
        m.push(2)
        assert (m.get(b""), m.pop(), m.pop(), m.pop(), m.get(b"")) == (
            bytes([order[0]]),
            *(bytes([n]) for n in order),
            None,
            None,
        )

    @pytest.mark.parametrize("type_", ["Queue", "Stack"])
    def test_full(self, maps: MapRegistry, type_: str) -> None:
        """A full one refuses, or with Exist gives up the oldest."""
        m = maps.create("m", type=type_, key_size=0, value_size=1, max_entries=2)
        assert isinstance(m, QueueMap)
        m.push(1)
        m.push(2)
        assert code_of(m.push, 3) == "E2BIG"
        m.push(3, EXIST)
        assert {m.pop(), m.pop()} == {b"\x02", b"\x03"}

    def test_bloom_filter(self, maps: MapRegistry) -> None:
        """It knows what was added, and a look-up by key makes no sense."""
        m = maps.create("m", type="BloomFilter", key_size=0, value_size=1, max_entries=4)
        assert isinstance(m, BloomFilterMap)
        m.push(1)
        assert (m.peek(1), m.peek(2)) == (True, False)
        assert code_of(m.lookup_elem, b"") == "ENOTSUP"

    def test_bloom_filter_without_false_negatives(self, maps: MapRegistry) -> None:
        """Filled beyond its size it answers yes to everything, never no to what was added."""
        m = maps.create("m", type="BloomFilter", key_size=0, value_size=1, max_entries=2)
        assert isinstance(m, BloomFilterMap)
        for value in range(3):
            m.push(value)
        assert [m.peek(value) for value in range(4)] == [True] * 4


class TestOthers:
    """Tries and stack traces."""

    def test_longest_prefix(self, maps: MapRegistry) -> None:
        """The longest prefix that covers an address wins."""
        m = maps.create("m", type="LPMTrie", key_size=8, value_size=1)
        for bits, net, value in ((8, [10, 0, 0, 0], 1), (16, [10, 1, 0, 0], 2), (0, [0, 0, 0, 0], 9)):
            m.put(bytes([bits, 0, 0, 0, *net]), value)
        addresses = ([10, 1, 2, 3], [10, 2, 2, 3], [192, 168, 0, 1])
        assert [m[bytes([32, 0, 0, 0, *address])][0] for address in addresses] == [2, 1, 9]

    def test_stack_traces(self, maps: MapRegistry) -> None:
        """The program side adds stacks, filled up with zeros; bpf(2) may only read and delete them."""
        m = maps.create("m", type="StackTrace", value_size=24, max_entries=2)
        assert isinstance(m, StackTraceMap)
        m.put(1, [0xFFFF800000000000, 2])
        m.put(0, b"\1" * 8)
        assert m[1] == b"\0\0\0\0\0\x80\xff\xff" + b"\2".ljust(16, b"\0")
        assert (m[0], code_of(m.update_elem, bytes(4), bytes(24)), code_of(m.put, 2, [1])) == (
            b"\1" * 8 + bytes(16), "EINVAL", "E2BIG",
        )  # fmt: skip


class TestRegistry:
    """Maps by name, and the guest's own."""

    def test_names(self, maps: MapRegistry) -> None:
        """A map is found by name until it is removed; the same name again replaces it."""
        first, second = maps.create("m"), maps.create("m")
        assert (maps["m"] is second, first is second, list(maps), len(maps), "m" in maps) == (
            True,
            False,
            ["m"],
            1,
            True,
        )
        maps.remove("m")
        assert (maps.get("m"), "m" in maps) == (None, False)

    def test_sharing(self, maps: MapRegistry) -> None:
        """One map may be registered with several gadgets, under any name."""
        other, shared = MapRegistry(cpus=2), maps.create("m")
        other.add(shared, "theirs")
        assert other["theirs"] is maps["m"]

    def test_new_is_not_registered(self, maps: MapRegistry) -> None:
        """What the guest makes is not found by name, but can be seen while it lives."""
        made = maps.new("m", 1, 4, 4, 4)
        assert ("m" in maps, maps.created) == (False, (made,))
        del made
        gc.collect()
        assert maps.created == ()

    def test_memory_limit(self) -> None:
        """Guests share a limit, and what they gave up counts no more."""
        maps = MapRegistry(cpus=2, memory_limit=1000)
        held = maps.new("m", MAP_TYPES["Array"], 4, 8, 100)
        with pytest.raises(
            MapError, match=r"a map of 808 bytes is more than the 200 that are left \(ENOMEM\)"
        ):
            maps.new("n", MAP_TYPES["Array"], 4, 8, 101)
        del held
        gc.collect()
        assert maps.new("n", MAP_TYPES["Array"], 4, 8, 101)

    def test_a_huge_map_is_refused_before_it_is_made(self) -> None:
        """Sizes that would exhaust the machine are refused at once."""
        assert code_of(MapRegistry().new, "m", MAP_TYPES["Array"], 4, 1 << 30, 1 << 31) == "ENOMEM"

    def test_newmap_makes_no_tries(self, maps: MapRegistry) -> None:
        """A trie needs a flag that newMap cannot pass."""
        with pytest.raises(MapError, match="BPF_F_NO_PREALLOC"):
            maps.new("m", MAP_TYPES["LPMTrie"], 8, 4, 4)

    def test_machine_cpus(self) -> None:
        """Without a number, the machine's CPUs are used."""
        assert MapRegistry().cpus >= 1


class HashModel(RuleBasedStateMachine):
    """A hash map beside a dict that is told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.map = MapRegistry(cpus=1).create("m", key_size=1, value_size=1, max_entries=5)
        self.model: dict[bytes, bytes] = {}

    @rule(
        key=st.binary(min_size=1, max_size=1),
        value=st.binary(min_size=1, max_size=1),
        flags=st.sampled_from([0, 1, 2]),
    )
    def put(self, key: bytes, value: bytes, flags: int) -> None:
        """Put into both."""
        known = key in self.model
        expected = (
            "EEXIST" if known and flags == NOEXIST
            else "ENOENT" if not known and flags == EXIST
            else "E2BIG" if not known and len(self.model) == 5
            else None
        )  # fmt: skip
        if expected:
            assert code_of(self.map.put, key, value, flags) == expected
        else:
            self.map.put(key, value, flags)
            self.model[key] = value

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete a known key from both."""
        if self.model:
            key = data.draw(st.sampled_from(sorted(self.model)))
            del self.map[key]
            del self.model[key]

    @rule(key=st.binary(min_size=1, max_size=1))
    def get(self, key: bytes) -> None:
        """Get the same from both."""
        assert self.map.get(key) == self.model.get(key)

    @invariant()
    def same(self) -> None:
        """Both hold the same."""
        assert dict(self.map.items()) == self.model


TestHashModel = HashModel.TestCase
TestHashModel.__doc__ = "Whatever is put, got and deleted, a hash holds what a dict would hold."
