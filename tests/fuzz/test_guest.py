"""The universal guest is what the fuzz session needs it to be."""

import pytest

import gadget_abi
from gadget_abi import wasm
from gadget_abi.report import check_module

from .guest import ABI, guest

NEWEST = {s.name: s.releases[-1] for s in ABI.signature_sets}


@pytest.mark.parametrize("name", NEWEST)
def test_the_guest_of_a_set_calls_every_function_of_it(name: str) -> None:
    """It imports exactly the functions of the set's newest release, and fits that set and no older one."""
    module = wasm.read_module(guest(NEWEST[name]))
    called = {item.name for item in module.imports if item.module != "wasi_snapshot_preview1"}
    assert called == set(gadget_abi.Profile(ABI, NEWEST[name]).forms)
    assert check_module(module, ABI).signature_sets[0] == name
