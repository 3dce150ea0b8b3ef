"""Reading and writing a field of a data element: for each sort of kind a pair of closures.

An event is a few of these calls and nothing else, a thousand times over, so they are closures: handle, kind
and host function sit in cells, and what can only fail is outside the way.

Every pair is made by a function ``(field, handle, kind) -> (read, write)``; read takes the number of a data
element, write a number and a value.
"""

from collections.abc import Callable
from typing import Any, NoReturn

from ._errors import HostError
from ._host import host
from ._kinds import CString, Kind, String

__all__ = ["Read", "Write", "accessors"]

Read = Callable[[int], Any]
Write = Callable[[int, Any], None]

FIRST_CAPACITY = 1 << 10
LATER_CAPACITIES = (16 << 10, 128 << 10, 1 << 20)
"""Bytes of buffer to read a string with. The host does not say whether a buffer is too short or something
else is wrong, so after the last of these it is something else."""


def accessors(field: str, handle: int, kind: Kind[Any]) -> tuple[Read, Write]:
    """How to read and write values of a kind in a field.

    Args:
        field: what messages call it. (Not the Field itself: that holds these closures, and its handle should
            go back as soon as nobody holds the Field.)
        handle: its handle.
        kind: the kind.
    """
    if kind.type is int:
        return _signed(field, handle, kind) if kind.signed else _unsigned(field, handle, kind)
    return {bool: _bool, float: _float, str: _text, bytes: _bytes}[kind.type](field, handle, kind)


def _unsigned(field: str, handle: int, kind: Kind[Any]) -> tuple[Read, Write]:
    number, mask = kind.number, (1 << 8 * kind.size) - 1
    get, put = host.field_get_scalar, host.field_set_scalar

    def read(data: int) -> int:
        bits: int | None = get(handle, data, number)
        if bits is None:
            _cannot_read(field, kind)
        return bits

    def write(data: int, value: int) -> None:
        try:
            bits = value & mask
        except TypeError:
            _wrong_type(field, kind, value)
        if bits != value:
            _out_of_range(field, kind, value)
        if put(handle, data, number, bits):
            _cannot_write(field, kind, value)

    return read, write


def _signed(field: str, handle: int, kind: Kind[Any]) -> tuple[Read, Write]:
    number = kind.number
    low, high = -(1 << 8 * kind.size - 1), (1 << 8 * kind.size - 1) - 1
    get, put = host.field_get_scalar, host.field_set_scalar

    def read(data: int) -> int:
        bits: int | None = get(handle, data, number)
        if bits is None:
            _cannot_read(field, kind)
        return bits if bits <= high else bits - (1 << 64)  # sign-extended to 64 bits by the host

    def write(data: int, value: int) -> None:
        try:
            bits = value & 0xFFFF_FFFF_FFFF_FFFF
        except TypeError:
            _wrong_type(field, kind, value)
        if not low <= value <= high:
            _out_of_range(field, kind, value)
        if put(handle, data, number, bits):
            _cannot_write(field, kind, value)

    return read, write


def _bool(field: str, handle: int, kind: Kind[Any]) -> tuple[Read, Write]:
    number = kind.number
    get, put = host.field_get_scalar, host.field_set_scalar

    def read(data: int) -> bool:
        bits: int | None = get(handle, data, number)
        if bits is None:
            _cannot_read(field, kind)
        return bits == 1

    def write(data: int, value: object) -> None:
        if put(handle, data, number, 1 if value else 0):
            _cannot_write(field, kind, value)

    return read, write


def _float(field: str, handle: int, kind: Kind[Any]) -> tuple[Read, Write]:
    number, size = kind.number, kind.size
    get, put = host.field_get_scalar, host.field_set_scalar
    pack, mask = kind.pack, (1 << 8 * size) - 1
    unpack: Callable[[bytes], float] = kind.unpack

    def read(data: int) -> float:
        bits: int | None = get(handle, data, number)
        if bits is None:
            _cannot_read(field, kind)
        return unpack((bits & mask).to_bytes(size, "little"))

    def write(data: int, value: float) -> None:
        try:
            bits = int.from_bytes(pack(value), "little")
        except TypeError:
            _wrong_type(field, kind, value)
        except OverflowError:
            _out_of_range(field, kind, value)
        if put(handle, data, number, bits):
            _cannot_write(field, kind, value)

    return read, write


def _text(field: str, handle: int, kind: Kind[Any]) -> tuple[Read, Write]:
    number, cut = String.number, kind is CString
    get, put = host.field_get_text, host.field_set_text
    capacity = FIRST_CAPACITY

    def read(data: int) -> str:
        nonlocal capacity
        text: str | None = get(handle, data, capacity)
        if text is None:
            raw = _read_long(field, handle, number, data, capacity)
            capacity = _room_for(raw, capacity)
            text = raw.decode("utf-8", "surrogateescape")
        if cut and "\0" in text:
            return text[: text.index("\0")]
        return text

    def write(data: int, value: str) -> None:
        try:
            failed = put(handle, data, value)
        except UnicodeEncodeError:
            failed = host.field_set_buffer(handle, data, number, value.encode("utf-8", "surrogateescape"))
        except TypeError:
            _wrong_type(field, kind, value)
        if failed:
            _cannot_write(field, kind, value)

    return read, write


def _bytes(field: str, handle: int, kind: Kind[Any]) -> tuple[Read, Write]:
    number = kind.number
    get, put = host.field_get_buffer, host.field_set_buffer
    capacity = FIRST_CAPACITY

    def read(data: int) -> bytes:
        nonlocal capacity
        raw: bytes | None = get(handle, data, number, capacity)
        if raw is None:
            raw = _read_long(field, handle, number, data, capacity)
            capacity = _room_for(raw, capacity)
        return raw

    def write(data: int, value: bytes) -> None:
        try:
            raw = value if type(value) is bytes else bytes(memoryview(value))
        except TypeError:
            _wrong_type(field, kind, value)
        # As a String, which is copied: of Bytes the host keeps a view (quirk bytes-alias-memory), and this memory is
        # about to be freed.
        if put(handle, data, String.number, raw):
            _cannot_write(field, kind, value)

    return read, write


def _read_long(field: str, handle: int, kind: int, data: int, too_short: int) -> bytes:
    for capacity in LATER_CAPACITIES:
        if capacity > too_short:
            raw: bytes | None = host.field_get_buffer(handle, data, kind, capacity)
            if raw is not None:
                return raw
    raise HostError(
        "fieldGetBuffer",
        f"cannot read {field}: it is not a field of this event, or longer than 1 MiB or the memory that is left",
    )


def _room_for(raw: bytes, capacity: int) -> int:
    return max(capacity, min(1 << len(raw).bit_length(), 128 << 10))


def _cannot_read(field: str, kind: Kind[Any]) -> NoReturn:
    raise HostError(
        "fieldGetScalar", f"cannot read {field} as {kind!r}: is it {kind.size} bytes wide, and of this event?"
    )


def _cannot_write(field: str, kind: Kind[Any], value: object) -> NoReturn:
    size = f" of length {len(value)}" if isinstance(value, str | bytes) else ""
    raise HostError("fieldSet", f"the host refuses a {type(value).__name__}{size} for {field} as {kind!r}")


def _wrong_type(field: str, kind: Kind[Any], value: object) -> NoReturn:
    raise TypeError(f"{field} takes {kind.type.__name__}, not {type(value).__name__}") from None


def _out_of_range(field: str, kind: Kind[Any], value: object) -> NoReturn:
    raise OverflowError(f"{field} is {kind!r}: {value} does not fit") from None
