"""shouldDiscardMntnsID."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._state import HostState

__all__ = ["should_discard_mntns_id"]


def should_discard_mntns_id(host: HostState, mntns_id: int) -> bool:
    """Tell whether events of a mount namespace are filtered out.

    No before the gadget starts and where there is no filter; with one, everything is that it does not name.
    """
    return host.started and host.mntns.discards(mntns_id)
