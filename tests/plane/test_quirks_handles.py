"""The real host's quirks of handles: as a careful host has them, and as a strict one."""

import pytest

from gadget_host._state import TrapError
from gadget_host.plane.layout import STRUCTS
from tests.plane.quirks import everywhere, strict
from tests.plane.rig import ABI, KINDS, Rig

U32 = KINDS["Uint32"]


def used_up(rig: Rig, last: int) -> None:
    """The next handle's number is one more than ``last``."""
    rig.plane.memory.set_u32(STRUCTS["control"]["last_handle"], last)


@strict
@everywhere
def test_quirk_handle_numbers(release: str, strict: bool) -> None:
    """Numbers stay below 65,536 and come again; strict: each is one more than the last."""
    rig = Rig(release=release, strict=strict)
    source, _ = rig.source("s", "it:Uint32")
    rig.subscribe(source)
    used_up(rig, 0xFFF0)
    source.emit_batch([{"it": 1}] * 30)
    expected = list(range(0xFFF1, 0xFFF1 + 30))
    if not strict:
        expected = [*range(0xFFF1, 0x10000), *range(2, 17)]  # 1 is the source's
    assert [data for _, _, data in rig.calls] == expected


@strict
def test_quirk_handle_numbers_confuses_element_handles(strict: bool) -> None:
    """An array always finds its elements; strict: from number 65,536 on its bits get into the index."""
    rig = Rig(strict=strict)
    source, handle = rig.source("s", "it:Uint32", "array")
    field = rig.field(source, "it")
    low = rig.dataSourceNewPacketArray(handle)
    used_up(rig, 0x10000 | (low - 1))
    packets = {"low": low, "high": rig.dataSourceNewPacketArray(handle)}
    for number, packet in enumerate(packets.values()):
        for index in range(3):
            data = rig.dataArrayNew(packet)
            rig.fieldSet(field, data, U32, 10 * number + index)
            rig.dataArrayAppend(packet, data)
    elements = [rig.dataArrayGet(packets["high"], index) for index in range(3)]
    found = [rig.scalar(field, element, "Uint32") for element in elements]
    if strict:
        assert packets["high"] == 0x10000 | low
        assert elements == [-0x80000000 | index << 16 | 0x10000 | low for index in range(3)]
        assert found == [1, 1, None]  # of the other array
    else:
        assert found == [10, 11, 12]


@pytest.mark.parametrize("release", ["v0.34.0", ABI.newest])
def test_quirk_handle_numbers_strict_finds_any_of_4096_with_gaps(release: str) -> None:
    """Whatever was released in whatever order, the rest is found, and nothing else; a freed place is used again."""
    rig = Rig(release=release, strict=True)
    objects = {rig.plane.new_handle("map", name): name for name in range(4096)}
    assert rig.plane.new_handle("map", "too many") == 0
    for step, number in enumerate(list(objects)):
        if step % 7 in (0, 1, 4):
            assert rig.plane.release(number)
            assert not rig.plane.release(number)
            del objects[number]
            used_up(rig, max([*objects, 4096 + 3 * step]) + step % 5)
            if step % 2:
                objects[rig.plane.new_handle("map", step)] = step
    assert rig.plane.live_handles() == len(objects)
    assert all(rig.plane.object(number, "map") == name for number, name in objects.items())
    assert {n for n in [*objects, *range(0, 20_000, 37)] if rig.plane.release(n)} == set(objects)
    assert rig.plane.live_handles() == 0


def test_quirk_handle_numbers_strict_knows_what_a_wrong_handle_is() -> None:
    """The warnings of a strict host say as much as a careful one's."""
    rig = Rig(strict=True)
    source, handle = rig.source("s", "it:Uint32")
    released = [rig.dataSourceNewPacketSingle(handle) for _ in range(3)]
    field = rig.field(source, "it")
    rig.dataSourceRelease(handle, released[1])
    for number, words in (
        (field, " but a field"),
        (released[1], ""),
        (released[2], " but a packet of a single source"),
    ):
        rig.dataArrayLen(number)
        assert rig.warned == [f"dataArrayLen: handle {number} is not an array packet{words}"]


@strict
def test_quirk_handle_numbers_clearing_drops_them_all(strict: bool) -> None:
    """Every handle is gone after it, and objects that only handles kept are freed."""
    rig = Rig(strict=strict)
    _, handle = rig.source("s", "it:Uint32")
    for _ in range(4000):
        rig.dataSourceNewPacketSingle(handle)
    rig.plane.clear_handles()
    assert rig.plane.live_handles() == 0
    assert rig.dataSourceNewPacketSingle(handle) == 0
    assert rig.plane.new_handle("map", 1) > 0


@strict
@everywhere
def test_quirk_table_full(release: str, strict: bool) -> None:
    """With a full table an event is not delivered to the gadget; strict: it is, as data 0."""
    rig = Rig(release=release, strict=strict, handle_limit=3)
    source, _ = rig.source("s", "it:Uint32")
    rig.field(source, "it")
    out = rig.registry.collect("s", 1)
    rig.subscribe(source)
    source.emit({"it": 1})
    rig.plane.new_handle("map", 1)
    source.emit_batch([{"it": 2}, {"it": 3}])
    assert [data != 0 for _, _, data in rig.calls] == ([True, False, False] if strict else [True])
    assert rig.warned == ["dataSourceCallback: too many open handles"] * 2
    assert out.drain() == [{"it": 1}, {"it": 2}, {"it": 3}]
    assert rig.plane.live_handles() == 3


@strict
@pytest.mark.parametrize("release", ["v0.34.0", ABI.newest])
def test_quirk_post_stop_handles(release: str, strict: bool) -> None:
    """After the stop no handle is left and none can be made; strict: trying to is a trap."""
    rig = Rig(release=release, strict=strict)
    source, handle = rig.source("s", "it:Uint32")
    _, array_handle = rig.source("array", "it:Uint32", "array")
    rig.plane.stop_delivering()
    rig.plane.stopped_for_good()
    assert rig.plane.live_handles() == 0
    assert rig.dataSourceNewPacketSingle(handle) == 0
    assert rig.dataSourceNewPacketArray(array_handle) == 0
    assert rig.warned == [
        f"dataSourceNewPacketSingle: handle {handle} is not a data source",
        f"dataSourceNewPacketArray: handle {array_handle} is not a data source",
    ]
    if rig.profile.quirk("post-stop-handles"):
        with pytest.raises(TrapError):
            rig.plane.new_handle("source", source)
    else:
        assert rig.plane.new_handle("source", source) == 0
