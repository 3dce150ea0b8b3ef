"""What has changed in the data plane from release to release: the last one before, and the one that brought it."""

import pytest

from gadget_host.plane.layout import HOT
from tests.plane.rig import ABI, KINDS, TRAP, Rig, profile_of

DATA, ARRAY, PACKET = 1, 2, 3
U32 = KINDS["Uint32"]
RELEASES = [release.name for release in ABI.releases]


def both(change: str) -> pytest.MarkDecorator:
    """Runs a test before and after a change."""
    index = RELEASES.index(ABI.changes[change].since)
    releases = ((RELEASES[index - 1], False), (RELEASES[index], True))
    cases = [pytest.param(name, after, id=name) for name, after in releases]
    return pytest.mark.parametrize(("release", "changed"), cases)


@pytest.fixture
def rig(release: str) -> Rig:
    """A plane of the release."""
    return Rig(release=release)


def filled_array(rig: Rig, handle: int, field: int, values: list[int]) -> int:
    """A handle of an array packet with an element for each value."""
    packet = rig.dataSourceNewPacketArray(handle)
    for value in values:
        data = rig.dataArrayNew(packet)
        rig.fieldSet(field, data, U32, value)
        assert rig.dataArrayAppend(packet, data) == 0
        rig.plane.release(data)
    return int(packet)


@pytest.mark.parametrize("release", RELEASES)
def test_a_release_offers_the_functions_it_had(release: str) -> None:
    """The imports are the hot functions of the release's table, with the types they had."""
    rig = Rig(release=release)
    forms = {name: form for name, form in profile_of(release).forms.items() if name in HOT}
    assert set(rig.plane.imports) == set(forms)
    for name, form in forms.items():
        kind = rig.plane.imports[name].type(rig.store)
        core = tuple(map(str, kind.params)), tuple(map(str, kind.results))
        assert core == form.core_type, name


@both("emit-drops-handle")
def test_emitting_drops_the_packets_handle(rig: Rig, changed: bool) -> None:
    """Before, the packet stayed, and could be emitted again; failing or not makes no difference."""
    source, handle = rig.source("s", "it:Uint32")
    field, out = rig.field(source, "it"), rig.registry.collect("s")
    packet, live = rig.dataSourceNewPacketSingle(handle), rig.plane.live_handles()
    assert rig.dataSourceEmitAndRelease(handle, packet) == 0
    rig.hooks.warnings.clear()
    assert rig.plane.live_handles() == live - changed
    assert rig.scalar(field, packet, "Uint32") == (None if changed else 0)
    assert rig.dataSourceEmitAndRelease(handle, packet) == int(changed)
    assert out.drain() == [{"it": 0}] * (1 if changed else 2)


@both("emit-drops-handle")
def test_an_emission_that_fails_drops_the_handle_too(rig: Rig, changed: bool) -> None:
    """What is left when a subscriber cannot take the packet, and how often it can be tried."""
    source, handle = rig.source("array", "it:Uint32", "array")
    _, single_handle = rig.source("single", "it:Uint32")
    packet = rig.dataSourceNewPacketSingle(single_handle)
    rig.subscribe(source, kind=DATA)
    assert rig.dataSourceEmitAndRelease(handle, packet) == 1
    assert rig.dataSourceRelease(single_handle, packet) == int(changed)


@both("emit-drops-handle")
def test_the_packet_of_a_callback_may_be_emitted_elsewhere(rig: Rig, changed: bool) -> None:
    """Its handle ends with the callback in any release, and the event goes on."""
    source, _ = rig.source("s", "it:Uint32")
    _, other_handle = rig.source("other", "it:Uint32")
    out, answers = rig.registry.collect("s"), []
    live = rig.plane.live_handles()
    rig.on_callback = lambda number, s, data: answers.append(
        (rig.dataSourceEmitAndRelease(other_handle, data), rig.plane.live_handles() - live)
    )
    rig.subscribe(source)
    source.emit_batch([{"it": 1}, {"it": 2}])
    assert answers == [(0, 0 if changed else 1)] * 2
    assert out.drain() == [{"it": 1}, {"it": 2}]
    assert rig.plane.live_handles() == live


@both("release-drops-handle")
def test_releasing_drops_the_packets_handle(rig: Rig, changed: bool) -> None:
    """Before, it succeeded and had no effect."""
    _, handle = rig.source("s", "it:Uint32")
    packet = rig.dataSourceNewPacketSingle(handle)
    assert rig.dataSourceRelease(handle, packet) == 0
    assert rig.dataSourceRelease(handle, packet) == int(changed)


@both("append-drops-handle")
def test_appending_drops_the_elements_handle(rig: Rig, changed: bool) -> None:
    """Before, the element could be appended again, and written through its handle while in the array."""
    source, handle = rig.source("s", "it:Uint32", "array")
    field, out = rig.field(source, "it"), rig.registry.collect("s")
    packet = rig.dataSourceNewPacketArray(handle)
    data = rig.dataArrayNew(packet)
    assert rig.dataArrayAppend(packet, data) == 0
    assert rig.dataArrayAppend(packet, data) == int(changed)
    assert rig.fieldSet(field, data, U32, 7) == (1 if changed else field)
    rig.dataSourceEmitAndRelease(handle, packet)
    assert out.drain() == [[{"it": 0}] if changed else [{"it": 7}] * 2]


