"""gadget abi list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gadget_abi.commands.text import colour, columns
from gadget_abi.releases import span
from gadget_abi.table import Abi, Release, SignatureSet

__all__ = ["list_json", "list_text"]


def list_text(abi: Abi) -> str:
    """The releases under their signature sets, for people."""
    return "\n".join(_lines(abi))


def _lines(abi: Abi) -> Iterator[str]:
    yield f"{abi.title}: {len(abi.releases)} releases, {len(abi.signature_sets)} signature sets"
    known = {release.name: release for release in abi.releases}
    for sigset in abi.signature_sets:
        spanned = span(abi, sigset.releases[0], sigset.releases[-1])
        yield ""
        yield colour(
            f"{sigset.name}  {spanned}: {len(sigset.forms)} functions in {sigset.family.module!r}, family "
            f"{sigset.family.name}",
            "bold",
        )
        yield from columns([(name, known[name].date, _note(abi, known[name])) for name in sigset.releases])


def _note(abi: Abi, release: Release) -> str:
    newer = [r for r in abi.releases if r.is_newer(release) and r.date < release.date]
    return f"of an older line: {newer[-1].name} had been out by then" if newer else ""


def list_json(abi: Abi) -> dict[str, Any]:
    """The same for programs."""
    sets = {name: sigset for sigset in abi.signature_sets for name in sigset.releases}
    return {
        "abi": abi.name,
        "repository": abi.repository,
        "releases": [_release(release, sets[release.name]) for release in abi.releases],
    }


def _release(release: Release, sigset: SignatureSet) -> dict[str, Any]:
    return {
        "release": release.name,
        "date": release.date,
        "commit": release.commit,
        "signature_set": sigset.name,
        "family": sigset.family.name,
        "module": sigset.family.module,
        "functions": len(sigset.forms),
    }
