"""Fields of a data source: found by name or added, and from then on the keys of its events."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ._accessors import Read, Write, accessors
from ._errors import HostError, NotFoundError
from ._handles import Handle, declare
from ._host import host
from ._kinds import Kind, kind_for

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
        read, write: what ``event[field]`` calls, with the number of the event's data element.
    """

    __slots__ = ("_added", "kind", "name", "read", "source", "write")

    read: Read
    write: Write

    def __init__(self, source: "AnySource", name: str, kind: Kind[T] | type[T], *, added: bool):
        super().__init__()
        self.source = source
        self.name = name
        self._added = added
        self.kind: Kind[T] = kind_for(kind, new=added)
        self.read, self.write = self._first_read, self._first_write

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
        declare(lambda: self._add_tag(tag))

    def add_tags(self, tags: Iterable[str]) -> None:
        """Add several tags."""
        for tag in tags:
            self.add_tag(tag)

    def use_kind(self, kind: Kind[Any]) -> None:
        """Read and write by this kind from now on."""
        self.kind = kind
        self.read, self.write = accessors(self, kind)

    def close(self) -> None:
        """Give the handle back; the field is not removed. Use from then on raises ReleasedError."""
        super().close()
        self.read, self.write = self._first_read, self._first_write

    def _first_read(self, data: int) -> Any:
        self.use_kind(self.kind)
        return self.read(data)

    def _first_write(self, data: int, value: Any) -> None:
        self.use_kind(self.kind)
        self.write(data, value)

    def _fetch(self) -> int:
        name = self.name.encode()
        if self._added:
            handle: int = host.data_source_add_field(self.source.handle, name, self.kind.number)
            if not handle:
                raise HostError("dataSourceAddField", f"cannot add {self}: does it have one of that name?")
        else:
            handle = host.data_source_get_field(self.source.handle, name)
            if not handle:
                raise NotFoundError("dataSourceGetField", f"there is no {self}")
        return handle

    def _add_tag(self, tag: str) -> None:
        if host.field_add_tag(self.handle, tag.encode()):
            raise HostError("fieldAddTag", f"cannot add tag {tag!r} to {self}")
