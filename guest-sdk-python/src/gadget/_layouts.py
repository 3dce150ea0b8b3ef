"""Layouts: how the fixed-size keys and values of maps and the records of perf buffers become Python values.

Kinds of numbers are layouts too: ``gadget.Uint32``.
"""

import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from ._checks import u32

__all__ = ["Layout", "PerCPU", "Raw", "Struct"]

T = TypeVar("T")


class Layout(Generic[T]):
    """Turns values into bytes of a fixed number and back. Derive from it to have a layout of your own.

    Attributes:
        size: bytes of a value.
    """

    __slots__ = ("size",)

    size: int

    def pack(self, value: T) -> bytes:
        """The bytes of a value. Raises TypeError, ValueError or OverflowError for what is none."""
        raise NotImplementedError

    def unpack(self, raw: bytes) -> T:
        """The value of ``size`` bytes."""
        raise NotImplementedError


class Struct(Layout[T]):
    """A C struct: ``gadget.Struct("IHxx16s", Flow)``.

    Little-endian, as every machine that Inspektor Gadget runs on, and without hidden padding: where the C
    compiler leaves a hole the format needs an ``x``.

    Args:
        format: of the standard library's struct module.
        type: called with the members to make a value, and iterated to pack one: a NamedTuple does both. By
            default a value is a tuple.
    """

    __slots__ = ("_struct", "_type")

    @overload
    def __init__(self: "Struct[tuple[Any, ...]]", format: str): ...

    @overload
    def __init__(self, format: str, type: Callable[..., T]): ...

    def __init__(self, format: str, type: Any = None):
        self._struct = struct.Struct("<" + format.removeprefix("<"))
        self._type = type
        self.size = self._struct.size

    def __repr__(self) -> str:
        return f"gadget.Struct({self._struct.format[1:]!r})"

    def pack(self, value: Any) -> bytes:
        """The bytes of a value."""
        try:
            return self._struct.pack(*value)
        except struct.error as error:
            raise ValueError(f"{value!r} does not fit {self!r}: {error}") from None

    def unpack(self, raw: bytes) -> Any:
        """The value of ``size`` bytes."""
        members = self._struct.unpack(raw)
        return self._type(*members) if self._type else members


class Raw(Layout[bytes]):
    """Bytes of a fixed number, as they are: ``gadget.Raw(16)``."""

    __slots__ = ()

    def __init__(self, size: int):
        self.size = u32(size, "size")

    def __repr__(self) -> str:
        return f"gadget.Raw({self.size})"

    def pack(self, value: bytes) -> bytes:
        """The bytes of a value."""
        raw = bytes(memoryview(value))
        if len(raw) != self.size:
            raise ValueError(f"{len(raw)} bytes do not fit {self!r}")
        return raw

    def unpack(self, raw: bytes) -> bytes:
        """The value of ``size`` bytes."""
        return raw


class PerCPU(Layout[list[T]]):
    """The values of a per-CPU map: a list with one for every CPU the kernel may ever have.

    ``size`` is that of one value: the kernel places each at a multiple of 8 bytes.

    Args:
        each: the layout of one.
    """

    __slots__ = ("each",)

    cpus = 0  # of the machine; the host does not tell, the first value that is read shows it (Map)

    def __init__(self, each: Layout[T]):
        self.each = each
        self.size = -(-each.size // 8) * 8

    def __repr__(self) -> str:
        return f"gadget.PerCPU({self.each!r})"

    def pack(self, value: list[T]) -> bytes:
        """The bytes of a list of values."""
        return b"".join(self.each.pack(one).ljust(self.size, b"\0") for one in value)

    def unpack(self, raw: bytes) -> list[T]:
        """The values, CPU 0 first."""
        starts = range(0, len(raw), self.size)
        return [self.each.unpack(raw[start : start + self.each.size]) for start in starts]
