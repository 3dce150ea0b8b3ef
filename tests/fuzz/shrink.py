"""Makes a failing case smaller: leaves out operations as long as it fails in the same way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from .case import Outcome, Run
from .generate import Case
from .layout import Op

TRIES = 200


def shrunk(case: Case, error: Exception) -> str:
    """The smallest case found, as text."""
    kind, tries, smaller = _kind(error), TRIES, True
    while smaller and tries > 0:
        smaller = False
        for candidate in _candidates(case):
            tries -= 1
            if tries <= 0:
                break
            if _fails(candidate) == kind:
                case, smaller = candidate, True
                break
    return described(case)


def _fails(case: Case) -> str:
    try:
        Run(case, Outcome()).whole()
    except Exception as error:
        return _kind(error)
    return ""


def _kind(error: Exception) -> str:
    return type(error).__name__ + re.sub(r"0x[0-9a-f]+|\d+", "N", str(error))[:30]


def _candidates(case: Case) -> Iterator[Case]:
    """The case with something left out, much first."""
    for count in (len(case.steps) // 2, 1):
        for start in range(0, len(case.steps), max(count, 1)):
            yield replace(case, steps=[*case.steps[:start], *case.steps[start + max(count, 1) :]])
    if case.discards:
        yield replace(case, discards={})
    for parts in (1, 2, 4, 16, 64):
        for name, ops in case.hooks.items():
            for fewer in _without(ops, parts):
                yield replace(case, hooks={**case.hooks, name: fewer})
        for number, ops in enumerate(case.callbacks):
            for fewer in _without(ops, parts):
                yield replace(
                    case, callbacks=[*case.callbacks[:number], fewer, *case.callbacks[number + 1 :]]
                )


def _without(ops: list[Op], parts: int) -> Iterator[list[Op]]:
    """The operations without one of so many parts."""
    if len(ops) < parts:
        return
    size = -(-len(ops) // parts) or 1
    for start in range(0, len(ops), size):
        yield [*ops[:start], *ops[start + size :]]


def described(case: Case) -> str:
    """A case for a person."""
    lines = [f"{case.release}{', strict' if case.strict else ''}{', wild' if case.wild else ''}"]
    scripts = {**case.hooks, **{f"callback {n}": ops for n, ops in enumerate(case.callbacks)}}
    for name, ops in scripts.items():
        if ops:
            lines += [f"  {name}:", *(f"    {op}" for op in ops)]
    lines.append(f"  then emits on {', '.join(name for name, _ in case.steps) or 'nothing'}")
    return "\n".join(lines)
