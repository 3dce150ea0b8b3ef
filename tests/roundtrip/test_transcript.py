"""A guest of the contract does the same in every language, and what it does is what the contract says."""

from __future__ import annotations

from typing import Any

from gadget_abi import Profile
from gadget_abi.wasm import FuncType, read_module
from tests.roundtrip.conftest import Guest
from tests.roundtrip.contract import ABI, leftovers, transcript
from tests.roundtrip.world import World


def test_the_transcript_is_the_contract_s(world: World, guest: Guest) -> None:
    """From gadgetInit to gadgetPostStop the guest says and emits what the contract lays down, in its order."""
    world.start()
    world.feed()
    world.gadget.stop()
    assert world.transcript == transcript(guest.signatures, Profile(ABI, world.gadget.release))
    assert world.gadget.errors == ()


def test_the_world_is_changed_as_the_contract_says(world: World, guest: Guest) -> None:
    """Configuration, maps, tags and references look afterwards as the contract lays down."""
    world.start()
    expected = leftovers(guest.signatures)
    assert world.leftovers(set(expected)) == expected


def test_a_guest_is_of_its_set(guest: Guest) -> None:
    """A guest imports the functions of its signature set, every one of them, with their types."""
    imports = read_module(guest.module.read_bytes()).imports
    module = guest.signatures.family.module
    found = {item.name: _core(item.type) for item in imports if item.module == module}
    assert found == {name: form.core_type for name, form in guest.signatures.forms.items()}


def _core(type_: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    assert isinstance(type_, FuncType)
    return tuple(map(str, type_.params)), tuple(map(str, type_.results))
