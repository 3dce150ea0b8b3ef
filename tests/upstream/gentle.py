"""A generator that keeps away, mostly, from what ends a gadget on a strict host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.fuzz import layout as at
from tests.fuzz.arguments import STATIC, Known
from tests.fuzz.generate import Case, Generator
from tests.fuzz.layout import Op, Special, Value

__all__ = ["Gentle"]

_TRIES: Final = 12
_DARING: Final = 0.005
"""How many deadly calls are made all the same; most of them are taken out again (repair.py)."""


class Gentle(Generator):
    """Makes one case."""

    def case(self) -> Case:
        """A case. What it knows of handles may be wrong, so not every gadget lives."""
        self._subscribed: set[str] = set()
        made = super().case()
        if "gadgetPostStop" in made.hooks:  # no handle can be made there
            made.hooks["gadgetPostStop"] = [op for op in made.hooks["gadgetPostStop"] if not op.into]
        return made

    def _call(self, name: str) -> list[Op]:
        if name in ("mapLookup", "mapDelete") and self.rng.random() < 0.7:
            return self._entry(name)
        for _ in range(_TRIES):
            known = list(self.known)
            ops = super()._call(name)
            if not any(map(self._deadly, ops)) or self.rng.random() < _DARING:
                return ops
            self.known = known
        return []

    def _entry(self, name: str) -> list[Op]:
        """A call that finds what it looks for in a map."""
        ops: list[Op] = []
        table = Value(self._get(ops, "getMap", Known(0, "map", "hash"), self._text("hash")).slot)
        key = Value(0, 4 << 32 | self.rng.randrange(0x3000, 0x3100, 32))
        value = Value(0, 8 << 32 | self.rng.randrange(0x2000, 0x3000))
        ops.append(self._op("mapUpdate", table, key, value, Value(0)))
        ops.append(self._op(name, table, key, *([value] if name == "mapLookup" else [])))
        return ops

    def _cleaning(self, lasting: set[Known]) -> Iterator[Op]:
        return (op for op in super()._cleaning(lasting) if not self._deadly(op))

    def _odd(self) -> Op:
        op = super()._odd()
        return op if op.code != Special.TRAP or self.rng.random() < 0.2 else self._odd()

    def _subscription(self, source: Known, subscriptions: list[tuple[str, str]]) -> Op:
        self._subscribed.add(source.source)
        return super()._subscription(source, subscriptions)

    # -- what is known of arguments

    def _known(self, op: Op, position: int) -> Known | None:
        """What an argument stands for."""
        slot = op.args[position].slot
        return next((known for known in self.known if slot and known.slot == slot), None)

    def _deadly(self, op: Op) -> bool:
        """Whether an operation ends the gadget, as far as can be told."""
        match op.label:
            case "fieldGet" | "fieldGetScalar" | "fieldGetBuffer" | "fieldSet":
                return self._misfit(self._known(op, 0), self._known(op, 1)) or self._outside(op)
            case "dataArrayAppend":
                data = self._known(op, 1)
                return data is not None and data.kind == "single"
            case "dataSourceEmitAndRelease":
                return self._unfit(self._known(op, 0), self._known(op, 1))
        return False

    def _misfit(self, field: Known | None, data: Known | None) -> bool:
        """A field that the data has not."""
        if field is None or data is None or field.kind != "field":
            return False
        given = at.DATA_SLOT in (data.slot, data.parent)
        return field.source != data.source or (field.parent == STATIC and not given)

    def _outside(self, op: Op) -> bool:
        """An error pointer outside memory."""
        scalar = op.label == "fieldGetScalar" and len(op.args) == 4
        return scalar and op.args[3].plus > at.PAGES * at.PAGE - 4

    def _unfit(self, source: Known | None, packet: Known | None) -> bool:
        """A packet of the other type; or inside a callback one that comes back to the gadget."""
        if source is None or packet is None:
            return False
        inside = any(known.slot == at.DATA_SLOT for known in self.known)
        other = self.arrays.get(source.source) != (packet.kind == "array")
        return other or (inside and source.source in self._subscribed)
