"""Runs one case: the host and the model side by side, or the host alone."""

from __future__ import annotations

import random
import re
import struct
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gadget_abi import EmbedderError, GuestError, Profile
from gadget_host import DISCARD, Collector, Gadget
from gadget_host.sources import Source as HostSource

from . import layout as at
from .data_calls import DATA, PACKET, subscribe
from .follow import Follower, Listener, WrongError
from .generate import Case, Generator
from .guest import ABI, functions, guest
from .layout import Entry, Malloc, decode, encode
from .model import Array, Element, Ended, Source, Subscription, Trapped, Unsaid, same
from .state import MOST_HANDLES
from .world import IMAGE, SOURCES, TEXTS_AT, add_sources, emission, host_world, model_world

MEMORY_PAGES: Final = 24
PLANE_PAGES: Final = 512
"""Of the data plane; only as many as of the guest's memory where nothing is compared, so that it runs full."""
DEADLINE: Final = 30.0
WILD_DEADLINE: Final = 0.3
PRIORITY: Final = 10_000


@dataclass
class Outcome:
    """What came of a case."""

    calls: int = 0
    compared: int = 0
    unsaid: str = ""
    pages: int = 0
    functions: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


def make(seed: int, number: int, *, sets: Sequence[str] | None = None) -> Case:
    """The case of a number, of a session with that seed."""
    rng = random.Random(f"{seed}:{number}")
    known = [s for s in ABI.signature_sets if sets is None or s.name in sets]
    (chosen,) = rng.choices(known, [2 if s.name == ABI.signature_sets[-1].name else 1 for s in known])
    releases = chosen.releases
    release = rng.choice([releases[0], releases[-1], *releases])
    strict, wild = rng.random() < 0.3, rng.random() < 0.1
    profile = Profile(ABI, release, strict)
    return Generator(rng, profile, functions(profile), wild=wild).case()


