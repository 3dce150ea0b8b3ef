"""Perf readers: the records that an eBPF program writes to a perf event array."""

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from ._checks import u32
from ._errors import HostError
from ._handles import Handle, declare
from ._host import host
from ._kinds import Uint32
from ._layouts import Layout
from ._maps import Map, fixed
from ._maps import map as find_map

__all__ = ["PerfReader", "perf_reader"]

T = TypeVar("T")

_DRAINED = 2  # the error code of perfReaderRead for "deadline exceeded"


class PerfReader(Handle, Generic[T]):
    """A reader of records. ``for record in reader`` reads until there is none left.

    The records of an overwritable reader can be read only while it is paused; iterating it pauses and resumes
    it. Reading another one waits for a record: all else in the gadget waits with it.
    """

    __slots__ = ("_map", "_overwritable", "_record", "_size")

    def __init__(self, map: Map[Any, Any], record: Layout[T], size: int, overwritable: bool):
        super().__init__()
        self._map = map
        self._record = fixed(record)
        self._size = u32(size, "size")
        self._overwritable = bool(overwritable)
        declare(lambda: self.handle, "gadgetStart")

    def __str__(self) -> str:
        return f"perf reader of {self._map}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def read(self) -> T | None:
        """The next record, or None when an overwritable reader has no more.

        Raises:
            HostError: the reader is overwritable and not paused, or the record is longer than the layout, and
                lost.
        """
        size = self._record.size
        # The kernel pads a record so that it and the four bytes of its length are a multiple of 8; the host
        # hands the padding out too.
        capacity = -(-(size + 4) // 8) * 8 - 4
        try:
            raw: bytes = host.perf_reader_read(self.handle, capacity)
        except host.Err as error:
            if getattr(error, "value", None) == _DRAINED:
                return None
            raise HostError(
                "perfReaderRead",
                f"cannot read {self}: is it paused, and no record over {capacity} bytes?",
            ) from None
        return self._record.unpack(raw[:size])

    def __iter__(self) -> Iterator[T]:
        if self._overwritable:
            self.pause()
        try:
            while (record := self.read()) is not None:
                yield record
        finally:
            if self._overwritable:
                self.resume()

    def pause(self) -> None:
        """Stop taking records, so that those of an overwritable reader can be read."""
        if host.perf_reader_pause(self.handle):
            raise HostError("perfReaderPause", f"the host could not pause {self}")

    def resume(self) -> None:
        """Take records again."""
        if host.perf_reader_resume(self.handle):
            raise HostError("perfReaderResume", f"the host could not resume {self}")

    def _fetch(self) -> int:
        handle: int = host.new_perf_reader(self._map.handle, self._size, int(self._overwritable))
        if not handle:
            raise HostError("newPerfReader", f"the host could not open a {self}")
        return handle

    def _give_back(self, handle: int) -> None:
        if host.perf_reader_close(handle):
            raise HostError("perfReaderClose", f"the host could not close {self}")


def perf_reader(
    map: Map[Any, Any] | str, record: Layout[T], *, size: int = 64 << 10, overwritable: bool = False
) -> PerfReader[T]:
    """Open a reader on a perf event array.

    Args:
        map: the map, or its name in the eBPF program.
        record: the layout of the records; ``gadget.Raw(n)`` for up to n bytes, the rest of which read as
            zeros, since the host does not tell the length.
        size: bytes of buffer for each CPU, a power of two of pages.
        overwritable: keep the newest records instead of the oldest.

    Raises:
        HostError: the host refuses (in gadgetStart, for one declared at module level).
    """
    array = find_map(map, Uint32, Uint32) if isinstance(map, str) else map
    return PerfReader(array, record, size, overwritable)
