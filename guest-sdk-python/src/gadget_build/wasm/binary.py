"""The smallest pieces of the wasm binary format: numbers, names, vectors, sections."""

from __future__ import annotations

from collections.abc import Iterable

from gadget_abi import WasmError

__all__ = ["MAGIC", "Reader", "name", "s32", "s64", "section", "u32", "vector"]

MAGIC = b"\0asm"


class Reader:
    """A cursor over the bytes of a file, between `at` and `end`; every error carries the file offset."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def fail(self, reason: str, at: int | None = None) -> WasmError:
        """The error to raise for what stands at the cursor, or at `at`."""
        return WasmError(reason, self.at if at is None else at)

    def skip(self, count: int) -> int:
        """Step over `count` bytes; returns the offset they start at."""
        if count > self.end - self.at:
            raise self.fail(f"expected {count} more bytes, found {self.end - self.at}")
        self.at += count
        return self.at - count

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        start = self.skip(count)
        return self.data[start : self.at]

    def byte(self) -> int:
        """One byte."""
        if self.at >= self.end:
            raise self.fail("unexpected end")
        self.at += 1
        return self.data[self.at - 1]

    def u32(self) -> int:
        """An unsigned LEB128 number of at most 32 bits."""
        first = self.byte()
        if first < 0x80:
            return first
        return self._leb(32, signed=False, at=self.at - 1)

    def signed(self, bits: int) -> int:
        """A signed LEB128 number of at most `bits` bits."""
        return self._leb(bits, signed=True, at=self.at)

    def _leb(self, bits: int, *, signed: bool, at: int) -> int:
        self.at, result, shift = at, 0, 0
        while shift < bits:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                if signed and byte & 0x40:
                    result -= 1 << shift
                low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
                if low <= result < high:
                    return result
                break
        raise self.fail(f"number does not fit {bits} bits", at)

    def name(self) -> str:
        """A UTF-8 string with its length in front."""
        start, raw = self.at, self.take(self.u32())
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.fail("name is not UTF-8", start) from None

    def count(self, what: str) -> int:
        """The length of a vector; no element is shorter than a byte, so a length beyond the end is wrong."""
        start, count = self.at, self.u32()
        if count > self.end - self.at:
            raise self.fail(f"{count} {what} do not fit the {self.end - self.at} bytes that follow", start)
        return count

    def section(self) -> tuple[int, Reader]:
        """A section id and a cursor over the section's contents."""
        kind, size = self.byte(), self.u32()
        start = self.skip(size)
        return kind, Reader(self.data, start, self.at)

    def finish(self, what: str) -> None:
        """Insist that everything was read."""
        if self.at != self.end:
            raise self.fail(f"{self.end - self.at} bytes too many in {what}")


def u32(value: int) -> bytes:
    """Encode an unsigned LEB128 number."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _signed(value: int) -> bytes:
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def s32(value: int) -> bytes:
    """Encode an i32 as a signed LEB128 number; unsigned values up to 2**32 - 1 are taken for their bits."""
    return _signed((value + (1 << 31) & 0xFFFFFFFF) - (1 << 31))


def s64(value: int) -> bytes:
    """Encode an i64 as a signed LEB128 number; unsigned values up to 2**64 - 1 are taken for their bits."""
    return _signed((value + (1 << 63) & 0xFFFFFFFFFFFFFFFF) - (1 << 63))


def name(text: str) -> bytes:
    """Encode a string with its length in front."""
    raw = text.encode("utf-8")
    return u32(len(raw)) + raw


def vector(items: Iterable[bytes]) -> bytes:
    """Encode items with their number in front."""
    encoded = list(items)
    return u32(len(encoded)) + b"".join(encoded)


def section(kind: int, contents: bytes) -> bytes:
    """Encode a section."""
    return bytes((kind,)) + u32(len(contents)) + contents
