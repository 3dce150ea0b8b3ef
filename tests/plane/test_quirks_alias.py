"""The quirk bytes-alias-memory: what fieldSet does with bytes in a careful host, and in a strict one."""

import pytest

from tests.plane.quirks import everywhere, strict
from tests.plane.rig import KINDS, Rig

U32, STRING, BYTES = (KINDS[kind] for kind in ("Uint32", "String", "Bytes"))


def aliased(rig: Rig, value: bytes, kind: int = BYTES, address: int = 0x100) -> tuple[int, int, int]:
    """A source's handle, a field and a packet whose field was set to bytes of the guest's memory."""
    source, handle = rig.source("s", "before:Uint32 it:Bytes after:Bytes")
    field, packet = rig.field(source, "it"), rig.dataSourceNewPacketSingle(handle)
    assert rig.fieldSet(field, packet, kind, rig.put(address, value)) in (0, field)
    return handle, field, packet


@strict
@everywhere
@pytest.mark.parametrize("length", [4, 8, 9, 4096])
def test_quirk_bytes_alias_memory(release: str, strict: bool, length: int) -> None:
    """fieldSet copies bytes; strict: the field follows the guest's memory, for the guest and for collectors."""
    rig = Rig(release=release, strict=strict)
    old, new = b"o" * length, b"n" * length
    out = rig.registry.collect()
    handle, field, packet = aliased(rig, old)
    assert rig.read(field, packet, 8192) == old
    rig.put(0x100, new)
    assert rig.read(field, packet, 8192) == (new if strict else old)
    rig.put(0x100, old[:-1] + b"!")
    rig.dataSourceEmitAndRelease(handle, packet)
    assert out.drain() == [{"before": 0, "it": old[:-1] + b"!" if strict else old, "after": b""}]


@strict
@everywhere
def test_quirk_bytes_alias_memory_scalars_write_through(release: str, strict: bool) -> None:
    """A scalar set in such a field changes the field; strict: the guest's memory, too."""
    rig = Rig(release=release, strict=strict)
    rig.fill()
    _, field, packet = aliased(rig, b"abcd")
    rig.fieldSet(field, packet, U32, 0x44434241)
    assert rig.read(field, packet) == b"ABCD"
    assert rig.get(0xFF, 6) == (b"?ABCD?" if strict else b"?abcd?")


@strict
def test_quirk_bytes_alias_memory_is_not_for_strings(strict: bool) -> None:
    """A String is copied, and ends the alias of the Bytes that were there."""
    rig = Rig(strict=strict)
    _, field, packet = aliased(rig, b"abcd", STRING)
    rig.put(0x100, b"efgh")
    assert rig.read(field, packet) == b"abcd"
    rig.fieldSet(field, packet, BYTES, 4 << 32 | 0x100)
    rig.fieldSet(field, packet, STRING, rig.put(0x200, b"copy"))
    rig.put(0x100, b"####")
    rig.put(0x200, b"####")
    assert rig.read(field, packet) == b"copy"


def test_quirk_bytes_alias_memory_ends_when_the_memory_grows() -> None:
    """The field keeps what was last seen in it; writing to it leaves the memory alone."""
    rig = Rig(strict=True)
    _, field, packet = aliased(rig, b"abcd")
    rig.put(0x100, b"efgh")
    assert rig.read(field, packet) == b"efgh"
    rig.memory.grow(rig.store, 1)
    rig.put(0x100, b"ijkl")
    assert rig.read(field, packet) == b"efgh"
    rig.fieldSet(field, packet, U32, 0)
    assert rig.get(0x100, 4) == b"ijkl"
    rig.fieldSet(field, packet, BYTES, 4 << 32 | 0x100)
    rig.put(0x100, b"mnop")
    assert rig.read(field, packet) == b"mnop"


def test_quirk_bytes_alias_memory_of_several_fields() -> None:
    """Two fields, and a field of two packets, may be views of the same bytes."""
    rig = Rig(strict=True)
    source, handle = rig.source("s", "one:Bytes two:Bytes")
    one, two = rig.field(source, "one"), rig.field(source, "two")
    packets = [rig.dataSourceNewPacketSingle(handle) for _ in range(2)]
    for packet in packets:
        rig.fieldSet(one, packet, BYTES, rig.put(0x100, b"abcdefgh"))
        rig.fieldSet(two, packet, BYTES, 4 << 32 | 0x102)
    rig.fieldSet(two, packets[0], U32, 0x5A5A5A5A)
    assert [rig.read(one, packet) for packet in packets] == [b"abZZZZgh"] * 2
    assert [rig.read(two, packet) for packet in packets] == [b"ZZZZ"] * 2


def test_quirk_bytes_alias_memory_holds_for_python_subscribers() -> None:
    """A Python subscriber sees the memory as it is, and writes to it where it sets a scalar's bytes."""
    rig = Rig(strict=True)
    source, handle = rig.source("s", "it:Uint32")
    field, seen = rig.field(source, "it"), []
    packet = rig.dataSourceNewPacketSingle(handle)
    rig.fieldSet(field, packet, BYTES, rig.put(0x100, b"\1\0\0\0"))
    rig.put(0x100, b"\2\0\0\0")

    def subscriber(event: dict[str, int]) -> None:
        seen.append(event["it"])
        event["it"] = 3

    source.subscribe(subscriber)
    rig.dataSourceEmitAndRelease(handle, packet)
    assert seen == [2]
    assert rig.get(0x100, 4) == b"\3\0\0\0"


def test_quirk_bytes_alias_memory_is_not_for_what_python_emits() -> None:
    """Slots that lie in a batch's rows, or are used again, are no views."""
    rig = Rig(strict=True)
    source, _ = rig.source("s", "it:Bytes")
    field, seen = rig.field(source, "it"), []

    def callback(number: int, s: int, data: int) -> None:
        seen.append(rig.read(field, data))
        rig.fieldSet(field, data, BYTES, rig.put(0x100, b"view"))
        rig.put(0x100, b"####")

    rig.on_callback = callback
    rig.subscribe(source)
    out = rig.registry.collect("s", 1)
    events = [{"it": b"%d and more than a slot holds" % n} for n in range(3)]
    source.emit_batch(events)
    assert seen == [event["it"] for event in events]
    assert out.drain() == [{"it": b"####"}] * 3
