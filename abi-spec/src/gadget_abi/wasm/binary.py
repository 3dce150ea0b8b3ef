"""The smallest pieces of the wasm binary format: bytes, LEB128 numbers, names, vectors, sections.

Spec: https://webassembly.github.io/spec/core/binary/
"""

from __future__ import annotations

from typing import Self

from gadget_abi.errors import WasmError

__all__ = ["MAX_ENTRIES", "Reader"]

# The most entries of one vector; engines refuse more (WebAssembly JavaScript API, "Limits").
MAX_ENTRIES = 1_000_000


class Reader:
    """A cursor over the bytes of a file, between `at` and `end`; every error carries the file offset."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data, self.at, self.end = data, at, len(data) if end is None else end

    def within(self, at: int, end: int) -> Self:
        """Another cursor over the same file."""
        return type(self)(self.data, at, end)

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

    def peek(self) -> int:
        """The next byte, which stays the next."""
        if self.at >= self.end:
            raise self.fail("unexpected end")
        return self.data[self.at]

    def byte(self) -> int:
        """One byte."""
        byte = self.peek()
        self.at += 1
        return byte

    def u32(self) -> int:
        """An unsigned LEB128 number of at most 32 bits."""
        first = self.peek()
        if first < 0x80:
            self.at += 1
            return first
        return self.unsigned(32)

    def unsigned(self, bits: int) -> int:
        """An unsigned LEB128 number of at most `bits` bits."""
        return self._leb(bits, signed=False)

    def signed(self, bits: int) -> int:
        """A signed LEB128 number of at most `bits` bits."""
        return self._leb(bits, signed=True)

    def _leb(self, bits: int, *, signed: bool) -> int:
        start, result, shift = self.at, 0, 0
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
        raise self.fail(f"number does not fit {bits} bits", start)

    def name(self) -> str:
        """A UTF-8 string with its length in front."""
        start, raw = self.at, self.take(self.u32())
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.fail("name is not UTF-8", start) from None

    def count(self, what: str, most: int = MAX_ENTRIES) -> int:
        """The length of a vector; no entry is shorter than a byte, so a length beyond the end is wrong."""
        start, count = self.at, self.u32()
        if count > self.end - self.at:
            raise self.fail(f"{count} {what} do not fit the {self.end - self.at} bytes that follow", start)
        if count > most:
            raise self.fail(f"{count} {what}, engines take {most} at most", start)
        return count

    def section(self) -> tuple[int, Self]:
        """A section id and a cursor over the section's contents."""
        kind, size = self.byte(), self.u32()
        start = self.skip(size)
        return kind, self.within(start, self.at)

    def finish(self, what: str) -> None:
        """Insist that everything was read."""
        if self.at != self.end:
            raise self.fail(f"{self.end - self.at} bytes too many in {what}")
