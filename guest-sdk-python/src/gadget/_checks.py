"""Arguments, checked before they go to the host.

An argument of the wrong type or out of its range is no exception in componentize-py's generated code: it ends the
module. So whatever an author can pass in goes through here, or through a kind or layout.
"""

from operator import index

__all__ = ["encoded", "s32", "u32", "u64"]


def encoded(text: str) -> bytes:
    """A text as the bytes the host takes. Raises TypeError for what is none."""
    if not isinstance(text, str):
        raise TypeError(f"a str is wanted, not {text!r}")
    return str.encode(text, "utf-8", "surrogateescape")


def u32(value: int, what: str) -> int:
    """An integer of 32 bits. Raises TypeError or OverflowError for what is none."""
    return _within(value, 0, 32, what)


def s32(value: int, what: str) -> int:
    """A signed integer of 32 bits."""
    return _within(value, -(1 << 31), 31, what)


def u64(value: int, what: str) -> int:
    """An integer of 64 bits."""
    return _within(value, 0, 64, what)


def _within(value: int, low: int, bits: int, what: str) -> int:
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{what} {value!r} is no int") from None
    if not low <= number < 1 << bits:
        raise OverflowError(f"{what} {number} is not from {low} to {(1 << bits) - 1}")
    return number
