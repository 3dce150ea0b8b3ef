"""The child process of a session: runs cases, and says on stdout, a JSON object a line, what it is at.

Whatever kills or hangs it, the parent knows which case it was.
"""

from __future__ import annotations

import faulthandler
import json
import random
import resource
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gadget_abi import Profile

from .case import Outcome, Run, make
from .guest import ABI
from .readers import READERS
from .shrink import shrunk
from .spoil import edits

MOST_MEMORY = 64 << 30
"""Bytes of address space for the readers; wasmtime reserves 4 GiB for each memory of a gadget."""


@dataclass(frozen=True)
class Work:
    """What a worker does.

    Args:
        seed: of the session.
        first: number of its first case.
        calls: host calls after which it stops.
        sets: signature sets to draw from.
        only: just this case.
    """

    seed: int
    first: int
    calls: int
    sets: Sequence[str]
    only: bool = False


def work(task: Work) -> None:
    """Run cases until the calls are made."""
    faulthandler.enable()
    calls, number = 0, task.first
    while calls < task.calls:
        say(begin=number)
        calls += one(task, number)
        if task.only:
            return
        number += 1


def one(task: Work, number: int) -> int:
    """Run a case; the host calls it made."""
    outcome = Outcome()
    case = make(task.seed, number, sets=task.sets)
    try:
        Run(case, outcome).whole()
    except Exception as error:
        say(failure=number, what=_described(error), about=[case.release, case.strict, case.wild])
        say(shrunk=shrunk(case, error))
    own = next(s.name for s in ABI.signature_sets if case.release in s.releases)
    say(
        end=number,
        set=own,
        strict=case.strict,
        wild=case.wild,
        calls=outcome.calls,
        compared=outcome.compared,
        unsaid=outcome.unsaid,
        functions=[[*key, count] for key, count in outcome.functions.items()],
        reasons=outcome.reasons,
        pages=outcome.pages,
        kilobytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )
    return max(outcome.calls, 1)


def read(seed: int, first: int, inputs: int, *, only: bool) -> None:
    """Give spoiled files to the readers, in turn."""
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    names = list(READERS)
    for number in range(first, first + 1 if only else inputs):
        say(begin=number)
        reader = READERS[names[number % len(names)]]
        rng = random.Random(f"{seed}:{number}")
        data = b""
        try:
            data = reader.spoil(rng.randrange(1 << 16), edits(rng))
            say(read=reader.name, refused=reader.refuses(data))
        except Exception as error:
            say(failure=number, what=_described(error), about=[reader.name, data[:2000].hex()])


def say(**about: Any) -> None:
    """Tell the parent."""
    sys.stdout.write(json.dumps(about) + "\n")
    sys.stdout.flush()


def _described(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)[-6:])


def expected(set_name: str) -> list[tuple[str, str]]:
    """What a long session must have reached: functions of a set, each with success and with failure."""
    release = next(s for s in ABI.signature_sets if s.name == set_name).releases[-1]
    never_fail = {"gadgetShouldLog", "shouldDiscardMntnsID"}
    names = Profile(ABI, release).forms
    return [(n, "ok") for n in names] + [(n, "error") for n in names if n not in never_fail]
