"""One release of the ABI as a host behaves in it: what is offered, what has changed by then, which quirks it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gadget_abi.errors import EmbedderError
from gadget_abi.table import Abi, Export, Family, Form

__all__ = ["Profile"]


@dataclass(frozen=True)
class Profile:
    """A release, careful or strict.

    Args:
        abi: the table.
        release: one of its releases.
        strict: whether upstream's quirks are shown (see [[quirk]] in the table).

    Raises:
        EmbedderError: there is no such release.
    """

    abi: Abi
    release: str
    strict: bool = False

    def __post_init__(self) -> None:
        if self.release not in {release.name for release in self.abi.releases}:
            first, last = self.abi.releases[0].name, self.abi.newest
            raise EmbedderError(f"there is no release {self.release!r}; known are {first} to {last}")

    @property
    def family(self) -> Family:
        """The link family."""
        return self.abi.family_of(self.release)

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The host functions as they are in this release, by name."""
        return self.abi.forms_in(self.release)

    @cached_property
    def exports(self) -> Mapping[str, Export]:
        """The guest exports this release looks for, by name."""
        return {name: export for name, export in self.abi.exports.items() if export.covers(self.release)}

    def changed(self, change: str) -> bool:
        """Tell whether a change of behaviour is in effect. KeyError: no change has that id."""
        return self.abi.changes[change].covers(self.release)

    def quirk(self, quirk: str) -> bool:
        """Tell whether a quirk is to be shown. KeyError: none has that id."""
        return self.strict and self.abi.quirks[quirk].covers(self.release)
