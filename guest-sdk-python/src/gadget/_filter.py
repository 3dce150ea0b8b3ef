"""The filter by container: which mount namespaces the person who runs the gadget wants to see."""

from ._checks import u64
from ._host import host

__all__ = ["should_discard_mntns_id"]


def should_discard_mntns_id(mntns_id: int) -> bool:
    """Whether events of this mount namespace are filtered out; False before gadgetStart. Needs v0.40."""
    return bool(host.should_discard_mntns_id(u64(mntns_id, "mount namespace")))
