"""Signature sets: which functions of which type a range of releases offers.

gadgetAPIVersion is 1 in every release although the ABI broke three times, so a host can only tell what a
module was built for from the names and types of its imports.
"""

from __future__ import annotations

from gadget_abi.table import Abi, SignatureSet

__all__ = ["derive_sets"]


def derive_sets(abi: Abi) -> tuple[SignatureSet, ...]:
    """Group the releases, in order of version, by what their functions look like."""
    sets: list[SignatureSet] = []
    for release in (r.name for r in abi.releases):
        family, forms = abi.family_of(release), abi.forms_in(release)
        fresh = SignatureSet(f"sig-{len(sets) + 1}", family, (release,), forms)
        if sets and sets[-1].signatures == fresh.signatures:
            last = sets[-1]
            sets[-1] = SignatureSet(last.name, family, (*last.releases, release), forms)
        else:
            sets.append(fresh)
    return tuple(sets)
