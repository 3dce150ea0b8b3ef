"""Kinds: how a field is stored, and which Python type its values have."""

from struct import Struct
from struct import error as StructError  # noqa: N812  the module's name for it is too short to stand alone
from typing import Any, TypeVar

from . import _abi
from ._layouts import Layout

__all__ = [
    "ANY_FLOAT",
    "ANY_INT",
    "Bool",
    "Bytes",
    "CString",
    "Float32",
    "Float64",
    "Int8",
    "Int16",
    "Int32",
    "Int64",
    "Kind",
    "String",
    "Uint8",
    "Uint16",
    "Uint32",
    "Uint64",
    "kind_for",
]

T = TypeVar("T")


class Kind(Layout[T]):
    """A kind of value. There is one object for each: ``gadget.Uint32``, ``gadget.String``, ...

    Attributes:
        name: as in the ABI, ``Uint32``.
        number: as in the ABI.
        type: the Python type of a value.
        size: in bytes; 0 for kinds without a fixed width.
        signed: whether values can be negative integers.
    """

    __slots__ = ("_struct", "name", "number", "signed", "type")

    def __init__(self, name: str, type: type[T], format: str = ""):
        self.name = name
        self.number = int(_abi.Kind[name])
        self.type = type
        self.size = _abi.KIND_WIDTHS.get(self.number, 0)
        self.signed = type is int and format.islower()
        self._struct = Struct("<" + format)

    def __repr__(self) -> str:
        return f"gadget.{self.name}"

    def pack(self, value: T) -> bytes:
        """The bytes of a number, little-endian.

        Raises:
            TypeError: value is no number, or this is no kind of number.
            OverflowError: value does not fit.
        """
        try:
            return self._struct.pack(value)
        except OverflowError:
            raise OverflowError(f"{value!r} does not fit {self!r}") from None
        except StructError:
            if isinstance(value, int) and self.type is int:
                raise OverflowError(f"{value!r} does not fit {self!r}") from None
            raise TypeError(f"{value!r} is no {self!r}") from None

    def unpack(self, raw: bytes) -> T:
        """The number that ``size`` bytes are."""
        value: T = self._struct.unpack(raw)[0]
        return value


Bool = Kind("Bool", bool, "?")
Int8 = Kind("Int8", int, "b")
Int16 = Kind("Int16", int, "h")
Int32 = Kind("Int32", int, "i")
Int64 = Kind("Int64", int, "q")
Uint8 = Kind("Uint8", int, "B")
Uint16 = Kind("Uint16", int, "H")
Uint32 = Kind("Uint32", int, "I")
Uint64 = Kind("Uint64", int, "Q")
Float32 = Kind("Float32", float, "f")
Float64 = Kind("Float64", float, "d")
String = Kind("String", str)
CString = Kind("CString", str)
Bytes = Kind("Bytes", bytes)

# The guest cannot ask the host for the kind of a field, only for its bytes: "an integer" becomes a kind when
# the first value shows its width.
ANY_INT = Kind("Invalid", int)
ANY_FLOAT = Kind("Invalid", float)

_OF_NEW_FIELD: dict[type, Kind[Any]] = {str: String, bytes: Bytes, bool: Bool, int: Int64, float: Float64}
_OF_EXISTING_FIELD: dict[type, Kind[Any]] = {
    str: CString,
    bytes: Bytes,
    bool: Bool,
    int: ANY_INT,
    float: ANY_FLOAT,
}


def kind_for(kind: Kind[T] | type[T], *, new: bool) -> Kind[T]:
    """The kind that a Python type stands for, of a field that the gadget adds (new) or finds.

    A string field that an eBPF program fills is an array of bytes of which only those before the first NUL
    mean something; a string field that the gadget adds holds what it is given. So str is CString here and
    String there.
    """
    if isinstance(kind, Kind):
        return kind
    try:
        return (_OF_NEW_FIELD if new else _OF_EXISTING_FIELD)[kind]
    except (KeyError, TypeError):
        raise TypeError(
            f"not a kind of field: {kind!r}; a kind is str, bytes, bool, int, float, or one of "
            f"gadget.{', gadget.'.join(name for name in _abi.Kind.__members__ if name != 'Invalid')}"
        ) from None
