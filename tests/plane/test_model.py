"""Random sequences of calls, against a model of a few lines, in releases that differ."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plane.rig import ABI, KINDS, WIDTHS, Rig

FIELDS = {
    "flag": "Bool",
    "small": "Int16",
    "it": "Uint32",
    "wide": "Int64",
    "text": "String",
    "blob": "Bytes",
}
BLANK = {name: bytes(WIDTHS.get(kind, 0)) for name, kind in FIELDS.items()}
SCALARS = [kind for kind in KINDS if kind in WIDTHS]
OFTEN_USED = st.integers(0, 3)  # which array or element, modulo how many there are

CALLS = st.one_of(
    st.tuples(st.just("new_array")),
    st.tuples(st.just("new_data"), OFTEN_USED),
    st.tuples(st.just("get"), OFTEN_USED, st.integers(-1, 3)),
    st.tuples(st.just("append"), OFTEN_USED, OFTEN_USED),
    st.tuples(st.just("emit"), OFTEN_USED),
    st.tuples(st.just("release"), OFTEN_USED),
    st.tuples(st.just("release_data"), OFTEN_USED, OFTEN_USED),
    st.tuples(
        st.just("set_scalar"),
        OFTEN_USED,
        st.sampled_from(list(FIELDS)),
        st.sampled_from(SCALARS),
        st.integers(-(1 << 63), (1 << 63) - 1),
    ),
    st.tuples(st.just("set_bytes"), OFTEN_USED, st.sampled_from(list(FIELDS)), st.binary(max_size=40)),
)


@dataclass
class Array:
    """An array packet; a handle of 0 is gone."""

    handle: int
    elements: list[dict[str, bytes]] = field(default_factory=list)


@dataclass
class Data:
    """What the guest knows a data element by: a handle of the table, or a computed one."""

    handle: int
    values: dict[str, bytes]
    array: Array | None = None
    index: int = 0

    @property
    def found(self) -> dict[str, bytes] | None:
        """The element, if the handle still leads to it."""
        if self.array is None:
            return self.values if self.handle else None
        return self.array.elements[self.index] if self.array.handle else None

    @property
    def in_table(self) -> bool:
        """Whether it is a live handle of the table."""
        return self.array is None and self.handle != 0


class Model:
    """Arrays as lists of elements, elements as dicts of bytes; results as the release has them."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.changed = rig.profile.changed
        self.source, self.handle = rig.source("s", " ".join(f"{n}:{k}" for n, k in FIELDS.items()), "array")
        self.fields = {name: rig.field(self.source, name) for name in FIELDS}
        self.out = rig.registry.collect("s")
        self.arrays: list[Array] = []
        self.data: list[Data] = []
        self.emitted: list[list[dict[str, Any]]] = []

    def call(self, name: str, *arguments: Any) -> None:
        """Make a call, unless there is nothing yet that it could be made with."""
        if name not in ("new_array", "set_scalar", "set_bytes") and not self.arrays:
            return
        if name in ("append", "release_data", "set_scalar", "set_bytes") and not self.data:
            return
        getattr(self, name)(*arguments)

    def array(self, which: int) -> Array:
        return self.arrays[which % len(self.arrays)]

    def item(self, which: int) -> Data:
        return self.data[which % len(self.data)]

    def new_array(self) -> None:
        self.arrays.append(Array(self.rig.dataSourceNewPacketArray(self.handle)))

    def new_data(self, which: int) -> None:
        array = self.array(which)
        number = self.rig.dataArrayNew(array.handle)
        assert (number != 0) == (array.handle != 0)
        if number:
            self.data.append(Data(number, dict(BLANK)))

    def get(self, which: int, index: int) -> None:
        array = self.array(which)
        number = self.rig.dataArrayGet(array.handle, index)
        there = array.handle != 0 and 0 <= index < len(array.elements)
        assert (number != 0) == there
        if there:
            computed = self.changed("element-handles")
            self.data.append(Data(number, array.elements[index], array if computed else None, index))

    def append(self, which: int, what: int) -> None:
        array, data = self.array(which), self.item(what)
        works = array.handle != 0 and data.in_table
        assert self.rig.dataArrayAppend(array.handle, data.handle) == (0 if works else 1)
        if works:
            array.elements.append(data.values)
            if self.changed("append-drops-handle"):
                data.handle = 0

    def emit(self, which: int) -> None:
        array = self.array(which)
        assert self.rig.dataSourceEmitAndRelease(self.handle, array.handle) == (0 if array.handle else 1)
        if array.handle:
            self.emitted.append([as_event(values) for values in array.elements])
        if self.changed("emit-drops-handle"):
            array.handle = 0

    def release(self, which: int) -> None:
        array = self.array(which)
        assert self.rig.dataSourceRelease(self.handle, array.handle) == (0 if array.handle else 1)
        if self.changed("release-drops-handle"):
            array.handle = 0

    def release_data(self, which: int, what: int) -> None:
        array, data = self.array(which), self.item(what)
        works = array.handle != 0 and data.in_table
        assert self.rig.dataArrayRelease(array.handle, data.handle) == (0 if works else 1)
        if works and self.changed("array-release-drops-handle"):
            data.handle = 0

    def set_scalar(self, what: int, name: str, kind: str, value: int) -> None:
        data = self.item(what)
        fits = data.found is not None and len(data.found[name]) == WIDTHS[kind]
        result = self.rig.fieldSet(self.fields[name], data.handle, KINDS[kind], value)
        assert result == self.set_result(name, fits)
        if fits and data.found is not None:
            value = int(value != 0) if kind == "Bool" else value
            data.found[name] = (value & (1 << 64) - 1).to_bytes(8, "little")[: WIDTHS[kind]]

    def set_bytes(self, what: int, name: str, value: bytes) -> None:
        data = self.item(what)
        works = data.found is not None
        assert self.rig.write(self.fields[name], data.handle, value) == self.set_result(name, works)
        if data.found is not None:
            data.found[name] = value

    def set_result(self, name: str, works: bool) -> int:
        """What fieldSet returns."""
        return 1 if not works else 0 if self.changed("field-set-returns-zero") else self.fields[name]

    def check(self) -> None:
        """The guest and Python see what the model says."""
        live = sum(array.handle != 0 for array in self.arrays) + sum(data.in_table for data in self.data)
        assert self.rig.plane.live_handles() == 1 + len(FIELDS) + live
        assert self.out.drain() == self.emitted
        for data in self.data:
            self._check_element(data.handle, data.found)
        for array in self.arrays:
            assert self.rig.dataArrayLen(array.handle) == (len(array.elements) if array.handle else 0)
            for index, values in enumerate(array.elements if array.handle else []):
                self._check_element(self.rig.dataArrayGet(array.handle, index), values)

    def _check_element(self, handle: int, values: dict[str, bytes] | None) -> None:
        expected = dict.fromkeys(FIELDS) if values is None else values
        assert {name: self.rig.read(number, handle) for name, number in self.fields.items()} == expected


def as_event(values: dict[str, bytes]) -> dict[str, Any]:
    """How the model's element is collected; a scalar of the wrong length is zero."""
    it = {n: v if len(v) == WIDTHS.get(FIELDS[n], len(v)) else BLANK[n] for n, v in values.items()}
    return {
        "flag": it["flag"] == b"\x01",
        "small": int.from_bytes(it["small"], "little", signed=True),
        "it": int.from_bytes(it["it"], "little"),
        "wide": int.from_bytes(it["wide"], "little", signed=True),
        "text": it["text"].decode("utf-8", "surrogateescape"),
        "blob": it["blob"],
    }


@pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
@pytest.mark.parametrize("release", ["v0.34.0", "v0.37.0", "v0.38.0", ABI.newest])
@settings(deadline=None, max_examples=40)
@given(st.lists(CALLS, max_size=60))
def test_any_sequence_of_calls_does_what_the_model_does(
    release: str, strict: bool, calls: list[tuple[Any, ...]]
) -> None:
    """Results of calls, contents of live data, and collected events are those of the model; no quirk shows in them."""
    model = Model(Rig(release=release, strict=strict))
    for name, *arguments in calls:
        model.call(name, *arguments)
    model.check()
