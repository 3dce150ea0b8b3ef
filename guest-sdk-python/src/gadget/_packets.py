"""Events: data elements and the packets that carry them.

Numbers of data elements and packets are valid for a moment only (during a callback, or until the packet is
emitted), and the host uses them again. So an object here drops its number when the moment is over, and
whoever still holds the object gets a ReleasedError instead of somebody else's event.
"""

from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from ._errors import HostError, ReleasedError
from ._fields import Field
from ._host import host

if TYPE_CHECKING:
    from ._datasource import AnySource

__all__ = ["Event", "Outgoing", "Packet", "Transient", "Values"]

T = TypeVar("T")
Values = Mapping[Field[Any], Any]


class Transient:
    """Something with a number that is valid for a moment: an event or an array."""

    __slots__ = ("_data",)

    def __init__(self, data: int):
        self._data = data

    @property
    def over(self) -> bool:
        """Whether the moment is over; use raises ReleasedError then."""
        try:
            return not self._data
        except ReleasedError:
            return True

    def _take(self) -> int:
        """The number, and no longer ours: the moment is over."""
        data = self._data
        del self._data
        return data

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            # Called for an empty slot only, so that the check costs nothing where the slot is not empty.
            kind = type(self).__name__
            if name == "_data":
                raise ReleasedError(
                    f"this {kind} is over: it ended with its callback, or was emitted or released"
                )
            raise AttributeError(f"{kind!r} object has no attribute {name!r}")


class Event(Transient):
    """One data element: ``event[field]`` reads a field, ``event[field] = value`` writes it, in place.

    An event that a callback was given ends with the callback: copy what you want to keep.
    """

    __slots__ = ()

    def __getitem__(self, field: Field[T]) -> T:
        """The value of a field.

        Raises:
            HostError: the host refuses, for instance because the field is not as wide as its kind says.
            ReleasedError: the event is over.
        """
        try:
            return field.read(self._data)  # type: ignore[no-any-return]
        except AttributeError:
            _explain(field)
            raise

    def __setitem__(self, field: Field[T], value: T) -> None:
        """Write a field.

        Raises:
            TypeError, OverflowError: the value does not suit the field's kind.
            HostError: the host refuses, for instance a string longer than a field of fixed size.
            ReleasedError: the event is over.
        """
        try:
            field.write(self._data, value)
        except AttributeError:
            _explain(field)
            raise

    def update(self, values: Values) -> None:
        """Write several fields: ``event.update({pid: 1, comm: "init"})``."""
        for field, value in values.items():
            self[field] = value


class Outgoing(Transient):
    """A packet that the gadget makes: it ends by being emitted or released.

    As a context manager it is emitted at the end of the block, and released if the block raises.
    """

    __slots__ = ()

    _source: "AnySource"

    def emit(self) -> None:
        """Hand the packet to the subscribers of its source. It is over then.

        Raises:
            HostError: a subscriber failed. (One that drops the packet is no error.)
        """
        self._close_up(True)
        if host.data_source_emit_and_release(self._source.handle, self._take()):
            reason = f"the host could not emit a packet of {self._source}"
            raise HostError("dataSourceEmitAndRelease", reason)

    def release(self) -> None:
        """Give the packet up without emitting it."""
        self._close_up(False)
        if host.data_source_release(self._source.handle, self._take()):
            raise HostError("dataSourceRelease", f"the host could not release a packet of {self._source}")

    def _close_up(self, emitted: bool) -> None:
        """What has to be done before."""

    def __del__(self) -> None:
        if not self.over and host.attached:
            with suppress(Exception):  # natively the host may be gone by now
                self.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.over:
            return
        if error is None:
            self.emit()
        else:
            self.release()


class Packet(Event, Outgoing):
    """A new event of a single source, to be filled in and emitted: ``with source.packet() as event: ...``."""

    __slots__ = ("_source",)

    def __init__(self, source: "AnySource"):
        data = host.data_source_new_packet_single(source.handle)
        if not data:
            raise HostError("dataSourceNewPacketSingle", f"the host makes no packet for {source}")
        super().__init__(data)
        self._source = source


def _explain(field: object) -> None:
    """Raise what says more than "no attribute" if it was not possible to index an event by this."""
    if not isinstance(field, Field):
        raise TypeError(
            f"an event is indexed by fields, not by {field!r}: declare one with source.field(name, kind)"
        ) from None
    _ = field.handle
