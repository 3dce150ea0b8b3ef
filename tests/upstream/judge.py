"""Compares what two hosts did in a step: the first difference, in words, or "".

What upstream leaves to chance is no difference; every such thing is said here, and why it is so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any, Final

from gadget_abi import Profile
from tests.fuzz import layout as at
from tests.fuzz.generate import Case
from tests.fuzz.guest import ABI, functions
from tests.fuzz.layout import Entry, Kind
from tests.fuzz.world import MEMBERS
from tests.upstream.cases import closed_at_the_end
from tests.upstream.hosts import Seen

__all__ = ["Judge"]

_LOW: Final = 0xFFFFFFFF
_STOP: Final = Kind.HOOK, at.HOOKS.index("gadgetStop")
_POST_STOP: Final = Kind.HOOK, at.HOOKS.index("gadgetPostStop")
SPARE: Final = (
    "a member of a structure where there is a text: upstream reads and writes what a Go slice has to spare"
)
_NO_MEMBER: Final = "the field is a member of a structure that this data does not have"
_NOT_UTF8: Final = re.compile("[\udc80-\udcff]")
_BEFORE: Final = 6  # entries that are shown before the one that differs


class Judge:
    """Knows the release that is compared.

    Args:
        case: the gadget.
    """

    def __init__(self, case: Case) -> None:
        self._profile = Profile(ABI, case.release, strict=True)
        self._names = functions(self._profile)
        self.chance = ""
        """Why nothing further can be compared."""

    def difference(self, ours: Seen, theirs: Seen) -> str:
        """The first one."""
        if ours.raw != theirs.raw and (found := self._in_traces(ours, theirs)):
            return found
        if self.chance:
            return ""
        # Nobody tells the emitter of an event that a callback closed the module.
        if ours.failed != theirs.failed and not ours.closed and not self._logged(ours):
            return f"failed: {ours.reason or 'not'}, upstream {theirs.reason or 'not'}"
        # The event whose callback closed the module still comes to the real host's subscribers behind it.
        seen = theirs.events[: len(ours.events)] if ours.closed else theirs.events
        if ours.events != seen and (found := _unequal(ours.events, seen)):
            return f"events: {found}"
        differ = ours.handles != theirs.handles and not ours.failed
        return f"handles: {ours.handles}, upstream {theirs.handles}" if differ else ""

    def _in_traces(self, ours: Seen, theirs: Seen) -> str:
        mine, other = self._comparable(ours), self._comparable(theirs)
        for number, (entry, expected) in enumerate(zip(mine, other, strict=False)):
            if entry != expected and not self._by_chance(entry, expected):
                return (
                    f"trace: {self._text(entry)}, upstream {self._text(expected)}{self._before(mine, number)}"
                )
        if len(mine) == len(other) or (ours.closed and len(mine) < len(other)):
            return ""
        if _NO_MEMBER in ours.reason and len(mine) < len(other):
            self.chance = SPARE
            return ""
        who, longer = ("ours", mine) if len(mine) > len(other) else ("upstream", other)
        end = min(len(mine), len(other))
        return f"trace: {who} goes on with {self._text(longer[end])}{self._before(longer, end)}"

    def _comparable(self, seen: Seen) -> Sequence[Entry]:
        """All up to a gadgetPostStop that is called on a closed module."""
        if not closed_at_the_end(self._profile):
            return seen.trace
        return list(takewhile(lambda entry: (entry.kind, entry.code) != _POST_STOP, seen.trace))

    def _logged(self, seen: Seen) -> bool:
        """Before v0.42 it is up to whoever calls the operator to pass over a gadgetStop that failed, or hangs."""
        stops = any((entry.kind, entry.code) == _STOP for entry in seen.trace)
        return stops and not self._profile.changed("stop-failure-fails-run")

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

    # -- words

    def _before(self, trace: Sequence[Entry], end: int) -> str:
        lines = [f"\n    {self._text(entry)}" for entry in trace[max(0, end - _BEFORE) : end]]
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
            if found := _unequal_fields(element, expected):
                return f"{number} of {name}: {found}"
    return f"{len(ours)}, upstream {len(theirs)}" if len(ours) != len(theirs) else ""


def _unequal_fields(element: Mapping[str, str], expected: Mapping[str, str]) -> str:
    ours, theirs = _by_name(element), _by_name(expected)
    # Events show such members (see SPARE), too: of elements of another source, or those that a guest made.
    names = {*ours, *theirs} - {name for name, *_ in MEMBERS if name not in ours}
    return ", ".join(
        f"{name!a:.80} is {ours.get(name, 'absent')}, upstream {theirs.get(name, 'absent')}"
        for name in sorted(names)
        if ours.get(name) != theirs.get(name)
    )


def _by_name(element: Mapping[str, str]) -> dict[str, str]:
    """For a byte of a name that is not UTF-8 our JSON has a lone surrogate, Go's U+FFFD."""
    return {_NOT_UTF8.sub("\ufffd", name): value for name, value in element.items()}
