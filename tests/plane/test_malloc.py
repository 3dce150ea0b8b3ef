"""fieldGet of the releases in which the guest's malloc makes room for strings and bytes."""

from collections.abc import Callable

import pytest

from gadget_host.plane.layout import STRUCTS
from gadget_host.schema import FieldSchema, SourceSchema
from tests.plane.rig import KINDS, TRAP, WIDTHS, Rig

U32, STRING, CSTRING, BYTES = (KINDS[kind] for kind in ("Uint32", "String", "CString", "Bytes"))
SIZE = 65536
_HEAP_TOP = STRUCTS["control"]["heap_top"]
AT = 0x2000
VALUES = [b"", b"x", b"12345678", b"123456789", b"a\0b\0", b"\xff\xfe", b"0123456789" * 500]


@pytest.fixture(params=[True, False], ids=["forwarded", "by Python"])
def rig(request: pytest.FixtureRequest) -> Rig:
    """A plane of a release with malloc, whose guest's malloc gives AT; called in both ways there are."""
    rig = Rig(release="v0.34.0", forwards=request.param)
    rig.on_malloc = lambda size: AT
    return rig


def packet_with(rig: Rig, value: bytes, kind: str = "String") -> tuple[int, int]:
    """A field of that kind and a packet that holds the value; the memory is all '?' afterwards."""
    source, handle = rig.source("s", f"before:Uint32 it:{kind} after:String")
    field, packet = rig.field(source, "it"), rig.dataSourceNewPacketSingle(handle)
    assert rig.write(field, packet, value) == field
    rig.fill()
    return field, packet


def answering(address: int | None) -> Callable[[int], int | None]:
    """A malloc that always says the same."""
    return lambda size: address


def image_with(address: int, value: bytes) -> bytes:
    """All '?' but for a value."""
    image = bytearray(b"?" * SIZE)
    image[address : address + len(value)] = value
    return bytes(image)


@pytest.mark.parametrize("kind", [STRING, BYTES])
@pytest.mark.parametrize("value", VALUES, ids=[f"{len(value)} bytes" for value in VALUES])
def test_a_value_is_copied_to_what_malloc_gave(rig: Rig, value: bytes, kind: int) -> None:
    """malloc is asked once, for exactly the length; only those bytes of the memory change."""
    field, packet = packet_with(rig, value)
    asked: list[int] = []

    def malloc(size: int) -> int:
        asked.append(size)
        return AT

    rig.on_malloc = malloc
    assert rig.fieldGet(field, packet, kind) == len(value) << 32 | AT
    assert rig.image() == image_with(AT, value)
    assert asked == [len(value)]
    assert rig.warned == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in WIDTHS])
def test_a_scalar_needs_no_malloc(rig: Rig, kind: str) -> None:
    """Its bits are the result, signed kinds extended; the memory stays as it is."""
    rig.on_malloc = lambda size: pytest.fail("malloc was called")
    source, handle = rig.source("s", f"it:{kind}")
    field, packet = rig.field(source, "it"), rig.dataSourceNewPacketSingle(handle)
    value = 1 if kind == "Bool" else -2 if kind.startswith("Int") else 77
    rig.fieldSet(field, packet, KINDS[kind], value)
    rig.fill()
    assert rig.fieldGet(field, packet, KINDS[kind]) == value
    assert rig.image() == b"?" * SIZE


@pytest.mark.parametrize(
    ("declared", "asked", "expected"),
    [
        (CSTRING, STRING, b"ab"),
        (CSTRING, BYTES, b"ab\0cd\0"),
        (STRING, STRING, b"ab\0cd\0"),
        (BYTES, STRING, b"ab\0cd\0"),
    ],
)
def test_only_c_strings_asked_for_as_strings_end_at_the_first_nul(
    rig: Rig, declared: int, asked: int, expected: bytes
) -> None:
    """The declared kind of the field decides, together with the kind of the access."""
    field, packet = packet_with(rig, b"ab\0cd\0", next(k for k, n in KINDS.items() if n == declared))
    assert rig.fieldGet(field, packet, asked) == len(expected) << 32 | AT
    assert rig.image() == image_with(AT, expected)


