"""Data sources: found by name or created, with fields, subscriptions and packets."""

from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from . import _callbacks
from ._abi import SourceType, SubscriptionType
from ._arrays import Array, ArrayPacket, given_array
from ._checks import encoded, s32
from ._errors import HostError, NotFoundError
from ._fields import Field
from ._handles import Handle, declare
from ._host import host
from ._kinds import Kind
from ._packets import Event, Packet, Transient, Values

__all__ = ["AnySource", "ArraySource", "Source", "new_source", "source"]

T = TypeVar("T")
EventFunction = TypeVar("EventFunction", bound=Callable[[Event], object])
ArrayFunction = TypeVar("ArrayFunction", bound=Callable[[Array], object])


class AnySource(Handle):
    """What sources of single events and sources of arrays have in common."""

    __slots__ = ("_created", "_name", "name")

    _type: SourceType

    def __init__(self, name: str, *, created: bool):
        super().__init__()
        self.name = name
        self._name = encoded(name)
        self._created = created
        declare(lambda: self.handle)

    def __str__(self) -> str:
        return f"source {self.name!r}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def field(self, name: str, kind: Kind[T] | type[T]) -> Field[T]:
        """A field that the source has.

        Args:
            name: the full name, such as ``"proc.comm"``. Since v0.49 the host ignores case where it must.
            kind: a kind such as ``gadget.Uint32``, or a Python type: ``str`` is the text before the first
                NUL, ``bytes`` everything, ``bool`` one byte, ``float`` what its width says, ``int`` an
                unsigned number of whatever width: for a signed field name the kind.

        Raises:
            NotFoundError: the source has no such field (in gadgetInit, for a field declared at module level).
        """
        field = Field(self, name, kind, added=False)
        declare(lambda: field.handle)
        return field

    def add_field(self, name: str, kind: Kind[T] | type[T], *, tags: Iterable[str] = ()) -> Field[T]:
        """Add a field. Packets made before do not have it.

        Args:
            name: the full name; a dot in it has no meaning to the host.
            kind: a kind, or a Python type: ``str`` is String, ``bytes`` Bytes, ``bool`` Bool, ``int`` Int64,
                ``float`` Float64.
            tags: see Field.add_tag.

        Raises:
            HostError: the source has a field of that name (in gadgetInit, for one declared at module level).
        """
        field = Field(self, name, kind, added=True)
        declare(lambda: field.handle)
        for tag in tags:
            field.add_tag(tag)
        return field

    @overload
    def on_event(self, function: EventFunction, /) -> EventFunction: ...

    @overload
    def on_event(self, /, *, priority: int = 0) -> Callable[[EventFunction], EventFunction]: ...

    def on_event(self, function: Any = None, /, *, priority: int = 0) -> Any:
        """Decorator: call the function with every event; of an array source, with every element.

        Args:
            function: takes an Event.
            priority: smaller runs first; Inspektor Gadget's own operators have priorities from -1000 to
                10000.
        """
        return self._subscriber(function, SubscriptionType.Data, Event, priority)

    def unreference(self) -> None:
        """Hide the source: it is not found by name any more and not presented. What has it already keeps it.

        Raises:
            HostError: the host refuses.
        """
        declare(self._unreference)

    @property
    def referenced(self) -> bool:
        """Whether nobody called unreference()."""
        answer: int = host.data_source_is_referenced(self.handle)
        if answer > 1:
            raise HostError("dataSourceIsReferenced", f"the host does not know {self}")
        return answer == 1

    def _subscriber(
        self,
        function: Callable[[Any], object] | None,
        type: SubscriptionType,
        given: type[Transient],
        priority: int,
    ) -> Any:
        order = s32(priority, "priority")

        def subscribe(function: Callable[[Any], object]) -> Callable[[Any], object]:
            if not callable(function):
                raise TypeError(f"a function is wanted, not {function!r}")
            run = given_array(function) if given is Array else function
            declare(lambda: _callbacks.subscribe(self, type, order, given, run))
            return function

        return subscribe if function is None else subscribe(function)

    def _unreference(self) -> None:
        if host.data_source_unreference(self.handle):
            raise HostError("dataSourceUnreference", f"the host could not unreference {self}")

    def _fetch(self) -> int:
        if self._created:
            handle: int = host.new_data_source(self._name, int(self._type))
            if not handle:
                raise HostError("newDataSource", f"the host could not create {self}")
        else:
            handle = host.get_data_source(self._name)
            if not handle:
                raise NotFoundError("getDataSource", f"there is no {self}, or it is unreferenced")
        return handle


