"""A difference between an older and a newer ABI, or the other way round, and the rules by which it is classed.

A difference *breaks guests* when a guest that was built for A and runs on B may fail where it did not on A:

* at load: it does not link, since a function, its type or the import module is not the same;
* at run: it loads, and those guests that rely on what A did, named with the difference, act in another way.

It *asks something of hosts* when a host that is a faithful A has to do something to run the guests of B.

| kind | guests built for A, on B | a host of A, for guests of B |
|---|---|---|
| module | break at load: all that import a function | offer the functions in the other module |
| function-added | nothing: nobody imports it yet | add it |
| function-removed | break at load: those that import it | nothing: nobody imports it any more |
| signature | break at load: those that import it | offer the other type |
| error-value | break at run: those that look for the error | return the other value |
| meaning | break at run: those that use it | read and write the other meaning |
| ownership | break at run: those that use it | hand over or keep as B does |
| behaviour | break at run: whom the table names (`breaks`) | do as B does |
| behaviour-undone | break at run: whom the table names (`relied_on_by`) | do as B does |
| export-added | nothing: nobody has exported it for the host | call it |
| export-removed | break at run: those that count on being called | do not call it |
| export-required | break at load: those that do not export it | nothing: all guests of B have it |
| export-optional | nothing: what they export is not looked at | run modules without it |
| quirk | break at run: those that meet it | nothing: only a strict host shows it |
| quirk-gone | nothing | nothing |

The quirk rules follow from what a quirk is: something upstream does and nobody relies on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["KINDS", "Diff", "Difference", "Step"]

When = Literal["load", "run", ""]

# Kind -> when guests break, whom it breaks unless the difference says so itself, what a host has to do.
KINDS: dict[str, tuple[When, str, str]] = {
    "module": (
        "load",
        "every guest that imports a function",
        "offer the functions in the other import module",
    ),
    "function-added": ("", "", "add the function"),
    "function-removed": ("load", "guests that import it", ""),
    "signature": ("load", "guests that import it", "offer the function with the other type"),
    "error-value": ("run", "guests that look for the error", "return the other error value"),
    "meaning": ("run", "guests that use it", "read and write what it means there"),
    "ownership": ("run", "guests that use it", "keep or drop handles as it does"),
    "behaviour": ("run", "", "do as it does"),
    "behaviour-undone": ("run", "", "do as it does"),
    "export-added": ("", "", "call it where it is exported"),
    "export-removed": ("run", "guests that count on being called", "do not call it"),
    "export-required": ("load", "guests that do not export it", ""),
    "export-optional": ("", "", "run modules that do not export it, and never call it"),
    "quirk": ("run", "guests that meet it", ""),
    "quirk-gone": ("", "", ""),
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
        return KINDS[self.kind][0] if self.broken else ""

    @property
    def hosts(self) -> str:
        """What a host of A has to do to run the guests of B; empty for nothing."""
        return KINDS[self.kind][2]


@dataclass(frozen=True)
class Diff:
    """All differences from release `a` to release `b`."""

    a: str
    b: str
    differences: tuple[Difference, ...]

    def breaking(self, when: When) -> tuple[Difference, ...]:
        """Those that break guests then."""
        return tuple(d for d in self.differences if d.breaks == when)