@pytest.mark.parametrize("value", [b"", b"\0", b"abc", b"abc\0", b"\0abc"])
def test_a_static_c_string_loses_its_padding(rig: Rig, value: bytes) -> None:
    """A member of an eBPF structure is cut at its first NUL, or as long as its array."""
    fields = (FieldSchema("comm", "CString", size=4, offset=0, flags=16),)
    source = rig.registry.add(SourceSchema("s", "single", fields))
    got: list[bytes] = []

    def callback(number: int, s: int, data: int) -> None:
        packed = rig.fieldGet(rig.field(source, "comm"), data, STRING)
        got.append(rig.get(packed & 0xFFFFFFFF, packed >> 32))

    rig.on_callback = callback
    rig.subscribe(source)
    source.emit({"comm": value.split(b"\0")[0].decode()})
    assert got == [value.split(b"\0")[0]]


@pytest.mark.parametrize("kind", [0, CSTRING, 15, -1, 1 << 31])
def test_kinds_that_cannot_be_read_are_errors(rig: Rig, kind: int) -> None:
    """Invalid and CString are no kinds of access, though fields have them."""
    field, packet = packet_with(rig, b"1234", "CString")
    assert rig.fieldGet(field, packet, kind) == 0
    assert rig.image() == b"?" * SIZE
    assert rig.warned == ["fieldGet: the kind asked for cannot be read"]


@pytest.mark.parametrize("length", [1, 8, 9, 4096])
@pytest.mark.parametrize("beyond", [0, 1, 2])
def test_the_memory_malloc_gives_must_be_there(rig: Rig, length: int, beyond: int) -> None:
    """The last byte of the memory is good, the one behind it is not: then nothing is written and 0 returned."""
    value = b"v" * length
    field, packet = packet_with(rig, value)
    address = SIZE - length + beyond
    rig.on_malloc = lambda size: address
    assert rig.fieldGet(field, packet, BYTES) == (0 if beyond else length << 32 | address)
    assert rig.image() == (b"?" * SIZE if beyond else image_with(address, value))
    assert len(rig.warned) == (1 if beyond else 0)


@pytest.mark.parametrize(("address", "good"), [(0, True), (AT, True), (SIZE, True), (SIZE + 1, False)])
def test_an_empty_value_has_an_address_too(rig: Rig, address: int, good: bool) -> None:
    """malloc(0) is called; what it gives comes back with length 0, as far as it is an address at all."""
    field, packet = packet_with(rig, b"")
    rig.on_malloc = lambda size: address
    assert rig.fieldGet(field, packet, STRING) == (address if good else 0)
    assert rig.image() == b"?" * SIZE
    assert bool(rig.warned) != good


@pytest.mark.parametrize("address", [0x7FFFFFFF, 0x80000000, 0xFFFF0000, 0xFFFFFFFC, 0xFFFFFFFF])
def test_addresses_far_outside_do_not_wrap_around(rig: Rig, address: int) -> None:
    """Address and length are added in 64 bits."""
    field, packet = packet_with(rig, b"0123456789")
    rig.on_malloc = lambda size: address
    assert rig.fieldGet(field, packet, BYTES) == 0
    assert rig.image() == b"?" * SIZE
    assert rig.warned == ["fieldGet: address and length lie outside the guest's memory"]


def test_a_trap_in_malloc_makes_the_call_fail(rig: Rig) -> None:
    """The callback goes on, and may ask again."""
    source, _ = rig.source("s", "it:String")
    field, answers = rig.field(source, "it"), []

    def callback(number: int, s: int, data: int) -> None:
        for address in (None, AT):
            rig.on_malloc = answering(address)
            answers.append(rig.fieldGet(field, data, STRING))

    rig.on_callback = callback
    rig.subscribe(source)
    out = rig.registry.collect("s")
    source.emit_batch([{"it": "abc"}] * 2)
    assert answers == [0, 3 << 32 | AT] * 2
    assert rig.warned == ["fieldGet: malloc trapped"] * 2
    assert rig.hooks.traps == []
    assert out.drain() == [{"it": "abc"}] * 2


def test_memory_that_malloc_adds_is_there(rig: Rig) -> None:
    """An address in pages that malloc itself grew is good."""
    field, packet = packet_with(rig, b"abc")
    rig.on_malloc = lambda size: int(rig.memory.grow(rig.store, 1)) * SIZE + SIZE - size
    address = 2 * SIZE - 3
    assert rig.fieldGet(field, packet, STRING) == 3 << 32 | address
    assert rig.get(address, 3) == b"abc"


