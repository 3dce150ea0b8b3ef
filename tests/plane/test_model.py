"""Random sequences of calls, against a model of a few lines."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plane.rig import KINDS, WIDTHS, Rig

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
    st.tuples(st.just("append"), OFTEN_USED, OFTEN_USED),
    st.tuples(st.just("emit"), OFTEN_USED),
    st.tuples(st.just("release"), OFTEN_USED),
    st.tuples(
        st.just("set_scalar"),
        OFTEN_USED,
        st.sampled_from(list(FIELDS)),
        st.sampled_from(SCALARS),
        st.integers(-(1 << 63), (1 << 63) - 1),
    ),
    st.tuples(st.just("set_bytes"), OFTEN_USED, st.sampled_from(list(FIELDS)), st.binary(max_size=40)),
)


class Model:
    """Arrays as lists of elements, elements as dicts of bytes; a handle of None is gone."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.source, self.handle = rig.source("s", " ".join(f"{n}:{k}" for n, k in FIELDS.items()), "array")
        self.fields = {name: rig.field(self.source, name) for name in FIELDS}
        self.out = rig.registry.collect("s")
        self.arrays: list[tuple[list[int], list[dict[str, bytes]]]] = []
        self.data: list[tuple[list[int], dict[str, bytes]]] = []
        self.emitted: list[list[dict[str, Any]]] = []

    def new_array(self) -> None:
        self.arrays.append(([self.rig.dataSourceNewPacketArray(self.handle)], []))

    def new_data(self, which: int) -> None:
        if self.arrays:
            handle, _ = self.arrays[which % len(self.arrays)]
            number = self.rig.dataArrayNew(handle[0])
            assert (number != 0) == (handle[0] != 0)
            if number:
                self.data.append(([number], dict(BLANK)))

    def append(self, which: int, what: int) -> None:
        if self.arrays and self.data:
            handle, elements = self.arrays[which % len(self.arrays)]
            number, values = self.data[what % len(self.data)]
            works = bool(handle[0] and number[0])
            assert self.rig.dataArrayAppend(handle[0], number[0]) == (0 if works else 1)
            if works:
                elements.append(values)
                number[0] = 0

    def emit(self, which: int) -> None:
        if self.arrays:
            handle, elements = self.arrays[which % len(self.arrays)]
            assert self.rig.dataSourceEmitAndRelease(self.handle, handle[0]) == (0 if handle[0] else 1)
            if handle[0]:
                self.emitted.append([as_event(values) for values in elements])
            handle[0] = 0

    def release(self, which: int) -> None:
        if self.arrays:
            handle, _ = self.arrays[which % len(self.arrays)]
            assert self.rig.dataSourceRelease(self.handle, handle[0]) == (0 if handle[0] else 1)
            handle[0] = 0

    def set_scalar(self, what: int, name: str, kind: str, value: int) -> None:
        if self.data:
            number, values = self.data[what % len(self.data)]
            fits = bool(number[0]) and len(values[name]) == WIDTHS[kind]
            assert self.rig.fieldSet(self.fields[name], number[0], KINDS[kind], value) == (0 if fits else 1)
            if fits:
                value = int(value != 0) if kind == "Bool" else value
                values[name] = (value & (1 << 64) - 1).to_bytes(8, "little")[: WIDTHS[kind]]

    def set_bytes(self, what: int, name: str, value: bytes) -> None:
        if self.data:
            number, values = self.data[what % len(self.data)]
            assert self.rig.write(self.fields[name], number[0], value) == (0 if number[0] else 1)
            if number[0]:
                values[name] = value

    def check(self) -> None:
        """The guest and Python see what the model says."""
        for handle, elements in self.arrays:
            assert self.rig.dataArrayLen(handle[0]) == (len(elements) if handle[0] else 0)
            for index, values in enumerate(elements if handle[0] else []):
                self._check_element(self.rig.dataArrayGet(handle[0], index), values)
        for number, values in self.data:
            if number[0]:
                self._check_element(number[0], values)
        assert self.out.drain() == self.emitted
        live = sum(bool(number[0]) for number, _ in [*self.arrays, *self.data])
        assert self.rig.plane.live_handles() == 1 + len(FIELDS) + live

    def _check_element(self, handle: int, values: dict[str, bytes]) -> None:
        assert {name: self.rig.read(field, handle) for name, field in self.fields.items()} == values


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


@settings(deadline=None, max_examples=60)
@given(st.lists(CALLS, max_size=60))
def test_any_sequence_of_calls_does_what_the_model_does(calls: list[tuple[Any, ...]]) -> None:
    """Results of calls, contents of live data, and collected events are those of the model."""
    model = Model(Rig())
    for name, *arguments in calls:
        getattr(model, name)(*arguments)
    model.check()
