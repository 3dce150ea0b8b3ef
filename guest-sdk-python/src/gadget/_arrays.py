"""Arrays: the packets of an array source, each a list of data elements."""

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ._errors import HostError, ReleasedError
from ._host import host
from ._packets import Event, Values, emit, release

if TYPE_CHECKING:
    from ._datasource import AnySource

__all__ = ["Array", "ArrayPacket", "given_array"]


class Array:
    """A list of data elements: ``len(rows)``, ``rows[0]``, ``for row in rows``, ``rows.append({field:
    value})``.

    One that a callback was given ends with the callback, and its rows with it.
    """

    __slots__ = ("_handle", "_new", "_rows")

    def __init__(self, handle: int):
        self._handle = handle
        self._rows: list[Event] = []  # handed out, and over when the array is
        self._new: Event | None = None  # made by append(), not in the array yet

    def __len__(self) -> int:
        self._settle()
        length: int = host.data_array_len(self._number())
        return length

    def __getitem__(self, index: int) -> Event:
        """The element at an index, counted from the end if negative.

        Raises:
            IndexError: there is none.
        """
        length = len(self)
        if not -length <= index < length:
            raise IndexError(f"an array of {length} elements has none at {index}")
        return self._row(index % length)

    def __iter__(self) -> Iterator[Event]:
        for index in range(len(self)):
            yield self._row(index)

    def append(self, values: Values | None = None) -> Event:
        """Append an element, with these values if given, and return it.

        The element can be written until the next use of the array: it is set down then. (An element of an
        array is reached by 15 bits of index, a new one by a number of its own: so an array can grow longer
        than it can be read.)
        """
        self._settle()
        data = host.data_array_new(self._number())
        if not data:
            raise HostError("dataArrayNew", "the host makes no element for the array")
        self._new = Event(data)
        try:
            self._new.update(values or {})
        except BaseException:
            self._drop_new()
            raise
        return self._new

    def _row(self, index: int) -> Event:
        data = host.data_array_get(self._number(), index)
        if not data:
            raise HostError("dataArrayGet", f"the host does not give element {index} of the array")
        row = Event(data)
        self._rows.append(row)
        return row

    def _settle(self) -> None:
        """Put the element that append() made into the array."""
        if self._new is not None:
            row, self._new = self._new, None
            if host.data_array_append(self._number(), row._take()):
                raise HostError("dataArrayAppend", "the host could not append the element to the array")

    def _drop_new(self) -> None:
        if self._new is not None:
            row, self._new = self._new, None
            host.data_array_release(self._number(), row._take())

    def _number(self) -> int:
        if not self._handle:
            raise ReleasedError(
                "this array is over: it ended with its callback, or its packet was emitted or released"
            )
        return self._handle

    def _take(self) -> int:
        """The number, and no longer ours: from now on the array and its rows are over."""
        handle = self._number()
        self._handle = 0
        for row in self._rows:
            row._take()
        self._rows.clear()
        return handle


class ArrayPacket(Array):
    """A new array of an array source, to be filled and emitted.

    As a context manager it is emitted at the end of the block, and released if the block raises.
    """

    __slots__ = ("_source",)

    def __init__(self, source: "AnySource"):
        handle = host.data_source_new_packet_array(source.handle)
        if not handle:
            raise HostError("dataSourceNewPacketArray", f"the host makes no array for {source}")
        super().__init__(handle)
        self._source = source

    def emit(self) -> None:
        """Hand the array to the subscribers of its source. It is over then.

        Raises:
            HostError: a subscriber failed. (One that drops the array is no error.)
        """
        self._settle()
        emit(self._source, self._take())

    def release(self) -> None:
        """Give the array up without emitting it."""
        self._drop_new()
        release(self._source, self._take())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._handle:
            return
        if error is None:
            self.emit()
        else:
            self.release()


def given_array(function: Callable[[Array], object]) -> Callable[[int], None]:
    """The function as one that takes the number of an array."""

    def run(handle: int) -> None:
        array = Array(handle)
        try:
            function(array)
            array._settle()
        finally:
            array._drop_new()
            array._take()

    return run
