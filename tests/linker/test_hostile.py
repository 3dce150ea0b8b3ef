"""Components that are cut off or damaged."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gadget_abi
from gadget_abi import GadgetError
from gadget_build.link.linker import link
from gadget_build.wasm.body import find_sites
from gadget_build.wasm.decode import decode

SMALL = bytes(wasmtime.wat2wasm((Path(__file__).parent / "small.wat").read_text()))
ABI = gadget_abi.load()


def attempt(component: bytes) -> None:
    """Link; an error of ours is fine, anything else escapes."""
    with suppress(GadgetError):
        link(component, ABI, "v0.39.0")


def first_error(data: bytes) -> gadget_abi.WasmError | None:
    """What reading a module of one function runs into."""
    try:
        module = decode(data)
        find_sites(data, module.bodies[0])
    except gadget_abi.WasmError as error:
        return error
    return None


@pytest.mark.parametrize("length", range(0, len(SMALL), 7))
def test_a_cut_off_component_is_one_error(length: int) -> None:
    """However short the file is, linking ends in an error of this project or, between sections, in a module."""
    attempt(SMALL[:length])


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(SMALL) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_one_error_or_none(at: int, bit: int) -> None:
    """One flipped bit anywhere gives a module or one error of this project."""
    damaged = bytearray(SMALL)
    damaged[at] ^= 1 << bit
    attempt(bytes(damaged))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(8, len(SMALL) - 1), st.binary(min_size=1, max_size=6))
def test_overwritten_bytes_are_one_error_or_none(at: int, data: bytes) -> None:
    """A few bytes of anything, anywhere, give a module or one error of this project."""
    attempt(SMALL[:at] + data + SMALL[at + len(data) :])


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=40))
def test_code_that_is_no_code_is_one_error(code: bytes) -> None:
    """A function body of any bytes is walked to its end or refused with an offset."""
    body = b"\0" + code
    section = bytes((10, len(body) + 2, 1, len(body))) + body
    data = b"\0asm\1\0\0\0" + b"\1\4\1\x60\0\0" + b"\3\2\1\0" + section
    error = first_error(data)
    assert error is None or 0 < error.offset <= len(data)
