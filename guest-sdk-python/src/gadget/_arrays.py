"""Arrays: the packets of an array source, each a list of data elements."""

import operator
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ._errors import HostError
from ._host import host
from ._packets import Event, Outgoing, Transient, Values

if TYPE_CHECKING:
    from ._datasource import AnySource

__all__ = ["Array", "ArrayPacket", "given_array"]


class Array(Transient):
    """A list of data elements: ``len(rows)``, ``rows[0]``, ``for row in rows``, ``rows.append(values)``.

    One that a callback was given ends with the callback, and its rows with it.
    """

    __slots__ = ("_new", "_rows")

    def __init__(self, data: int):
        super().__init__(data)
        self._rows: list[Event] = []  # handed out, and over when the array is
        self._new: Event | None = None  # made by append(), not in the array yet

    def __len__(self) -> int:
        self._settle()
        length: int = host.data_array_len(self._data)
        return length

    def __getitem__(self, index: int) -> Event:
        """The element at an index, counted from the end if negative.

        Raises:
            IndexError: there is none.
        """
        length, number = len(self), operator.index(index)
        if not -length <= number < length:
            raise IndexError(f"an array of {length} elements has none at {number}")
        return self._row(number % length)

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
        data = host.data_array_new(self._data)
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
        data = host.data_array_get(self._data, index)
        if not data:
            raise HostError("dataArrayGet", f"the host does not give element {index} of the array")
        row = Event(data)
        self._rows.append(row)
        return row

    def _settle(self) -> None:
        """Put the element that append() made into the array."""
        if self._new is not None:
            row, self._new = self._new, None
            if host.data_array_append(self._data, row._take()):
                raise HostError("dataArrayAppend", "the host could not append the element to the array")

    def _drop_new(self) -> None:
        if self._new is not None:
            row, self._new = self._new, None
            host.data_array_release(self._data, row._take())

    def _end(self) -> None:
        """The array's rows are over, and a row that was begun and not set down is given up."""
        self._drop_new()
        for row in self._rows:
            del row._data
        self._rows.clear()


class ArrayPacket(Array, Outgoing):
    """A new array of an array source, to be filled and emitted: ``with source.array() as rows: ...``."""

    __slots__ = ("_source",)

    def __init__(self, source: "AnySource"):
        data = host.data_source_new_packet_array(source.handle)
        if not data:
            raise HostError("dataSourceNewPacketArray", f"the host makes no array for {source}")
        super().__init__(data)
        self._source = source

    def _close_up(self, emitted: bool) -> None:
        if emitted:
            self._settle()
        self._end()


def given_array(function: Callable[[Array], object]) -> Callable[[Array], None]:
    """The function, and afterwards the end of the array's rows."""

    def run(array: Array) -> None:
        try:
            function(array)
            array._settle()
        finally:
            array._end()

    return run
