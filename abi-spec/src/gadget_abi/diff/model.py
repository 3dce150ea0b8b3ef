"""A difference between an older and a newer ABI, or the other way round, and the rules by which it is classed.

A difference *breaks guests* when a guest that was built for A and runs on B may fail where it did not on A:

* at load: it does not link, since a function, its type or the import module is not the same;
* at run: it loads, and those guests that rely on what A did, named with the difference, act in another way.

It *asks something of hosts* when a host that is a faithful A has to do something to run the guests of B.

KINDS has a rule for every kind of difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["KINDS", "MIRROR", "Diff", "Difference", "Rule", "Step"]

When = Literal["load", "run", ""]


class Rule(NamedTuple):
    """How a kind of difference is classed.

    `when` it breaks guests ("" never), `whom` unless the difference names them itself, what `hosts` have to do ("" for
    nothing), and `why` where the answer is nothing or nobody.
    """

    when: When
    whom: str
    hosts: str
    why: str = ""


KINDS: dict[str, Rule] = {
    "module": Rule(
        "load", "every guest that imports a function", "offer the functions in the other import module"
    ),
    "function-added": Rule("", "", "add the function", "no guest imports it yet"),
    "function-removed": Rule("load", "guests that import it", "", "no guest imports it any more"),
    "signature": Rule("load", "guests that import it", "offer the function with the other type"),
    "error-value": Rule("run", "guests that look for the error", "return the other error value"),
    "meaning": Rule("run", "guests that use it", "read and write what it means there"),
    "ownership": Rule("run", "guests that use it", "keep or drop handles as it does"),
    "behaviour": Rule("run", "", "do as it does", "whom the change breaks stands in the table"),
    "behaviour-undone": Rule("run", "", "do as it does", "who relies on the change stands in the table"),
    "export-added": Rule("", "", "call it where it is exported", "no guest has exported it for the host"),
    "export-removed": Rule("run", "guests that count on being called", "do not call it"),
    "export-required": Rule("load", "guests that do not export it", "", "all guests have it"),
    "export-optional": Rule(
        "",
        "",
        "run modules that do not export it, and never call it",
        "what is exported too much does not matter",
    ),
    "quirk": Rule("run", "guests that meet it", "", "only a strict host shows it"),
    "quirk-gone": Rule("", "", "", "a quirk is what upstream does and nobody relies on"),
}

MIRROR = {
    "function-added": "function-removed",
    "behaviour": "behaviour-undone",
    "export-added": "export-removed",
    "export-required": "export-optional",
    "quirk": "quirk-gone",
}
"""What a kind is called when the two sides change places; the others keep their name."""
MIRROR |= {there: here for here, there in MIRROR.items()}


@dataclass(frozen=True)
class Step:
    """When something came about: the release that has it first, and the upstream commit that made it."""

    release: str
    commit: str


@dataclass(frozen=True)
class Difference:
    """One difference.

    `subject` is a function, an export or empty; `id` that of the change or quirk, where it is one; `text` says
    what B does; `broken` are the guests it breaks, empty for none; `steps` lead from one side to the other.
    """

    kind: str
    subject: str
    text: str
    steps: tuple[Step, ...]
    id: str = ""
    broken: str = ""

    @property
    def breaks(self) -> When:
        """When it breaks guests: at "load", at "run" or "" not at all."""
        return KINDS[self.kind].when if self.broken else ""

    @property
    def hosts(self) -> str:
        """What a host of A has to do to run the guests of B; empty for nothing."""
        return KINDS[self.kind].hosts


@dataclass(frozen=True)
class Diff:
    """All differences from release `a` to release `b`."""

    a: str
    b: str
    differences: tuple[Difference, ...]

    def breaking(self, when: When) -> tuple[Difference, ...]:
        """Those that break guests then."""
        return tuple(d for d in self.differences if d.breaks == when)
