"""A guest of the contract does the same in every language, and what it does is what the contract says."""

from __future__ import annotations

from collections.abc import Callable
from difflib import unified_diff
from typing import Any

from gadget_abi.wasm import FuncType, read_module
from tests.roundtrip.conftest import Guest
from tests.roundtrip.contract import leftovers, transcript
from tests.roundtrip.world import World


def test_the_transcript_is_that_of_the_contract(
    guest: Guest, record_property: Callable[[str, object], None]
) -> None:
    """On the oldest and the newest release of its set, and on the newest that it runs on, a guest says and emits from
    gadgetInit to gadgetPostStop what the contract lays down, and leaves the world behind as it lays down."""
    for release in releases(guest):
        world = World(guest.module, guest.signatures, release)
        with world.gadget as gadget:
            world.start()
            world.feed()
            gadget.stop()
            assert changes(transcript(guest.signatures, gadget.release), world.transcript) == ""
            expected = leftovers(guest.signatures)
            assert world.leftovers(set(expected)) == expected
            assert gadget.errors == ()
            if release is None:
                record_property("transcript", "\n".join(world.transcript))


def changes(expected: list[str], found: list[str]) -> str:
    """How a transcript differs, as a patch."""
    return "\n".join(unified_diff(expected, found, "contract", "guest", lineterm=""))


def releases(guest: Guest) -> list[str | None]:
    """The releases to run a guest as; None lets the host decide. WAT runs as all of its set: it costs nothing."""
    own = guest.signatures.releases
    return [*(own if guest.language == "wat" else dict.fromkeys((own[0], own[-1]))), None]


def test_a_guest_is_of_its_set(guest: Guest) -> None:
    """A guest imports the functions of its signature set, every one of them, with their types."""
    imports = read_module(guest.module.read_bytes()).imports
    module = guest.signatures.family.module
    found = {item.name: _core(item.type) for item in imports if item.module == module}
    assert found == {name: form.core_type for name, form in guest.signatures.forms.items()}


def test_the_host_tells_the_set(guest: Guest) -> None:
    """From the imports alone the host knows the set that a guest is of."""
    with World(guest.module, guest.signatures).gadget as gadget:
        assert (gadget.abi, gadget.signature_set) == (guest.signatures.family.name, guest.signatures.name)


def _core(type_: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    assert isinstance(type_, FuncType)
    return type_.params, type_.results
