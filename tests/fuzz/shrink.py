"""Makes a failing case smaller: leaves out operations as long as it fails in the same way."""

from __future__ import annotations

import re
from dataclasses import replace

from .case import Outcome, Run
from .generate import Case
from .layout import Op

TRIES = 200


def shrunk(case: Case, error: Exception) -> str:
    """The smallest case found, as text."""
    return described(_Shrinking(case, error).smallest())


class _Shrinking:
    """A case that gets smaller."""

    def __init__(self, case: Case, error: Exception) -> None:
        self.case, self._kind, self._tries = case, _kind(error), TRIES

    def smallest(self) -> Case:
        """Leave out steps, then whole scripts, then halves, quarters, ... of them, and single operations."""
        while (
            self._tries > 0 and self.case.steps and self._try(replace(self.case, steps=self.case.steps[:-1]))
        ):
            pass
        self._try(replace(self.case, discards={}))
        for parts in (1, 2, 4, 8, 1 << 16):
            for place in (*self.case.hooks, *range(len(self.case.callbacks))):
                self._thin(place, parts)
        return self.case

    def _thin(self, place: str | int, parts: int) -> None:
        """Leave out what can be left out of one script, so many parts of it at a time."""
        start, size = 0, max(len(_script(self.case, place)) // parts, 1)
        while start < len(ops := _script(self.case, place)):
            if not self._try(_with(self.case, place, [*ops[:start], *ops[start + size :]])):
                start += size

    def _try(self, candidate: Case) -> bool:
        """Whether a smaller case fails in the same way; it is the one to go on with, then."""
        self._tries -= 1
        if self._tries < 0:
            return False
        try:
            Run(candidate, Outcome()).whole()
        except Exception as error:
            if _kind(error) == self._kind:
                self.case = candidate
                return True
        return False


def _kind(error: Exception) -> str:
    return type(error).__name__ + re.sub(r"0x[0-9a-f]+|\d+", "N", str(error))[:30]


def _script(case: Case, place: str | int) -> list[Op]:
    return case.hooks[place] if isinstance(place, str) else case.callbacks[place]


def _with(case: Case, place: str | int, ops: list[Op]) -> Case:
    if isinstance(place, str):
        return replace(case, hooks={**case.hooks, place: ops})
    return replace(case, callbacks=[*case.callbacks[:place], ops, *case.callbacks[place + 1 :]])


def described(case: Case) -> str:
    """A case for a person."""
    lines = [f"{case.release}{', strict' if case.strict else ''}{', wild' if case.wild else ''}"]
    scripts = {**case.hooks, **{f"callback {n}": ops for n, ops in enumerate(case.callbacks)}}
    for name, ops in scripts.items():
        if ops:
            lines += [f"  {name}:", *(f"    {op}" for op in ops)]
    lines.append(f"  then emits on {', '.join(name for name, _ in case.steps) or 'nothing'}")
    return "\n".join(lines)