class Source(AnySource):
    """A source of single events. Made by ``gadget.source()`` and ``gadget.new_source()``."""

    __slots__ = ()

    _type = SourceType.Single

    @overload
    def on_packet(self, function: EventFunction, /) -> EventFunction: ...

    @overload
    def on_packet(self, /, *, priority: int = 0) -> Callable[[EventFunction], EventFunction]: ...

    def on_packet(self, function: Any = None, /, *, priority: int = 0) -> Any:
        """Decorator: call the function with every packet, here an event. See on_event for the priority."""
        return self._subscriber(function, SubscriptionType.Packet, Event, priority)

    def packet(self) -> Packet:
        """A new event, to be emitted: ``with source.packet() as event: event[field] = value``."""
        return Packet(self)

    def emit(self, values: Values) -> None:
        """Emit an event with these values: ``source.emit({pid: 1, comm: "init"})``."""
        with Packet(self) as packet:
            packet.update(values)


class ArraySource(AnySource):
    """A source of arrays. Made by ``gadget.source()`` and ``gadget.new_source()`` with ``array=True``."""

    __slots__ = ()

    _type = SourceType.Array

    @overload
    def on_array(self, function: ArrayFunction, /) -> ArrayFunction: ...

    @overload
    def on_array(self, /, *, priority: int = 0) -> Callable[[ArrayFunction], ArrayFunction]: ...

    def on_array(self, function: Any = None, /, *, priority: int = 0) -> Any:
        """Decorator: call the function with every Array. See on_event for the priority."""
        return self._subscriber(function, SubscriptionType.Array, Array, priority)

    @overload
    def on_packet(self, function: ArrayFunction, /) -> ArrayFunction: ...

    @overload
    def on_packet(self, /, *, priority: int = 0) -> Callable[[ArrayFunction], ArrayFunction]: ...

    def on_packet(self, function: Any = None, /, *, priority: int = 0) -> Any:
        """Decorator: call the function with every packet, here an Array. See on_event for the priority."""
        return self._subscriber(function, SubscriptionType.Packet, Array, priority)

    def array(self) -> ArrayPacket:
        """A new array, to be emitted: ``with source.array() as rows: rows.append({field: value})``."""
        return ArrayPacket(self)

    def emit(self, rows: Iterable[Values]) -> None:
        """Emit an array of these rows: ``source.emit([{pid: 1}, {pid: 2}])``."""
        with ArrayPacket(self) as array:
            for row in rows:
                array.append(row)


@overload
def source(name: str, *, array: Literal[False] = False) -> Source: ...


@overload
def source(name: str, *, array: Literal[True]) -> ArraySource: ...


def source(name: str, *, array: bool = False) -> AnySource:
    """A data source that somebody else provides: an eBPF program, an operator, the host.

    Args:
        name: the source's name.
        array: whether its packets are arrays.

    Raises:
        NotFoundError: there is none (in gadgetInit, for one declared at module level).
    """
    return (ArraySource if array else Source)(name, created=False)


@overload
def new_source(name: str, *, array: Literal[False] = False) -> Source: ...


@overload
def new_source(name: str, *, array: Literal[True]) -> ArraySource: ...


def new_source(name: str, *, array: bool = False) -> AnySource:
    """A data source that the gadget provides. The host replaces one of the same name.

    Args:
        name: the source's name.
        array: whether its packets are arrays.
    """
    return (ArraySource if array else Source)(name, created=True)
