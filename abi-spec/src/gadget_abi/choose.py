"""Choose the release whose host a module is run as: gadgetAPIVersion is 1 in all of them, so its imports tell.

Import module and types make the link family, and within one the newest release serves modules of all older
ones. Only a module that imports nothing but functions that both families of `env` have leaves a doubt, which
its exports settle: until v0.37 a gadget had to export malloc and was entered through `_start`, while one that
exports `_initialize` alone was built for v0.38.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gadget_abi.check import WASI
from gadget_abi.errors import EmbedderError
from gadget_abi.table import Abi, SignatureSet
from gadget_abi.wasm import Module

__all__ = ["Choice", "choose"]


@dataclass(frozen=True)
class Choice:
    """A release for a module.

    Args:
        release: its name ("v0.37.0").
        family: the release's link family ("env-malloc").
        signature_set: the oldest set of the family that has all the module imports ("sig-2"); that of the
            release when none has.
        reason: why it was chosen, to follow a colon or a "because".
        fits: whether the release has everything the module imports.
        hint: when it does not, what would, if anything.
    """

    release: str
    family: str
    signature_set: str
    reason: str
    fits: bool = True
    hint: str = ""

    def __str__(self) -> str:
        return f"ig {self.release} ({self.family}, {self.signature_set}): {self.reason}"


def choose(module: Module, abi: Abi, *, family: str | None = None, release: str | None = None) -> Choice:
    """Choose a release for a module by what it imports; whether it is sound otherwise is for `check` to say.

    Args:
        module: what to run.
        abi: the table.
        family: a link family to choose from; any, unless given.
        release: the release itself, which the answer is about then.

    Raises:
        EmbedderError: no such family or release, or a release of another family.
    """
    allowed = _allowed(abi, family, release)
    needed = _needed(module)
    fitting = [s for s in abi.signature_sets if needed <= s.signatures]
    within = [s for s in fitting if s in allowed]
    asked = f"release {release} was asked for" if release else f"family {family} was asked for"
    if not within:
        best = release or _closest(module, needed, allowed)
        return _misfit(abi, best, fitting, asked if release or family else "nothing comes closer")
    if release or family:
        return _choice(abi, release or within[-1].releases[-1], within, asked)
    chosen, reason = _preferred(module, abi, needed, within)
    return _choice(abi, chosen[-1].releases[-1], chosen, reason)


def _allowed(abi: Abi, family: str | None, release: str | None) -> list[SignatureSet]:
    """The signature sets of a family, those of a release's family up to it, or all."""
    names = [known.name for known in abi.families]
    if family is not None and family not in names:
        raise EmbedderError(f"there is no link family {family!r}; there are {', '.join(names)}")
    allowed = [s for s in abi.signature_sets if family in (None, s.family.name)]
    if release is None:
        return allowed
    own = next((s for s in abi.signature_sets if release in s.releases), None)
    if own is None:
        first, last = abi.releases[0].name, abi.newest
        raise EmbedderError(f"there is no release {release!r}; known are {first} to {last}")
    if own not in allowed:
        raise EmbedderError(f"release {release} is of link family {own.family.name}, not {family}")
    return [s for s in allowed if s.family == own.family][: 1 + _position(abi, own)]


def _position(abi: Abi, own: SignatureSet) -> int:
    """Which of its family's sets it is."""
    return [s for s in abi.signature_sets if s.family == own.family].index(own)


def _needed(module: Module) -> frozenset[str]:
    """The host functions it imports, as signature sets name them; what is no function, as something else."""
    return frozenset(
        f"{item.module}.{item.name}{item.type}" for item in module.imports if item.module != WASI
    )


def _preferred(
    module: Module, abi: Abi, needed: frozenset[str], fitting: Sequence[SignatureSet]
) -> tuple[list[SignatureSet], str]:
    """The sets of one family, and why that one."""
    by_family = {s.family.name: [t for t in fitting if t.family == s.family] for s in fitting}
    newest = abi.family_of(abi.newest)
    if not needed:
        return by_family[newest.name], "it imports no function of the ABI"
    if len(by_family) == 1:
        (sets,) = by_family.values()
        return sets, _tell_tale(abi, needed, sets)
    old, new = by_family.values()
    if module.export("malloc") is None:
        return new, f"it fits {_span(old)} as well, but exports no malloc"
    if module.export("_initialize") is not None and module.export("_start") is None:
        return new, f"it fits {_span(old)} as well, but exports _initialize and no _start"
    return old, f"it fits {_span(new)} as well, but exports malloc"


def _tell_tale(abi: Abi, needed: frozenset[str], sets: Sequence[SignatureSet]) -> str:
    """What no other family has: the import module, or one of the functions."""
    own = sets[0].family
    if [family.module for family in abi.families].count(own.module) == 1:
        return f"it imports from {own.module!r}"
    others = frozenset[str]().union(*(s.signatures for s in abi.signature_sets if s.family != own))
    names = {signature.partition("(")[0] for signature in others}
    known, name, signature = min(
        (f.partition("(")[0] in names, f.partition("(")[0], f) for f in needed - others
    )
    return f"no other family has {signature if known else name}"


def _span(sets: Sequence[SignatureSet]) -> str:
    first, last = sets[0].releases[0], sets[-1].releases[-1]
    return first if first == last else f"{first} to {last}"


def _choice(abi: Abi, release: str, sets: Sequence[SignatureSet], reason: str) -> Choice:
    return Choice(release, abi.family_of(release).name, sets[0].name, reason)


def _misfit(abi: Abi, release: str, fitting: Sequence[SignatureSet], reason: str) -> Choice:
    own = next(s for s in abi.signature_sets if release in s.releases)
    hint = ""
    if fitting:
        latest = [s for s in fitting if s.family == fitting[-1].family]
        hint = f"its imports fit {_span(latest)} ({latest[0].family.name})"
    return Choice(release, own.family.name, own.name, reason, fits=False, hint=hint)


def _closest(module: Module, needed: frozenset[str], allowed: Sequence[SignatureSet]) -> str:
    """The newest of the releases that lack the fewest imports; a foreign import module is one more."""
    modules = {item.module for item in module.imports}

    def lacking(candidate: SignatureSet) -> int:
        return len(needed - candidate.signatures) + (candidate.family.module not in modules)

    return min(reversed(allowed), key=lacking).releases[-1]
