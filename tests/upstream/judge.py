"""Compares what two hosts did in a step: the first difference, in words, or "".

What upstream leaves to chance is no difference; every such thing is said here, and why it is so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gadget_abi import Profile
from tests.fuzz import layout as at
from tests.fuzz.generate import Case
from tests.fuzz.guest import ABI, functions
from tests.fuzz.layout import Entry, Kind
from tests.upstream.hosts import Seen

__all__ = ["Judge"]

_LOW: Final = 0xFFFFFFFF
_BEFORE: Final = 6  # entries that are shown before the one that differs


class Judge:
    """Knows the release that is compared.

    Args:
        case: the gadget.
    """

    def __init__(self, case: Case) -> None:
        self._profile = Profile(ABI, case.release, strict=True)
        self._names = functions(self._profile)

    def difference(self, ours: Seen, theirs: Seen) -> str:
        """The first one."""
        if ours.raw != theirs.raw and (found := self._in_traces(ours, theirs)):
            return found
        if ours.failed != theirs.failed:
            return f"failed: {ours.reason or 'not'}, upstream {theirs.reason or 'not'}"
        if ours.events != theirs.events:
            return f"events: {_unequal(ours.events, theirs.events)}"
        return f"handles: {ours.handles}, upstream {theirs.handles}" if ours.handles != theirs.handles else ""

    def _in_traces(self, ours: Seen, theirs: Seen) -> str:
        for number, (mine, other) in enumerate(zip(ours.trace, theirs.trace, strict=False)):
            if mine != other and not self._by_chance(mine, other):
                return f"trace: {self._text(mine)}, upstream {self._text(other)}{self._before(ours, number)}"
        if len(ours.trace) == len(theirs.trace) or (self.closed(ours) and theirs.failed):
            return ""
        who, longer = ("ours", ours) if len(ours.trace) > len(theirs.trace) else ("upstream", theirs)
        end = min(len(ours.trace), len(theirs.trace))
        return f"trace: {who} goes on with {self._text(longer.trace[end])}{self._before(longer, end)}"

    def _by_chance(self, ours: Entry, theirs: Entry) -> bool:
        """Whether entries differ only in what upstream leaves to chance."""
        if (ours.kind, ours.code) != (theirs.kind, theirs.code):
            return False
        if ours.kind == Kind.CALLBACK:
            # The source that a callback is told is what lies in a slot of an engine's stack by then.
            return (ours.values[0], ours.values[2]) == (theirs.values[0], theirs.values[2])
        # A failing fieldGetScalar gives the slot of its first parameter, an i32, of which the upper half is garbage.
        scalar = ours.kind == Kind.RESULT and self._names[ours.code] == "fieldGetScalar"
        return scalar and ours.values[0] == theirs.values[0] & _LOW

    def dead(self, seen: Seen) -> bool:
        """Whether a gadget whose emission failed is gone: a callback that traps (before v0.38) only ends the event."""
        return self._profile.changed("callback-error-dropped") or "trapped" not in seen.reason

    def closed(self, seen: Seen) -> bool:
        """Whether the last thing in a trace is a fieldGetScalar whose error pointer closed the module. Upstream's
        guest goes on after it, up to the next place where wazero looks whether it is closed.
        """
        last = seen.trace[-1] if seen.trace else None
        if last is None or last.kind != Kind.CALL or self._names[last.code] != "fieldGetScalar":
            return False
        return last.values[3] & _LOW > at.PAGES * at.PAGE - 4

    # -- words

    def _before(self, seen: Seen, end: int) -> str:
        lines = [f"\n    {self._text(entry)}" for entry in seen.trace[max(0, end - _BEFORE) : end]]
        return "; before:" + "".join(lines) if lines else ""

    def _text(self, entry: Entry) -> str:
        kind = Kind(entry.kind)
        name = self._names[entry.code] if kind in (Kind.CALL, Kind.RESULT) else str(entry.code)
        values = list(entry.values)
        while values and not values[-1]:
            values.pop()
        return f"{kind.name} {name}({', '.join(map(hex, values))})"


def _unequal(ours: Sequence[tuple[str, Any]], theirs: Sequence[tuple[str, Any]]) -> str:
    """What is different in events."""
    for number, ((name, packet), (other_name, other)) in enumerate(zip(ours, theirs, strict=False)):
        if name != other_name or len(packet) != len(other):
            return f"{number} is of {name}, {len(packet)} elements; upstream {other_name}, {len(other)}"
        for element, expected in zip(packet, other, strict=True):
            if element != expected:
                return f"{number} of {name}: {_unequal_fields(element, expected)}"
    return f"{len(ours)}, upstream {len(theirs)}"


def _unequal_fields(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} is {ours.get(name, 'absent')}, upstream {theirs.get(name, 'absent')}"
        for name in sorted({*ours, *theirs})
        if ours.get(name) != theirs.get(name)
    )
