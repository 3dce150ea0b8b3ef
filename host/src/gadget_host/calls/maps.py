"""newMap, getMap, mapLookup, mapUpdate, mapDelete, mapRelease.

A handle of type map stands for a ``MapRef``. The kernel's rules are in ``backends``; here are the ABI's.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gadget_abi import EmbedderError

from .._state import CallError, NotThereError, TrapError
from ..backends.maps import LOCK, Map, MapError, MapOfMaps, MapRef, PerCPU

if TYPE_CHECKING:
    from .._state import HostState, OutBuffer

__all__ = ["get_map", "map_delete", "map_lookup", "map_release", "map_update", "new_map"]

_HANDLE = 4  # bytes of a handle that is a value in a map of maps


def new_map(
    host: HostState, name: str, type: int, key_size: int, value_size: int, max_entries: int
) -> MapRef:
    """Make a map, and return what its handle stands for.

    Any name will do: upstream drops the characters the kernel does not take and cuts it to 15. (Until v0.38
    it did not drop them.) Fails for unknown types and for what the kernel refuses; for maps of maps, whose
    inner map newMap cannot name; and for types (socket, device, storage maps) that have no stand-in in
    memory.
    """
    clean = host.profile.changed("map-names-cleaned")
    with _refusals():
        return MapRef(host.maps.new(name, type, key_size, value_size, max_entries, clean=clean), created=True)


def get_map(host: HostState, name: str) -> MapRef:
    """Find a map by the name the embedder registered it under (upstream: a map of the eBPF program)."""
    if (found := host.maps.get(name)) is None:
        raise CallError(f"there is no map {name!r}; there are {', '.join(map(repr, host.maps)) or 'none'}")
    return MapRef(found)


def map_lookup(host: HostState, map: MapRef, key: bytes, value: OutBuffer) -> None:
    """Copy the value of a key; of a map of maps, four bytes with a new handle of the inner map.

    Fails when the key is missing (upstream reports success and writes nothing, against its own
    documentation: quirk missing-key-found), has the wrong size, or the value does not fit the buffer, which
    is left alone then. Until v0.36 a map of maps gave the kernel's number of the inner map.
    """
    target = _accessible(host, map.map)
    try:
        with _refusals():
            if isinstance(target, MapOfMaps):
                _give_inner(host, target.lookup_map(key), value)
            else:
                if not host.profile.quirk("missing-key-found"):
                    _check_room(value, target.stored_size)
                value.write(target.lookup_elem(key))
    except NotThereError:
        if not host.profile.quirk("missing-key-found"):
            raise
        if isinstance(target, MapOfMaps) and host.profile.changed("nested-maps-by-handle"):
            raise TrapError("the real host takes a map out of a value that is not there") from None
        value.write(b"")


def map_update(host: HostState, map: MapRef, key: bytes, value: bytes, flags: int) -> None:
    """Set the value of a key. For a map of maps the value starts with the handle of a map, four bytes.

    Flags are those of bpf(2), at most Lock (4). Values of per-CPU maps have the form a look-up gives:
    round_up(size, 8) bytes for each CPU. (Upstream's library would take the value for one byte per CPU, so
    that only per-CPU maps of one-byte values can be updated there: quirk per-cpu-update.) Until v0.36 the
    value of a map of maps was a file descriptor of the host's, of which no guest can know one.
    """
    if flags > LOCK:
        raise CallError(f"no such update flags: {flags}")
    target = _accessible(host, map.map)
    with _refusals():
        if isinstance(target, MapOfMaps):
            target.update_map(key, _taken_map(host, value), flags)
        elif isinstance(target, PerCPU) and host.profile.quirk("per-cpu-update"):
            target.update_elem(key, _one_byte_per_cpu(target, value), flags)
        else:
            target.update_elem(key, value, flags)


def map_delete(host: HostState, map: MapRef, key: bytes) -> None:
    """Remove a key; fails when it is not there, and for arrays."""
    with _refusals():
        _accessible(host, map.map).delete_elem(key)


def map_release(host: HostState, map: MapRef) -> None:
    """Close a map that newMap made and drop its handle. A map of maps that holds it keeps it alive."""
    if not map.created:
        raise CallError(f"map {map.map.name!r} was not made by newMap")
    for handle in host.handles_for(map):
        host.release(handle)


@contextmanager
def _refusals() -> Iterator[None]:
    """What the backend refuses to the embedder as an exception, it refuses to a guest as a failed call."""
    try:
        yield
    except EmbedderError as error:
        missing = isinstance(error, MapError) and error.code == errno.ENOENT
        raise (NotThereError if missing else CallError)(str(error)) from None


def _accessible(host: HostState, found: Map) -> Map:
    """The map, unless its values are kept from guests: since v0.37; before, the kernel refused."""
    if not found.accessible and host.profile.changed("map-access-refused"):
        raise CallError(f"a guest may not access the values of map {found.name!r}, a {found.spec.type_name}")
    return found


def _check_room(value: OutBuffer, size: int) -> None:
    if value.size < size:
        raise CallError(f"a buffer of {value.size} bytes does not hold the {size} bytes of a value")


def _give_inner(host: HostState, inner: Map, value: OutBuffer) -> None:
    """Write a handle of an inner map, or what stood in its place until v0.36: the kernel's number of it."""
    if not host.profile.changed("nested-maps-by-handle"):
        value.write(inner.number.to_bytes(_HANDLE, "little"))
        return
    _check_room(value, _HANDLE)
    handle = host.new_handle("map", MapRef(inner))
    if not handle and not host.profile.quirk("table-full"):
        raise CallError("too many open handles")
    try:
        value.write(handle.to_bytes(_HANDLE, "little"))
    except CallError:
        if handle:
            host.release(handle)
        raise


def _taken_map(host: HostState, value: bytes) -> Map:
    if len(value) < _HANDLE:
        if host.profile.quirk("short-inner-handle"):
            raise TrapError(f"the real host reads {_HANDLE} bytes of a value of {len(value)}")
        raise CallError(f"a value of {len(value)} bytes holds no handle ({_HANDLE} bytes)")
    handle = int.from_bytes(value[:_HANDLE], "little")
    if not host.profile.changed("nested-maps-by-handle"):
        raise CallError(f"{handle} is no file descriptor of a map (handles are taken since v0.37)")
    found = host.object(handle, "map")
    if not isinstance(found, MapRef):
        raise CallError(f"handle {handle} is not a map")
    return found.map


def _one_byte_per_cpu(target: PerCPU, value: bytes) -> bytes:
    """The slots of a value that upstream's library takes for a list with one byte for each CPU."""
    if target.spec.value_size != 1:
        raise CallError(f"a byte for each CPU is no value of {target.spec.value_size} bytes")
    return target.pack_value([value[at : at + 1] for at in range(len(value))])
