"""What a case puts into the guest's memory, and what must be there afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gadget_abi import EmbedderError

from .layout import DATA, FILL, GAP, JOURNAL, PAGES
from .values import shortened

__all__ = ["MEMORY_END", "Area", "Data", "pack"]

MEMORY_END: Final = PAGES << 16
NULL_ZONE: Final = 64
_MARGIN: Final = 256  # fill behind the last piece of data


def pack(address: int, length: int) -> int:
    """A packed pointer."""
    return (length & 0xFFFFFFFF) << 32 | address & 0xFFFFFFFF


@dataclass
class Area:
    """A piece of data: where, what is in it at first, and what is to be in it at last.

    Args:
        name: for messages.
        address: in the guest's memory.
        initial: its bytes.
        final: the bytes it must have in the end; None for any.
    """

    name: str
    address: int
    initial: bytes
    final: bytes | None

    @property
    def packed(self) -> int:
        """The packed pointer to it."""
        return pack(self.address, len(self.initial))

    def becomes(self, content: bytes | None) -> None:
        """Expect other bytes at its start, and the rest as it was; None for any.

        Raises:
            EmbedderError: there is no room for them.
        """
        if content is not None and len(content) > len(self.initial):
            raise EmbedderError(f"{len(content)} bytes are expected in {self.name}, of {len(self.initial)}")
        self.final = None if content is None else content + self.initial[len(content) :]


@dataclass
class Data:
    """The strings and buffers of a case, one after the other with fill between them."""

    areas: list[Area] = field(default_factory=list)
    end: int = DATA + GAP

    def __post_init__(self) -> None:
        self.areas.append(Area("address 0", 0, FILL * NULL_ZONE, FILL * NULL_ZONE))

    def add(self, name: str, content: bytes) -> Area:
        """Place bytes; they must be the same in the end unless something else is said of them.

        Raises:
            EmbedderError: there is no room left.
        """
        area = Area(name, self.end, content, content)
        self.end = (area.address + len(content) + GAP + 7) & ~7
        if self.end + _MARGIN > JOURNAL:
            raise EmbedderError(f"the data of a case has more than {JOURNAL - DATA} bytes")
        self.areas.append(area)
        return area

    @property
    def image(self) -> bytes:
        """The bytes at DATA, fill included."""
        image = bytearray(FILL * (self.end + _MARGIN - DATA))
        for area in self.areas[1:]:
            image[area.address - DATA : area.address - DATA + len(area.initial)] = area.initial
        return bytes(image)

    def differences(self, null_zone: bytes, image: bytes) -> list[str]:
        """What is not as it must be, one sentence for each area; fill between areas included."""
        found, rest = [], bytearray(image)
        for area in self.areas:
            at = area.address - DATA
            actual = image[at : at + len(area.initial)] if area.address else null_zone
            if area.final is not None and actual != area.final:
                found.append(
                    f"memory of {area.name}: expected {shortened(area.final)}, found {shortened(actual)}"
                )
            if area.address:
                rest[at : at + len(area.initial)] = FILL * len(area.initial)
        for at, byte in enumerate(rest):
            if byte != FILL[0]:
                found.append(f"memory at {DATA + at:#x}: written to, although nothing is there")
                break
        return found
