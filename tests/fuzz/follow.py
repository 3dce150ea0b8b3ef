"""Follows a trace with the model: every entry must be the one that the model says comes next.

The trace says what the guest did (which call, with which integers) and which numbers the host chose for handles;
everything else is the model's: results, order of callbacks, where a trap ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gadget_abi import Profile

from . import layout as at
from .calls import Calls
from .data_calls import ARRAY, DATA
from .layout import Entry, Kind, Special
from .model import (
    U32,
    Array,
    Element,
    Ended,
    Failed,
    Source,
    Subscription,
    Trapped,
    Unsaid,
    event_of,
)
from .state import ANY, ELEMENT_BIT, MOST_HANDLES, New, Open, World

FRAMES = 16
"""Deliveries inside one another."""


class WrongError(AssertionError):
    """The host did something else than the model."""


class Listener:
    """A collector in Python: takes what is emitted, as events.

    Args:
        discards: it is a subscriber instead, and answers every so-manieth call with "discard"; 0 for never.
        foreign: it reads packets of other sources, too, by the numbers of their slots.
    """

    def __init__(self, discards: int | None = None, *, foreign: bool = False) -> None:
        self.discards, self.foreign = discards, foreign
        self.calls = 0
        self.events: list[tuple[str, Any]] = []

    def take(self, source: Source, item: Element | Array) -> bool:
        """Whether it answers "discard"."""
        if self.discards is not None:
            self.calls += 1
            return self.discards > 0 and self.calls % self.discards == 0
        if item.source is not source and not self.foreign:
            return False
        if isinstance(item, Array) != source.is_array:
            raise Unsaid("what a collector makes of a packet of the other type")
        if isinstance(item, Array):
            self.events.append((source.name, [event_of(source, element) for element in item.elements]))
        else:
            self.events.append((source.name, event_of(source, item)))
        return False


class Follower:
    """One gadget on the model."""

    def __init__(self, profile: Profile, world: World, functions: Sequence[str]) -> None:
        self.profile, self.functions = profile, functions
        self.calls = Calls(profile, world, self._emit, self._malloc)
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.compared = 0
        self._entries: Sequence[Entry] = ()
        self._next = 0
        self._depth = self._inside = 0

    def load(self, trace: Sequence[Entry]) -> None:
        """Follow these entries next."""
        self._entries, self._next = trace, 0

    @property
    def rest(self) -> int:
        """Entries that were not followed yet."""
        return len(self._entries) - self._next

    # -- entry by entry

    def hook(self, name: str) -> int:
        """A hook runs; its result."""
        self._expect(Kind.HOOK, f"{name} begins", code=at.HOOKS.index(name))
        self.calls.phase = name
        if name == "gadgetPostStop":
            self.calls.handles.clear()
        self._script()
        return self._expect(Kind.HOOK_END, f"{name} ends").values[0] & U32

    def _script(self) -> None:
        while (entry := self._peek()) is not None:
            if entry.kind == Kind.CALL:
                self._call(entry)
            elif entry.kind == Kind.SPECIAL:
                self._special(entry)
            else:
                return
        raise WrongError("the trace ends in the middle of a script: the guest was ended")

    def _peek(self) -> Entry | None:
        return self._entries[self._next] if self._next < len(self._entries) else None

    def _expect(self, kind: Kind, what: str, code: int | None = None) -> Entry:
        entry = self._peek()
        if entry is None or entry.kind != kind or (code is not None and entry.code != code):
            raise WrongError(f"expected that {what}; the trace has {self.shown(entry)}")
        self._next += 1
        return entry

    def shown(self, entry: Entry | None) -> str:
        """An entry in words."""
        if entry is None:
            return "nothing more"
        name = Kind(entry.kind).name
        if entry.kind in (Kind.CALL, Kind.RESULT):
            name += f" {self.functions[entry.code]}"
        return f"{name} {', '.join(map(hex, entry.values))}"

    def _special(self, entry: Entry) -> None:
        self._next += 1
        match entry.code:
            case Special.TRAP | Special.RECURSE:
                raise Trapped
            case Special.SPIN | Special.EXIT:
                raise Ended
            case Special.POKE:
                self.calls.memory.write(entry.values[0] & U32, entry.values[1].to_bytes(8, "little"))
            case Special.GROW if entry.values[6] & U32 != U32:
                self._grown((entry.values[6] & U32) + (entry.values[0] & U32))

    def _grown(self, pages: int) -> None:
        missing = pages * at.PAGE - len(self.calls.memory.data)
        if missing > 0:
            self.calls.memory.data.extend(bytes(missing))

    # -- calls

    def _call(self, entry: Entry) -> None:
        self._next += 1
        name = self.functions[entry.code]
        form = self.profile.forms[name]
        params, results = form.core_type
        args = [
            value & U32 if core == "i32" else value for core, value in zip(params, entry.values, strict=False)
        ]
        said = f"{name}({', '.join(map(hex, args))})"
        try:
            expected, outcome = getattr(self.calls, name)(*args), "ok"
            if isinstance(expected, New) and self.calls.over and self.calls.quirk("post-stop-handles"):
                raise Trapped
        except Failed:
            expected, outcome = form.error or 0, "error"
        except (Trapped, Ended):
            self.outcomes[name, "trap"] += 1
            raise
        self.outcomes[name, outcome] += 1
        result = self._expect(Kind.RESULT, f"{said} returns", code=entry.code).values[0]
        self.compared += 1
        if results:
            self._check(said, expected, result, (1 << (32 if results[0] == "i32" else 64)) - 1)

    def _check(self, said: str, expected: Any, actual: int, mask: int) -> None:
        if isinstance(expected, New):
            if actual or not isinstance(expected, Open):
                self._learn(said, actual, expected.kind, expected.what)
        elif expected is not ANY and expected & mask != actual & mask:
            raise WrongError(f"{said} answered {actual & mask:#x}, expected {expected & mask:#x}")

    def _learn(self, said: str, number: int, kind: str, what: Any) -> None:
        """The host's number for a new handle."""
        handles = self.calls.handles
        if not number or number in handles or number >= ELEMENT_BIT:
            raise WrongError(f"{said} gave {number:#x} for a new handle of a {kind}")
        if number > 0xFFFF and not self.profile.quirk("handle-numbers"):
            raise WrongError(f"{said} gave the handle {number:#x}, which does not fit an element handle")
        handles[number] = kind, what
        if len(handles) > MOST_HANDLES:
            raise WrongError(f"{said}: more than {MOST_HANDLES} handles are live")

    def _malloc(self, size: int) -> int | None:
        if (entry := self._peek()) is None or entry.kind != Kind.MALLOC:
            if size == 0:
                return 1 if self.profile.strict else 0
            raise WrongError(f"malloc({size}) was not called")
        self._expect(Kind.MALLOC, "malloc is called")
        if entry.values[0] & U32 != size:
            raise WrongError(f"malloc was called for {entry.values[0] & U32} bytes, expected {size}")
        if (after := self._peek()) is not None and after.kind in (Kind.CALL, Kind.SPECIAL):
            self._script()
        if (after := self._peek()) is None or after.kind != Kind.MALLOC_END:
            return None  # it trapped
        self._next += 1
        self._grown(after.code)
        return after.values[0] & U32

    # -- deliveries

    def deliver(self, source: Source, item: Element | Array) -> None:
        """Python emits."""
        self._deliver(source, item)

    def _emit(self, source: Source, item: Element | Array) -> bool:
        return self._deliver(source, item)

    def _deliver(self, source: Source, item: Element | Array) -> bool:
        if self._depth >= FRAMES:
            return False
        self._depth += 1
        try:
            return self._subscribers(source, item)
        finally:
            self._depth -= 1

    def _subscribers(self, source: Source, item: Element | Array) -> bool:
        for subscription in list(source.subscriptions):
            try:
                if subscription.kind == DATA and source.is_array:
                    self._each(source, subscription, item)
                elif self._one(source, subscription, item):
                    return True
            except Failed:
                return False
        return True

    def _each(self, source: Source, subscription: Subscription, item: Element | Array) -> None:
        """A Data subscriber of an array source: each element that is there at the start."""
        if not isinstance(item, Array):
            raise self._misfit(traps=False)
        index = 0
        for _ in range(len(item.elements)):
            if index >= len(item.elements):
                return
            if self._call_subscriber(source, subscription, item.elements[index]):
                del item.elements[index]
            else:
                index += 1

    def _one(self, source: Source, subscription: Subscription, item: Element | Array) -> bool:
        is_array = isinstance(item, Array)
        if subscription.kind == DATA and is_array:
            raise self._misfit(traps=True)
        if subscription.kind == ARRAY and not is_array:
            raise self._misfit(traps=False)
        return self._call_subscriber(source, subscription, item)

    def _misfit(self, *, traps: bool) -> Exception:
        if not self.profile.quirk("packet-type-unchecked"):
            return Failed()
        return Trapped() if traps else Unsaid("what upstream does with a packet of the other type")

    def _call_subscriber(self, source: Source, subscription: Subscription, item: Element | Array) -> bool:
        if subscription.python is not None:
            discarded: bool = subscription.python.take(source, item)
            return discarded
        if self.calls.over:
            return False
        self._callback(subscription, item)
        return False

    def _callback(self, subscription: Subscription, item: Element | Array) -> None:
        handles = self.calls.handles
        stopping = self.calls.phase == "gadgetStop" and self.profile.quirk("stop-ends-callbacks")
        if stopping and subscription.phase in ("gadgetPreStart", "gadgetStart"):
            raise Ended
        if self._inside and self.profile.quirk("emit-deadlock"):
            raise Ended
        full = len(handles) >= MOST_HANDLES
        if full and not self.profile.quirk("table-full"):
            return
        entry = self._expect(Kind.CALLBACK, f"callback {subscription.callback:#x} is called")
        callback, source, number = entry.values[:3]
        expected = 0 if self.profile.quirk("callback-source") else subscription.handle
        if (callback, source & U32) != (subscription.callback, expected):
            raise WrongError(
                f"callback {callback:#x} of source {source:#x} was called, "
                f"expected {subscription.callback:#x} of {expected:#x}"
            )
        if not full:
            kind = "array" if isinstance(item, Array) else "single" if item.single else "data"
            self._learn("a callback", number & U32, kind, item)
        elif number:
            raise WrongError(f"a callback was given data {number:#x}, and there was no handle left")
        self._run_callback(number & U32, item)

    def _run_callback(self, number: int, item: Element | Array) -> None:
        handles, depth = self.calls.handles, self._depth
        self._inside += 1
        try:
            self._script()
            self._expect(Kind.CALLBACK_END, "the callback ends")
        except Trapped:
            if not self.calls.changed("callback-error-dropped"):
                raise Failed from None
        finally:
            self._inside -= 1
            self._depth = depth
            if handles.get(number, ("", None))[1] is item:
                del handles[number]
