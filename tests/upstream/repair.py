"""Runs a gadget on our host, and takes out of its scripts what it dies of: hardly any would live to its end.

A strict host traps, hangs or dies at the first wrong argument of many kinds. Which operation it was is in the trace
of our own host; upstream is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from gadget_abi import Profile
from tests.fuzz import layout as at
from tests.fuzz.generate import Case
from tests.fuzz.guest import ABI, functions
from tests.fuzz.layout import Entry, Kind, Op
from tests.upstream.cases import Request, requests
from tests.upstream.hosts import Host, Seen

__all__ = ["Life", "live"]

NESTED: Final = "a callback was called inside another one, which corrupts the real guest's stack"
SUBSCRIBED: Final = (
    "subscribed inside a delivery: whether it changes its course depends on the capacity of a Go slice"
)
_MALLOC: Final = "malloc"
MOST: Final = 40
"""Operations that are taken out of a gadget before it is left to die."""


@dataclass
class _Script:
    """A script that runs: of a hook or malloc (their names) or a callback (its number)."""

    name: str | int
    done: int = 0


@dataclass
class _Call:
    """A host call that has not returned."""

    code: int


class _Stack:
    """What is open while a trace is followed, up to the first thing in it that cannot be compared (`beyond`)."""

    def __init__(self, case: Case, trace: Sequence[Entry]) -> None:
        self._open: list[_Script | _Call] = []
        profile = Profile(ABI, case.release, strict=True)
        names = functions(profile)
        self._corrupts = not profile.quirk("emit-deadlock")
        self._emit = names.index("dataSourceEmitAndRelease")
        self._subscribe = names.index("dataSourceSubscribe")
        self.beyond = ""
        for entry in trace:
            self._take(entry)
            if self.beyond:
                return

    @property
    def script(self) -> _Script | None:
        """The innermost one."""
        return next((item for item in reversed(self._open) if isinstance(item, _Script)), None)

    def _take(self, entry: Entry) -> None:
        match entry.kind:
            case Kind.HOOK:
                self._open = [_Script(at.HOOKS[entry.code])]
            case Kind.CALLBACK:
                self._called(entry.values[0] % at.CALLBACKS)
            case Kind.CALLBACK_END:
                self._close(lambda item: isinstance(item, _Script))
            case Kind.MALLOC:
                self._open.append(_Script(_MALLOC))
            case Kind.MALLOC_END:
                self._close(lambda item: isinstance(item, _Script) and item.name == _MALLOC)
            case Kind.CALL:
                self._count()
                self._open.append(_Call(entry.code))
            case Kind.RESULT:
                if entry.code == self._subscribe and entry.values[0] == 0 and self._callbacks():
                    self.beyond = SUBSCRIBED
                self._close(lambda item: isinstance(item, _Call) and item.code == entry.code)
            case Kind.SPECIAL:
                self._count()

    def _called(self, number: int) -> None:
        inside = self._callbacks()
        if self._corrupts and inside and self._open[-1] == _Call(self._emit):
            self.beyond = NESTED
            return
        if inside:  # the one before trapped
            self._close(lambda item: item is inside[-1])
        self._open.append(_Script(number))

    def _callbacks(self) -> list[_Script]:
        return [item for item in self._open if isinstance(item, _Script) and isinstance(item.name, int)]

    def _count(self) -> None:
        if script := self.script:
            script.done += 1

    def _close(self, ends: Callable[[_Script | _Call], bool]) -> None:
        """A callback that trapped has no end in a trace: whatever lies on top of something that ends is gone, too."""
        while self._open and not ends(self._open.pop()):
            pass


@dataclass
class Life:
    """What our host saw of a gadget, step by step, up to its end.

    Args:
        case: the gadget.
        steps: one for each request that was made.
        end: why no further one was; "" when all were made.
        windows: the memory in the end.
        beyond: why the last step cannot be compared.
    """

    case: Case
    steps: list[Seen]
    end: str
    windows: Sequence[bytes]
    beyond: str = ""


def live(case: Case, module: str, ours: Host, *, repair: bool) -> Life:
    """Run a gadget on our host.

    Args:
        case: the gadget.
        module: the path of the universal guest.
        ours: the host.
        repair: without what makes it fail.
    """
    for _ in range(MOST if repair else 0):
        life = _run(case, module, ours)
        script = _Stack(case, life.steps[-1].trace).script
        if not life.end or script is None:
            return life
        returned = life.steps[-1].trace[-1].kind == Kind.HOOK_END
        case = _without(case, script.name, script.done - (not returned))
    return _run(case, module, ours)


def _run(case: Case, module: str, ours: Host) -> Life:
    life = Life(case, [], "", ())
    for request in requests(case, module):
        life.steps.append(seen := ours.step(request))
        life.beyond = _Stack(case, seen.trace).beyond
        if life.beyond or _is_over(case, request, seen):
            life.end = f"{request['do']}: {seen.reason}"
            break
    life.windows = ours.windows()
    return life


def _is_over(case: Case, request: Request, seen: Seen) -> bool:
    """Whether a step was the last. A callback that traps (before v0.38) ends only the event it was called for."""
    trapped = request["do"] == "emit" and "trapped" in seen.reason
    return seen.failed and (Profile(ABI, case.release).changed("callback-error-dropped") or not trapped)


def _without(case: Case, name: str | int, position: int) -> Case:
    """The gadget without one operation; a script that fails in itself loses its last."""
    if name == _MALLOC:
        return replace(case, malloc_script=_less(case.malloc_script, position))
    if isinstance(name, str):
        return replace(case, hooks={**case.hooks, name: _less(case.hooks[name], position)})
    callbacks = list(case.callbacks)
    number = name % len(callbacks)
    callbacks[number] = _less(callbacks[number], position)
    return replace(case, callbacks=callbacks)


def _less(ops: Sequence[Op], position: int) -> list[Op]:
    return [op for number, op in enumerate(ops) if number != min(position, len(ops) - 1)]
