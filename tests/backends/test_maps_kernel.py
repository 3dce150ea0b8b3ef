"""The maps in memory against the maps of the running kernel, where bpf(2) may be used (root, mostly)."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gadget_host.backends.maps import MAP_TYPES, MapError, MapOfMaps, MapRegistry, MapSpec, create_map

POSSIBLE = Path("/sys/devices/system/cpu/possible")
CPUS = int(POSSIBLE.read_text().strip().rpartition("-")[2]) + 1 if POSSIBLE.exists() else os.cpu_count() or 1
NO_PREALLOC = {"LPMTrie": 1}
KEYED = [  # type, key size, value size, max entries
    ("Hash", 1, 3, 4),
    ("Array", 4, 8, 4),
    ("Array", 4, 3, 4),
    ("LRUHash", 1, 4, 64),
    ("PerCPUHash", 1, 12, 4),
    ("PerCPUArray", 4, 3, 4),
    ("LRUPerCPUHash", 1, 8, 64),
    ("LPMTrie", 6, 2, 64),
    ("StackTrace", 4, 16, 4),
    ("Queue", 0, 2, 3),
    ("Stack", 0, 2, 3),
]


def outcome(call: Callable[..., Any], *args: Any) -> Any:
    """What a call gives: its result, or the name of the error."""
    try:
        return call(*args)
    except (MapError, OSError) as error:
        code = error.code if isinstance(error, MapError) else error.errno
        return errno.errorcode[code or 0]


def keys_of(type_: str, size: int) -> st.SearchStrategy[bytes]:
    """Few keys, so that they meet again; some beyond an array's end; overlapping prefixes for tries."""
    if type_ == "LPMTrie":
        bits = st.integers(0, 17).map(lambda n: n.to_bytes(4, "little"))
        return st.tuples(bits, st.sampled_from([b"\x00\x00", b"\xc0\xa8", b"\xc0\xff"])).map(b"".join)
    return st.integers(0, 5).map(lambda n: n.to_bytes(size, "little") if size else b"")


def operations(type_: str, key: int, stored: int) -> st.SearchStrategy[list[tuple[str, bytes, bytes, int]]]:
    """Sequences of look-ups, updates with any flags, and deletes."""
    verbs = st.sampled_from(["lookup", "update", "update", "delete"])
    values, flags = st.binary(min_size=stored, max_size=stored), st.sampled_from([0, 0, 0, 1, 2, 3, 4])
    return st.lists(st.tuples(verbs, keys_of(type_, key), values, flags), max_size=24)


@pytest.mark.parametrize(("type_", "key", "value", "entries"), KEYED)
def test_operations(kernel: Any, type_: str, key: int, value: int, entries: int) -> None:
    """Every sequence of operations gives the same values and the same error numbers as in the kernel."""
    spec = MapSpec(MAP_TYPES[type_], key, value, entries, CPUS)
    stored = create_map("m", spec).stored_size

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(operations(type_, key, stored))
    def same(steps: list[tuple[str, bytes, bytes, int]]) -> None:
        fd, ours = (
            kernel.create(spec.type, key, value, entries, NO_PREALLOC.get(type_, 0)),
            create_map("m", spec),
        )
        try:
            for verb, *args in steps:
                arguments = args if verb == "update" else args[:1]
                theirs = outcome(
                    getattr(kernel, verb), fd, *arguments, *([stored] if verb == "lookup" else [])
                )
                assert outcome(getattr(ours, f"{verb}_elem"), *arguments) == theirs, (verb, *arguments)
        finally:
            kernel.close()

    same()


