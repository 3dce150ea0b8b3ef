"""newPerfReader, perfReaderPause, perfReaderResume, perfReaderRead, perfReaderClose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gadget_abi import EmbedderError

from .._state import CallError
from ..backends.maps import MapSpec, create_map, map_type
from ..backends.perf import PerfReader

if TYPE_CHECKING:
    from .._state import HostState, OutBuffer
    from ..backends.maps import Map, MapRef

__all__ = [
    "new_perf_reader",
    "perf_reader_close",
    "perf_reader_pause",
    "perf_reader_read",
    "perf_reader_resume",
]

_DEADLINE = 2


def new_perf_reader(host: HostState, map: MapRef, size: int, overwritable: bool) -> PerfReader:
    """Open a reader with rings of ``size`` bytes per CPU; it takes records at once.

    Fails for a map that is no perf event array and for size 0. (Upstream answers 1 for a bad map handle,
    which looks like a handle: quirk perf-reader-of-no-map; and it writes its own descriptors, one for each
    entry, into a hash or array with keys and values of 4 bytes, and reads from rings that nobody fills:
    perf-reader-of-hash. There is a ring for each CPU and none for a further entry, which fails.)
    """
    target = map.map
    if host.profile.quirk("perf-reader-of-hash") and _takes_descriptors(target):
        target = create_map(target.name, MapSpec(map_type("PerfEventArray"), 4, 4, 0, target.spec.cpus))
    try:
        return PerfReader(target, size, overwritable)
    except EmbedderError as error:
        raise CallError(str(error)) from None


def _takes_descriptors(map: Map) -> bool:
    spec = map.spec
    fits = (spec.key_size, spec.value_size) == (4, 4) and spec.max_entries <= spec.cpus
    return fits and spec.type_name in ("Hash", "Array")


def perf_reader_pause(host: HostState, reader: PerfReader) -> None:
    """Take no more records, so that an overwritable reader can be read."""
    reader.pause()


def perf_reader_resume(host: HostState, reader: PerfReader) -> None:
    """Take records again."""
    reader.resume()


def perf_reader_read(host: HostState, reader: PerfReader, destination: OutBuffer) -> int:
    """Copy the next sample and its padding (round_up(n + 4, 8) - 4 bytes for a sample of n); its length is
    not told.

    Returns:
        0; or 2 (deadline) when an overwritable reader has nothing left. Any other reader that has nothing
        would block for ever upstream; as nobody writes while the guest runs, that is 2 as well, with a
        warning.

    Fails when an overwritable reader is not paused, and when the sample does not fit, which is lost then.
    """
    try:
        sample = reader.read()
    except EmbedderError as error:
        raise CallError(str(error)) from None
    if lost := reader.take_lost():
        host.warn(f"{lost} records were lost: the ring was full")
    if sample is None:
        if not reader.overwritable:
            raise CallError("there is no record; the real host would wait for one", _DEADLINE)
        return _DEADLINE
    if len(sample) > destination.size:
        raise CallError(f"a buffer of {destination.size} bytes, the record of {len(sample)} bytes is lost")
    destination.write(sample)
    return 0


def perf_reader_close(host: HostState, reader: PerfReader) -> None:
    """Close a reader and drop its handle."""
    reader.close()
    for handle in host.handles_for(reader):
        host.release(handle)