@both("array-release-drops-handle")
def test_releasing_an_element_drops_its_handle(rig: Rig, changed: bool) -> None:
    """Before, it succeeded and had no effect; a handle that is none was an error all the same."""
    _, handle = rig.source("s", "it:Uint32", "array")
    packet = rig.dataSourceNewPacketArray(handle)
    data = rig.dataArrayNew(packet)
    assert rig.dataArrayRelease(packet, data) == 0
    assert rig.dataArrayRelease(packet, data) == int(changed)
    assert rig.dataArrayRelease(packet, 4711) == 1


@both("element-handles")
def test_elements_have_computed_handles(rig: Rig, changed: bool) -> None:
    """Before, every dataArrayGet took a place in the table, like any other handle."""
    source, handle = rig.source("s", "it:Uint32", "array")
    field = rig.field(source, "it")
    packet = filled_array(rig, handle, field, [5, 6])
    live = rig.plane.live_handles()
    first, again = rig.dataArrayGet(packet, 1), rig.dataArrayGet(packet, 1)
    assert rig.scalar(field, first, "Uint32") == rig.scalar(field, again, "Uint32") == 6
    assert (first == again) == changed
    assert (first < 0) == changed
    assert rig.plane.live_handles() == live + (0 if changed else 2)
    assert rig.dataArrayGet(packet, 2) == rig.dataArrayGet(packet, -1) == 0


@both("element-handles")
def test_the_handle_of_an_element_and_its_array(rig: Rig, changed: bool) -> None:
    """A computed one ends with the array's; one of the table does not."""
    source, handle = rig.source("s", "it:Uint32", "array")
    field = rig.field(source, "it")
    packet = filled_array(rig, handle, field, [5])
    element = rig.dataArrayGet(packet, 0)
    rig.plane.release(packet)
    assert rig.scalar(field, element, "Uint32") == (None if changed else 5)


def test_an_element_of_an_older_release_outlives_its_event() -> None:
    """Its values stay when the callback is over and other events lie where it lay; it can be emitted then."""
    rig = Rig(release="v0.34.0")
    source, handle = rig.source("s", "it:Uint32 text:String", "array")
    field, text, kept = rig.field(source, "it"), rig.field(source, "text"), []
    rig.on_callback = lambda number, s, array: kept.append(rig.dataArrayGet(array, 1))
    rig.subscribe(source, kind=ARRAY)
    out = rig.registry.collect("s")
    source.emit([{"it": 1, "text": "one"}, {"it": 2, "text": "two, and more than a slot holds"}])
    rig.on_callback = lambda number, s, array: None
    source.emit([{"it": 8, "text": "###"}, {"it": 9, "text": "#" * 40}])
    assert rig.scalar(field, kept[0], "Uint32") == 2
    assert rig.read(text, kept[0]) == b"two, and more than a slot holds"
    out.drain()
    packet = rig.dataSourceNewPacketArray(handle)
    assert rig.dataArrayAppend(packet, kept[0]) == 0
    assert rig.dataSourceEmitAndRelease(handle, packet) == 0
    assert out.drain() == [[{"it": 2, "text": "two, and more than a slot holds"}]]


def test_an_older_release_has_no_element_handles_at_all() -> None:
    """A number that would be one stands for nothing."""
    rig = Rig(release="v0.36.1")
    source, handle = rig.source("s", "it:Uint32", "array")
    field = rig.field(source, "it")
    packet = filled_array(rig, handle, field, [5])
    assert rig.fieldGet(field, -0x80000000 | packet, U32) == 0
    assert rig.warned == [f"fieldGet: handle {0x80000000 | packet} is not data"]


def test_packets_that_nothing_frees_fill_the_table() -> None:
    """In an older release a gadget makes some four thousand packets in its life."""
    rig = Rig(release="v0.36.1")
    _, handle = rig.source("s", "it:Uint32")
    made = 0
    while packet := rig.dataSourceNewPacketSingle(handle):
        rig.dataSourceEmitAndRelease(handle, packet)
        made += 1
    assert made == 4095
    assert rig.warned == ["dataSourceNewPacketSingle: too many open handles"]


@both("field-set-returns-zero")
def test_setting_a_field_returns_zero(rig: Rig, changed: bool) -> None:
    """Before, it was the field's handle; 1 is an error in any release."""
    source, handle = rig.source("s", "it:Uint32 text:String")
    packet = rig.dataSourceNewPacketSingle(handle)
    it, text = rig.field(source, "it"), rig.field(source, "text")
    assert it > 1
    assert rig.fieldSet(it, packet, U32, 3) == (0 if changed else it)
    assert rig.write(text, packet, b"abc") == (0 if changed else text)
    assert rig.fieldSet(it, packet, KINDS["Uint64"], 3) == 1
    assert rig.fieldSet(4711, packet, U32, 3) == 1