@pytest.mark.parametrize("length", [3, 300])
def test_the_value_is_that_of_the_moment_of_the_call(rig: Rig, length: int) -> None:
    """What malloc does to the field, the packet or other packets meanwhile is not seen in it."""
    value = b"v" * length
    source, handle = rig.source("s", "it:String")
    field, packet = rig.field(source, "it"), rig.dataSourceNewPacketSingle(handle)
    rig.write(field, packet, value)

    def malloc(size: int) -> int:
        rig.on_malloc = lambda size: AT
        rig.write(field, packet, b"w" * length)
        rig.write(field, packet, b"longer than before" * 100)
        rig.plane.release(packet)
        for _ in range(5):  # they take the place that became free
            rig.write(field, rig.dataSourceNewPacketSingle(handle), b"x" * length)
        return AT

    rig.on_malloc = malloc
    packed = rig.fieldGet(field, packet, STRING)
    assert rig.get(AT, packed >> 32) == value


def test_malloc_may_ask_for_a_value_itself(rig: Rig) -> None:
    """Calls inside one another do not mix up."""
    source, handle = rig.source("s", "it:String")
    field = rig.field(source, "it")
    packets = [rig.dataSourceNewPacketSingle(handle) for _ in range(5)]
    for index, packet in enumerate(packets):
        rig.write(field, packet, b"%d" % index * (index + 1))
    got: list[bytes] = []

    def get(index: int) -> None:
        packed = rig.fieldGet(field, packets[index], STRING)
        got.append(rig.get(packed & 0xFFFFFFFF, packed >> 32))

    depth = iter(range(1, 5))

    def malloc(size: int) -> int:
        if (index := next(depth, None)) is not None:
            get(index)
        return AT + 16 * size

    rig.on_malloc = malloc
    get(0)
    assert got == [b"44444", b"3333", b"222", b"11", b"0"]


def emitting(rig: Rig, handle: int, then: Callable[[], int | None]) -> Callable[[int], int | None]:
    """A malloc that emits a packet."""

    def malloc(size: int) -> int | None:
        rig.dataSourceEmitAndRelease(handle, rig.dataSourceNewPacketSingle(handle))
        return then()

    return malloc


@pytest.mark.parametrize("address", [AT, None])
@pytest.mark.parametrize("callback", [1, TRAP])
def test_malloc_may_emit(rig: Rig, address: int | None, callback: int) -> None:
    """Callbacks are called inside it, and may trap; then delivery goes on where it was."""
    outer, _ = rig.source("outer", "it:String")
    inner, inner_handle = rig.source("inner", "it:Uint32")
    field, answers = rig.field(outer, "it"), []
    rig.on_malloc = emitting(rig, inner_handle, lambda: address)

    def outer_callback(number: int, s: int, data: int) -> None:
        if number == 9:
            answers.append(rig.fieldGet(field, data, STRING))

    rig.on_callback = outer_callback
    rig.subscribe(outer, callback=9)
    rig.subscribe(inner, callback=callback)
    out = rig.registry.collect("outer", 1)
    before = rig.plane.live_handles()
    outer.emit_batch([{"it": "abc"}, {"it": "defg"}])
    assert answers == ([0, 0] if address is None else [3 << 32 | AT, 4 << 32 | AT])
    assert out.drain() == [{"it": "abc"}, {"it": "defg"}]
    assert len(rig.hooks.traps) == (2 if callback == TRAP else 0)
    assert rig.plane.live_handles() == before + 2  # what was emitted keeps its handle in this release
    outer.emit({"it": "abc"})
    assert len(answers) == 3


def test_asking_again_and_again_takes_no_more_of_the_planes_memory(rig: Rig) -> None:
    """What is put aside is given back, whether malloc gives memory or not."""
    field, packet = packet_with(rig, b"x" * 5000)
    answers = [AT, None, SIZE]

    def turn() -> None:
        for answer in answers:
            rig.on_malloc = answering(answer)
            rig.fieldGet(field, packet, BYTES)

    turn()
    top = rig.plane.memory.u32(_HEAP_TOP)
    for _ in range(50):
        turn()
    assert rig.plane.memory.u32(_HEAP_TOP) == top


def test_without_memory_of_its_own_the_plane_says_so(rig: Rig) -> None:
    """A value that cannot be put aside is not read; malloc is not called."""
    field, packet = packet_with(rig, b"x" * 40000)
    rig.hooks.most_pages = 0
    rig.on_malloc = lambda size: pytest.fail("malloc was called")
    while rig.plane.call("heap_new", 40000):
        pass
    rig.hooks.warnings.clear()
    assert rig.fieldGet(field, packet, BYTES) == 0
    assert rig.warned == ["fieldGet: the host's memory for data is exhausted"]
