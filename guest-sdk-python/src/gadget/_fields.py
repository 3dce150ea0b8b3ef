"""Fields of a data source: found by name or added, and from then on the keys of its events."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._accessors import Read, Write, accessors
from ._checks import encoded
from ._errors import HostError, NotFoundError
from ._handles import Handle, declare
from ._host import host
from ._kinds import ANY_FLOAT, ANY_INT, Bytes, Float32, Float64, Kind, Uint8, Uint16, Uint32, Uint64, kind_for

if TYPE_CHECKING:
    from ._datasource import AnySource

__all__ = ["Field"]

T = TypeVar("T")


class Field(Handle, Generic[T]):
    """A field of a data source; ``event[field]`` is its value in an event.

    Made by ``source.field()`` and ``source.add_field()``.

    Attributes:
        name: the full name, ``proc.comm`` for a member of a member.
        source: the data source.
        kind: how it is read and written.
        read, write: what ``event[field]`` calls, with the number of the event's data element. They are there
            when the handle is.
    """

    __slots__ = ("_added", "_name", "kind", "name", "read", "source", "write")

    read: Read
    write: Write

    def __init__(self, source: "AnySource", name: str, kind: Kind[T] | type[T], *, added: bool):
        super().__init__()
        self.source = source
        self.name = name
        self._name = encoded(name)
        self._added = added
        self.kind: Kind[T] = kind_for(kind, new=added)

    def __str__(self) -> str:
        return f"field {self.name!r} of {self.source}"

    def __repr__(self) -> str:
        return f"<{self}>"

    def add_tag(self, tag: str) -> None:
        """Add a tag, such as ``"type:gadget_mntns_id"``: tags tell other operators and formatters what a
        field is.

        Raises:
            HostError: the host refuses.
        """
        raw = encoded(tag)
        declare(lambda: self._add_tag(raw))

    def add_tags(self, tags: Iterable[str]) -> None:
        """Add several tags."""
        for tag in tags:
            self.add_tag(tag)

    def close(self) -> None:
        """Give the handle back; the field is not removed. Use from then on raises ReleasedError."""
        if self._handle > 0:
            del self.read, self.write
        super().close()

    def _fetch(self) -> int:
        if self._added:
            handle: int = host.data_source_add_field(self.source.handle, self._name, self.kind.number)
            if not handle:
                raise HostError("dataSourceAddField", f"cannot add {self}: does it have one of that name?")
        else:
            handle = host.data_source_get_field(self.source.handle, self._name)
            if not handle:
                raise NotFoundError("dataSourceGetField", f"there is no {self}")
        if self.kind is ANY_INT or self.kind is ANY_FLOAT:
            self.read, self.write = self._read_first, self._write_first
        else:
            self.read, self.write = accessors(str(self), handle, self.kind)
        return handle

    def _read_first(self, data: int) -> Any:
        self._find_kind(data)
        return self.read(data)

    def _write_first(self, data: int, value: Any) -> None:
        self._find_kind(data)
        self.write(data, value)

    def _find_kind(self, data: int) -> None:
        """Ask the field's bytes how wide it is."""
        kinds: tuple[Kind[Any], ...] = (Float32, Float64)
        if self.kind is ANY_INT:
            kinds = (Uint8, Uint16, Uint32, Uint64)
        raw: bytes | None = host.field_get_buffer(self.handle, data, Bytes.number, 8)
        of_width = {kind.size: kind for kind in kinds}
        if raw is None or len(raw) not in of_width:
            reason = f"{self} holds no {self.kind.type.__name__} of {list(of_width)} bytes"
            raise HostError("fieldGetBuffer", reason)
        self.kind = of_width[len(raw)]
        self.read, self.write = accessors(str(self), self.handle, self.kind)

    def _add_tag(self, tag: bytes) -> None:
        if host.field_add_tag(self.handle, tag):
            raise HostError("fieldAddTag", f"cannot add tag {tag.decode()!r} to {self}")