class Run:
    """One case as it runs.

    Args:
        case: what to do.
        outcome: where figures go.
    """

    def __init__(self, case: Case, outcome: Outcome) -> None:
        self.case, self.outcome = case, outcome
        self.profile = Profile(ABI, case.release, case.strict)
        self.functions = functions(self.profile)
        self._plane_pages = MEMORY_PAGES if case.wild else PLANE_PAGES
        self.gadget = self._load()
        self.follower = Follower(
            self.profile, model_world(case.log_level, filtered=case.filtered), self.functions
        )
        self.comparing, self.dead = not case.wild, False
        self._collectors: list[tuple[Collector, Listener]] = []

    def _load(self) -> Gadget:
        return Gadget.load(
            guest(self.case.release),
            name="fuzz",
            release=self.case.release,
            strict=self.case.strict,
            log_level=self.case.log_level,
            deadline=WILD_DEADLINE if self.case.wild else DEADLINE,
            stop_deadline=WILD_DEADLINE if self.case.wild else DEADLINE,
            memory_pages=MEMORY_PAGES,
            plane_pages=self._plane_pages,
            **host_world(filtered=self.case.filtered),
        )

    def whole(self) -> None:
        """Run it from beginning to end."""
        try:
            with self.gadget:
                self._counted()
        except GuestError as error:  # from the stop at the end, when its life was cut short
            if not self.case.wild:
                raise
            self.outcome.reasons[_kind(error)] += 1

    def _counted(self) -> None:
        try:
            self._life()
        finally:
            self.outcome.calls += self.gadget.stats.host_calls
            self.outcome.compared += self.follower.compared
            if not self.case.wild:
                self.outcome.functions += self.follower.outcomes
        self._bounded()

    def _life(self) -> None:
        self._install()
        ours, models = add_sources(self.gadget, self.follower)
        for name in SOURCES:
            self._collect(name)
            if name in self.case.discards:
                self._discarder(ours[name], models[name], self.case.discards[name])
        if not self._hooks(self.gadget.init, self._exported("_start", "_initialize", "gadgetInit")):
            return
        if not self._hooks(self.gadget.start, self._exported("gadgetPreStart", "gadgetStart")):
            return
        self._collect_others(models)
        for name, seed in self.case.steps:
            event, item = emission(random.Random(seed), models[name])
            self._emit(ours[name], event, models[name], item)
            if self.dead:
                return
        self._step(self.gadget.stop, self._follow_stop)
        self._emit_late(ours["tick"], emission(random.Random(0), models["tick"])[0])

    def _collect(self, name: str) -> None:
        """Collect what is emitted on a source, as events."""
        listener = Listener(foreign=self.profile.quirk("foreign-field"))
        self._collectors.append((self.gadget.collect(name, priority=PRIORITY), listener))
        if self.comparing:
            model = self.follower.calls.sources[name]
            subscribe(model, Subscription(PACKET, PRIORITY, python=listener))

    def _collect_others(self, models: dict[str, Source]) -> None:
        """Collect from the sources that the gadget has made, too."""
        there = self.follower.calls.sources
        if self.comparing and list(self.gadget.sources) != list(there):
            raise WrongError(f"the sources are {list(self.gadget.sources)}, expected {list(there)}")
        for name in self.gadget.sources:
            if not self.comparing or there[name] is not models.get(name):
                self._collect(name)

    def _emit(self, ours: HostSource, event: Any, model: Source, item: Element | Array) -> None:
        def follow(error: GuestError | None) -> None:
            self.follower.deliver(model, item)
            if error is not None:
                raise WrongError(f"emitting raised {error!r}")

        if self._step(lambda: ours.emit(event), follow) is not None and self.case.wild:
            self.dead = True

    def _emit_late(self, ours: HostSource, event: Any) -> None:
        """An event after the stop is ignored; strict, the fault of whoever emits it."""
        try:
            ours.emit(event)
        except EmbedderError as error:
            if not self.case.strict:
                raise WrongError(f"an event after the stop raised {error!r}") from None
        except GuestError as error:
            self.outcome.reasons[_kind(error)] += 1
            if self.comparing and not self.dead:
                raise WrongError(f"an event after the stop raised {error!r}") from None
        if self._trace():
            raise WrongError("the guest was called after it had been stopped")

    def _exported(self, *names: str) -> list[str]:
        return [name for name in names if name in self.profile.exports]

    def _discarder(self, ours: HostSource, model: Source, every: int) -> None:
        listener, calls = Listener(abs(every)), iter(range(1, 1 << 62))

        def answer(view: object) -> object:
            return DISCARD if every and next(calls) % abs(every) == 0 else None

        ours.subscribe(answer, priority=5, kind="data" if every < 0 else "packet")
        subscribe(model, Subscription(DATA if every < 0 else PACKET, 5, python=listener))

    # -- the guest's memory

    def _install(self) -> None:
        """Write the scripts and the texts."""
        self._write(TEXTS_AT, IMAGE)
        place = at.SCRIPTS.start + at.OP_SIZE
        for name, ops in self.case.hooks.items():
            self._write(at.HOOK_TABLE + 4 * at.HOOKS.index(name), struct.pack("<I", place))
            place = self._script(place, ops)
        places = []
        for ops in self.case.callbacks:
            places.append(place)
            place = self._script(place, ops)
        for number in range(at.CALLBACKS):
            start = places[number % len(places)]
            self._write(at.CALLBACK_TABLE + 4 * number, struct.pack("<I", start))
        malloc, place = place, self._script(place, self.case.malloc_script)
        for number, (mode, given) in enumerate(self.case.mallocs):
            answer = malloc if mode == Malloc.RUN else given
            self._write(at.MALLOC_TABLE + 8 * number, struct.pack("<II", mode, answer))
        self.follower.calls.memory.data[TEXTS_AT : TEXTS_AT + len(IMAGE)] = IMAGE

    def _script(self, place: int, ops: Sequence[Any]) -> int:
        data = encode(ops)
        if place + len(data) > at.SCRIPTS.stop:
            raise AssertionError("the scripts are longer than their place")
        self._write(place, data)
        return place + len(data)

    def _write(self, address: int, data: bytes) -> None:
        self.gadget._runtime.memory.write(address, data)

    def _read(self, address: int, size: int) -> bytes:
        return self.gadget._runtime.memory.read(address, size)

    def _trace(self) -> Sequence[Entry]:
        """What was written since the last look."""
        (top,) = struct.unpack("<I", self._read(at.TRACE_TOP, 4))
        (overflow,) = struct.unpack("<I", self._read(at.OVERFLOW, 4))
        self._write(at.TRACE_TOP, struct.pack("<II", at.TRACE.start, 0))
        if self.case.wild:
            return []
        entries = decode(self._read(at.TRACE.start, top - at.TRACE.start))
        if overflow:
            self._stop_comparing("the trace is full")
        return entries

    # -- steps

    def _hooks(self, action: Callable[[], None], names: Sequence[str]) -> bool:
        """Run hooks; whether the gadget can go on."""

        def follow(error: GuestError | None) -> None:
            failed = False
            for name in names:
                failed = failed or self._failed(name)
            if failed != (error is not None):
                raise WrongError(
                    f"{names}: the host said {error!r}, expected {'a' if failed else 'no'} failure"
                )

        return self._step(action, follow) is None and not self.dead

    def _follow_stop(self, error: GuestError | None) -> None:
        changed = self.follower.calls.changed
        failed = self._failed("gadgetStop")
        self.follower.calls.handles.clear()
        if changed("post-stop-called-again"):
            failed = self._failed("gadgetPostStop") or failed
        elif not changed("post-stop-not-called"):
            raise Unsaid("what of gadgetPostStop runs in a module that is closed")
        if (failed and changed("stop-failure-fails-run")) != (error is not None):
            raise WrongError(f"stopping: the host said {error!r}, expected {'a' if failed else 'no'} failure")

    def _failed(self, hook: str) -> bool:
        try:
            return self.follower.hook(hook) != 0
        except Trapped:
            return True

    def _step(
        self, action: Callable[[], None], follow: Callable[[GuestError | None], None]
    ) -> GuestError | None:
        """Do something with the gadget, then the same with the model."""
        error: GuestError | None = None
        try:
            action()
        except GuestError as raised:
            error = raised
            self.outcome.reasons[_kind(raised)] += 1
        trace = self._trace()
        if not self.comparing:
            return error
        self.follower.load(trace)
        try:
            follow(error)
            self._compare()
        except Ended:
            self.dead = True
            if error is None:
                raise WrongError("the gadget goes on, and was to be ended") from None
        except Unsaid as unsaid:
            self._stop_comparing(str(unsaid))
        return error

    def _stop_comparing(self, why: str) -> None:
        self.comparing = False
        self.outcome.unsaid = self.outcome.unsaid or why

    def _compare(self) -> None:
        if self.follower.rest:
            raise WrongError(f"{self.follower.rest} entries more than expected")
        memory = self.follower.calls.memory
        size = self.gadget._runtime.memory.size
        if size != len(memory.data):
            raise WrongError(f"the memory has {size} bytes, expected {len(memory.data)}")
        for window in (at.LOW, range(at.HIGH.start, size)):
            self._compare_window(window)
        for collector, listener in self._collectors:
            got = [(source.name, event) for source, events in collector.drain_by_source() for event in events]
            expected, listener.events = listener.events, []
            if len(got) != len(expected) or not all(
                a[0] == b[0] and same(a[1], b[1]) for a, b in zip(expected, got, strict=True)
            ):
                raise WrongError(f"collected {got}, expected {expected}")
        live = self.gadget._runtime.plane.live_handles()
        if live != len(self.follower.calls.handles):
            raise WrongError(f"{live} handles are live, expected {len(self.follower.calls.handles)}")

    def _compare_window(self, window: range) -> None:
        memory = self.follower.calls.memory
        got, expected = self._read(window.start, len(window)), memory.data[window.start : window.stop]
        if got == expected:
            return
        for unknown in memory.unknown:
            memory.data[unknown.start : unknown.stop] = self._read(unknown.start, len(unknown))
        expected = memory.data[window.start : window.stop]
        wrong = [n for n in range(len(window)) if got[n] != expected[n]]
        if wrong:
            first = window.start + wrong[0]
            raise WrongError(
                f"{len(wrong)} bytes of memory differ, from {first:#x} on: "
                f"{got[wrong[0] : wrong[0] + 16].hex()}, expected {expected[wrong[0] : wrong[0] + 16].hex()}"
            )

    def _bounded(self) -> None:
        """Nothing has outgrown its limits."""
        runtime = self.gadget._runtime
        assert runtime.pages <= MEMORY_PAGES
        self.outcome.pages = runtime.plane._memory.size(runtime.store)
        assert self.outcome.pages <= self._plane_pages
        assert runtime.plane.live_handles() <= MOST_HANDLES
        assert len(self.gadget.logs) <= 10_000


def _kind(error: GuestError) -> str:
    """A reason without its numbers and names."""
    text = re.sub(r"0x[0-9a-f]+|\d+", "N", error.reason)
    return re.sub(r"'[^']*'", "'...'", text).partition(", in ")[0]