@both("error-pointer")
def test_a_scalar_that_cannot_be_read_is_zero(rig: Rig, changed: bool) -> None:
    """Since v0.39 the guest can tell it from a zero; nothing else of its memory is touched."""
    source, handle = rig.source("s", "it:Uint32")
    packet, it = rig.dataSourceNewPacketSingle(handle), rig.field(source, "it")
    rig.fieldSet(it, packet, U32, 9)
    rig.fill()
    more = [64] if changed else []
    assert rig.fieldGetScalar(it, packet, U32, *more) == 9
    assert rig.image() == b"?" * rig.size
    assert rig.fieldGetScalar(it, packet, KINDS["Uint8"], *more) == 0
    expected = bytearray(b"?" * rig.size)
    if changed:
        expected[64:68] = b"\1\0\0\0"
    assert rig.image() == expected


@both("callback-error-dropped")
def test_the_emitter_is_not_told_of_a_trap(rig: Rig, changed: bool) -> None:
    """Before, a trap in a callback made emitting fail and was the end of the packet; the trap is reported anyway."""
    outer, _ = rig.source("outer", "it:Uint32")
    inner, inner_handle = rig.source("inner", "it:Uint32")
    answers = []

    def callback(number: int, s: int, data: int) -> None:
        if number == 1:
            packet = rig.dataSourceNewPacketSingle(inner_handle)
            answers.append(rig.dataSourceEmitAndRelease(inner_handle, packet))

    rig.on_callback = callback
    before, behind = rig.registry.collect("inner", -1), rig.registry.collect("inner", 1)
    outs = rig.registry.collect("outer", 1)
    rig.subscribe(outer, callback=1)
    rig.subscribe(inner, callback=TRAP)
    rig.subscribe(inner, callback=2)
    outer.emit({"it": 1})
    assert answers == [0 if changed else 1]
    assert [number for number, _, _ in rig.calls] == ([1, 2] if changed else [1])
    assert len(before.drain()) == 1
    assert len(behind.drain()) == int(changed)
    assert outs.drain() == [{"it": 1}]
    assert len(rig.hooks.traps) == 1


@both("callback-error-dropped")
def test_later_subscribers_see_an_event_whose_callback_trapped(rig: Rig, changed: bool) -> None:
    """Before, they did not; the next event of the batch is delivered in any release, and nothing is left behind."""
    source, _ = rig.source("s", "it:Uint32")
    first, last = rig.registry.collect("s", -1), rig.registry.collect("s", 1)
    rig.subscribe(source, callback=TRAP)
    rig.subscribe(source, callback=5)
    live = rig.plane.live_handles()
    source.emit_batch([{"it": n} for n in range(4)])
    assert len(rig.hooks.traps) == 4
    assert first.drain() == [{"it": n} for n in range(4)]
    assert last.drain() == ([{"it": n} for n in range(4)] if changed else [])
    assert len(rig.calls) == (4 if changed else 0)
    assert rig.plane.live_handles() == live


@both("callback-error-dropped")
def test_a_trap_on_one_element_ends_the_array(rig: Rig, changed: bool) -> None:
    """Before, the elements behind it were not delivered either."""
    source, handle = rig.source("s", "it:Uint32", "array")
    out, field = rig.registry.collect("s", 1), rig.field(source, "it")
    rig.subscribe(source, callback=TRAP)
    source.emit_batch([[{"it": 1}, {"it": 2}], [{"it": 3}]])
    assert len(rig.hooks.traps) == (3 if changed else 2)
    assert len(out.drain()) == (2 if changed else 0)
    packet = filled_array(rig, handle, field, [4, 5])
    assert rig.dataSourceEmitAndRelease(handle, packet) == (0 if changed else 1)
    assert len(rig.hooks.traps) == (5 if changed else 3)


@pytest.mark.parametrize("release", ["v0.36.1", "v0.37.0"])
def test_traps_in_older_releases_leave_nothing_behind(release: str) -> None:
    """Packets whose delivery ended early give their memory back."""
    rig = Rig(release=release)
    source, _ = rig.source("s", "it:Uint32 text:String", "array")
    text = rig.field(source, "text")
    rig.on_callback = lambda number, s, data: rig.write(text, data, b"x" * 100)
    rig.subscribe(source, callback=1)
    rig.subscribe(source, callback=TRAP)
    events = [[{"it": n, "text": "y"}] * 3 for n in range(10)]
    source.emit_batch(events)
    before = rig.plane._memory.size(rig.store)
    for _ in range(10):
        source.emit_batch(events)
    assert rig.plane._memory.size(rig.store) == before
    assert len(rig.hooks.traps) == 110


def test_a_level_that_is_unknown_to_older_hosts() -> None:
    """gadgetShouldLog is there since v0.43 only."""
    before, after = Rig(release="v0.42.0"), Rig(release="v0.43.0")
    assert "gadgetShouldLog" not in before.plane.imports
    assert [after.gadgetShouldLog(level) for level in (0, 2, 3, 5)] == [1, 1, 0, 0]
    with pytest.raises(AttributeError):
        before.gadgetShouldLog(0)
