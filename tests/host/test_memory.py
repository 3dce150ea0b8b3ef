"""The guest's memory as the host sees it: bounds, packed pointers, destinations."""

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from gadget_host._engine import PAGE, LimitedStore, Limits, new_engine
from gadget_host._memory import Destination, GuestMemory, OutOfBoundsError, unpack
from gadget_host._state import CallError

FILL = b"?"


def filled(pages: int = 1) -> GuestMemory:
    """A memory full of question marks."""
    store = LimitedStore(new_engine(), Limits())
    memory = GuestMemory()
    memory.attach(store, wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(pages, None))))
    memory.write(0, FILL * pages * PAGE)
    return memory


def packed(address: int, size: int) -> int:
    """A packed pointer as wasmtime-py hands it over: signed."""
    value = size << 32 | address
    return value - (1 << 64) if value >> 63 else value


MEMORY = filled()


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_every_packed_pointer_is_taken_apart(address: int, size: int) -> None:
    """Address and length come out as they went in, also when the sign bit is set."""
    assert unpack(packed(address, size)) == (address, size)


@given(st.integers(0, 2 * PAGE), st.integers(0, 2 * PAGE))
def test_a_range_is_read_exactly_or_not_at_all(address: int, size: int) -> None:
    """A range inside memory gives all of its bytes, any other an error, never a shorter answer."""
    if address + size <= PAGE:
        assert MEMORY.read_packed(packed(address, size)) == (FILL * size if address or size else b"")
    else:
        with pytest.raises(OutOfBoundsError, match="beyond the memory's end at 0x10000"):
            MEMORY.read_packed(packed(address, size))


@pytest.mark.parametrize(
    ("address", "size", "inside"),
    [
        (PAGE, 0, True),
        (PAGE + 1, 0, False),
        (PAGE - 1, 1, True),
        (PAGE - 1, 2, False),
        (0xFFFFFFFF, 0xFFFFFFFF, False),
        (0xFFFFFFFF, 1, False),
    ],
)
def test_the_edge_of_memory(address: int, size: int, inside: bool) -> None:
    """An empty range may lie at the end but not beyond it, and nothing wraps around."""
    if inside:
        assert MEMORY.read(address, size) == FILL * size
    else:
        with pytest.raises(OutOfBoundsError):
            MEMORY.read(address, size)


def test_memory_that_grows_is_seen_at_its_new_size() -> None:
    """Bounds are those of now, not of the start."""
    store = LimitedStore(new_engine(), Limits())
    raw = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(1, None)))
    memory = GuestMemory()
    memory.attach(store, raw)
    raw.grow(store, 1)
    memory.write(2 * PAGE - 1, b"x")
    assert memory.read(2 * PAGE - 1, 1) == b"x"


@pytest.mark.parametrize("length", [0, 1, 7, 8])
def test_a_destination_takes_what_fits_and_leaves_the_rest(length: int) -> None:
    """The bytes arrive at the start of the destination; those after it and around it are untouched."""
    memory = filled()
    Destination(memory, packed(100, 8)).write(b"x" * length)
    assert memory.read(90, 30) == FILL * 10 + b"x" * length + FILL * (20 - length)


def test_a_destination_that_is_too_small_gets_nothing() -> None:
    """One byte too many is an error that names both sizes, and no byte is written."""
    memory = filled()
    with pytest.raises(CallError, match="8 bytes is too small for 9 bytes"):
        Destination(memory, packed(100, 8)).write(b"x" * 9)
    assert memory.read(0, PAGE) == FILL * PAGE


@pytest.mark.parametrize("address", [PAGE - 7, PAGE, 0xFFFFFFFF])
def test_a_destination_outside_memory_does_not_come_to_be(address: int) -> None:
    """A destination that ends beyond memory is refused before anything could be written."""
    with pytest.raises(OutOfBoundsError):
        Destination(MEMORY, packed(address, 8))
