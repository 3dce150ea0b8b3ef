"""The filter of mount namespaces: which containers' events a gadget is to keep."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["MountNsFilter"]


class MountNsFilter:
    """What shouldDiscardMntnsID knows, as upstream's filter map does.

    Args:
        inodes: inode numbers of the mount namespaces to keep. None means no filter: everything is kept.
    """

    def __init__(self, inodes: Iterable[int] | None = None) -> None:
        self._inodes = None if inodes is None else set(inodes)

    @property
    def active(self) -> bool:
        """Whether there is a filter. An active one that keeps nothing drops everything."""
        return self._inodes is not None

    @property
    def inodes(self) -> frozenset[int]:
        """The mount namespaces that are kept."""
        return frozenset(self._inodes or ())

    def keep(self, *inodes: int) -> None:
        """Filter, and keep these, too."""
        self._inodes = (self._inodes or set()) | set(inodes)

    def forget(self, *inodes: int) -> None:
        """Keep these no more; the filter stays active, even when it keeps nothing then."""
        self._inodes = (self._inodes or set()) - set(inodes)

    def clear(self) -> None:
        """Remove the filter: everything is kept."""
        self._inodes = None

    def discards(self, inode: int) -> bool:
        """Tell whether events of a mount namespace are to be dropped."""
        return self._inodes is not None and inode not in self._inodes
