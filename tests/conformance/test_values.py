"""Values as cases write them."""

import struct

import pytest

from gadget_abi import Abi, EmbedderError
from gadget_conformance.modules import bake
from gadget_conformance.values import bits_of, bytes_of, matches, to_kind


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ("", b""),
        ("grüße", "grüße".encode()),
        ("u8:255", b"\xff"),
        ("i16:-2", b"\xfe\xff"),
        ("u32:0xDEADBEEF", b"\xef\xbe\xad\xde"),
        ("u64:18446744073709551615", b"\xff" * 8),
        ("i64:-1", b"\xff" * 8),
        ("f32:1.5", b"\x00\x00\xc0\x3f"),
        ("f64:0.1", struct.pack("<d", 0.1)),
        ("f64:-inf", struct.pack("<d", float("-inf"))),
        ("bytes:00ff", b"\x00\xff"),
        ("bytes:", b""),
        ("bytes:0", b"bytes:0"),
        ("u7:1", b"u7:1"),
    ],
)
def test_bytes(value: str, raw: bytes) -> None:
    """Tagged strings are numbers or bytes, little-endian, and all others text."""
    assert bytes_of(value) == raw


@pytest.mark.parametrize("value", [5, None, True, "u8:256", "i8:-129", "u8:-200"])
def test_no_bytes(value: object) -> None:
    """A number without width has no bytes, and one that does not fit is refused."""
    with pytest.raises(EmbedderError):
        bytes_of(value)


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        (5, 5),
        (-1, 2**64 - 1),
        (True, 1),
        ("i32:-1", 2**64 - 1),
        ("u32:0xffffffff", 2**32 - 1),
        ("f32:1.5", 0x3FC00000),
    ],
)
def test_bits(value: object, bits: int) -> None:
    """Numbers are 64 bits, signed ones extended, floats their pattern."""
    assert bits_of(value) == bits


@pytest.mark.parametrize(
    ("expected", "raw", "same"),
    [
        (5, b"\5", True),
        (5, b"\5\0\0\0", True),
        (-1, b"\xff\xff", True),
        (5, b"\5\0\0", False),
        (5, b"\6", False),
        (261, b"\5", True),  # a number that does not fit is cut: a case says "u16:261" where it matters
        ("u16:5", b"\5", False),
        ("abc", b"abc", True),
        ("abc", b"abc\0", False),
    ],
)
def test_matches(expected: object, raw: bytes, same: bool) -> None:
    """A plain number has the width of what is there; everything else is compared byte by byte."""
    assert matches(expected, raw) is same


def test_to_kind(abi: Abi) -> None:
    """A plain number takes the width of its field's kind; a field without width needs a tag."""
    assert to_kind(-2, "Int16", abi) == b"\xfe\xff"
    assert to_kind("u8:1", "Uint32", abi) == b"\1"
    with pytest.raises(EmbedderError, match="has no width"):
        to_kind(5, "String", abi)


@pytest.mark.parametrize("address", [0, 63, 64, 0x2000, 0x10000, 0x7FFFF])
def test_bake(address: int) -> None:
    """Bytes put into a module are in the memory of its instance, at their address."""
    import wasmtime

    wasm = bytes(wasmtime.wat2wasm('(module (memory (export "memory") 8) (func (export "f")))'))
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, bake(wasm, {address: b"x" * 1, 0x400: b"y" * 200}))
    memory = wasmtime.Instance(store, module, []).exports(store)["memory"]
    assert isinstance(memory, wasmtime.Memory)
    assert memory.read(store, address, address + 1) == b"x"
    assert memory.read(store, 0x400, 0x400 + 201) == b"y" * 200 + b"\0"