@pytest.mark.parametrize(("type_", "key"), [("HashOfMaps", 1), ("ArrayOfMaps", 4)])
def test_maps_of_maps(kernel: Any, type_: str, key: int) -> None:
    """A map of maps takes, gives and refuses the same maps as in the kernel, with the same error numbers."""
    inner = [("Hash", 4, 4, 2), ("Hash", 4, 4, 9), ("Hash", 4, 8, 2), ("LRUHash", 4, 4, 2)]
    steps = st.lists(
        st.tuples(
            st.sampled_from(["lookup", "update", "update", "delete"]),
            keys_of(type_, key),
            st.integers(0, len(inner) - 1),
            st.sampled_from([0, 0, 0, 1, 2, 3, 4]),
        ),
        max_size=16,
    )

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps)
    def same(steps: list[tuple[str, bytes, int, int]]) -> None:
        fds = [kernel.create(MAP_TYPES[kind], *rest) for kind, *rest in inner]
        ids = [kernel.identity(fd) for fd in fds]
        fd = kernel.create(MAP_TYPES[type_], key, 4, 4, inner=fds[0])
        maps = MapRegistry(cpus=CPUS)
        inside = [
            maps.create(str(n), type=t, key_size=k, value_size=v, max_entries=e)
            for n, (t, k, v, e) in enumerate(inner)
        ]
        ours = maps.create("outer", type=type_, key_size=key, max_entries=4, inner=inside[0])
        assert isinstance(ours, MapOfMaps)
        try:
            for verb, at, which, flags in steps:
                if verb == "lookup":
                    found, mine = outcome(kernel.lookup, fd, at, 4), outcome(ours.lookup_map, at)
                    theirs = (
                        inside[ids.index(int.from_bytes(found, "little"))]
                        if isinstance(found, bytes)
                        else found
                    )
                elif verb == "update":
                    theirs = outcome(kernel.update, fd, at, fds[which].to_bytes(4, "little"), flags)
                    mine = outcome(ours.update_map, at, inside[which], flags)
                else:
                    theirs, mine = outcome(kernel.delete, fd, at), outcome(ours.delete_elem, at)
                assert mine == theirs, (verb, at, which, flags)
        finally:
            kernel.close()

    same()


@pytest.mark.parametrize(
    "type_", [name for name, _, _, _ in KEYED] + ["ProgramArray", "CGroupArray", "RingBuf", "BloomFilter"]
)
def test_creation(kernel: Any, type_: str) -> None:
    """Every combination of sizes is taken or refused as the kernel does, with the same error number."""
    sizes = product(
        (0, 1, 4, 5, 8, 260, 261),
        (0, 1, 4, 8, 9, 1016, 1024, 32768, 32769, (4 << 20) - 60, 4 << 20),
        (0, 1, 3, 4096, 8192, 12288),
    )
    for key, value, entries in sizes:
        if key + value > 2000 and entries > 3:
            continue  # megabytes of kernel memory
        spec = MapSpec(MAP_TYPES[type_], key, value, entries, CPUS)
        mine = outcome(create_map, "m", spec)
        theirs = outcome(kernel.create, spec.type, key, value, entries, NO_PREALLOC.get(type_, 0))
        kernel.close()
        assert (mine if isinstance(mine, str) else "") == (theirs if isinstance(theirs, str) else ""), spec


def test_bloom_filter_updates(kernel: Any) -> None:
    """A Bloom filter takes no flags, no keys and no deletes, as in the kernel."""
    spec = MapSpec(MAP_TYPES["BloomFilter"], 0, 4, 16)
    fd, ours = kernel.create(spec.type, 0, 4, 16), create_map("m", spec)
    for flags in range(5):
        assert outcome(ours.update_elem, b"", b"abcd", flags) == outcome(
            kernel.update, fd, b"", b"abcd", flags
        )
    assert outcome(ours.delete_elem, b"") == outcome(kernel.delete, fd, b"")


def test_unsupported_operations(kernel: Any) -> None:
    """A ring buffer answers every operation with the kernel's error number."""
    spec = MapSpec(MAP_TYPES["RingBuf"], 0, 0, 4096)
    fd, ours = kernel.create(spec.type, 0, 0, 4096), create_map("m", spec)
    assert outcome(ours.lookup_elem, b"") == outcome(kernel.lookup, fd, b"", 8)
    assert outcome(ours.update_elem, b"", b"") == outcome(kernel.update, fd, b"", b"", 0)
    assert outcome(ours.delete_elem, b"") == outcome(kernel.delete, fd, b"")
