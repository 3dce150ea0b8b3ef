"""Say which releases something is about.

Releases are ordered by version, which is the order of the code; not by date: a fix of an older line (v0.41.2) may
come out long after a newer line began (v0.42.0).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from gadget_abi.errors import EmbedderError
from gadget_abi.table import Abi, Release

__all__ = ["find_release", "late_releases", "runs", "since", "span", "spans"]


def find_release(abi: Abi, text: str) -> Release:
    """The release of that name; "newest" is one, and the v may be left out.

    Raises:
        EmbedderError: there is none; names the ones that are close.
    """
    wanted = abi.newest if text == "newest" else "v" + text.removeprefix("v")
    names = [release.name for release in abi.releases]
    if wanted in names:
        return abi.releases[names.index(wanted)]
    near = [name for name in names if name.startswith(f"{wanted}.")]
    near = near or difflib.get_close_matches(wanted, names, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {names[0]} to {names[-1]}"
    raise EmbedderError(f"there is no release {text!r}; {hint}")


def runs(abi: Abi, releases: Iterable[str]) -> list[tuple[str, str]]:
    """Group releases into runs without a gap: first and last of each."""
    names, chosen = [release.name for release in abi.releases], set(releases)
    found: list[tuple[str, str]] = []
    for index, name in enumerate(names):
        if name not in chosen:
            continue
        if index and names[index - 1] in chosen:
            found[-1] = (found[-1][0], name)
        else:
            found.append((name, name))
    return found


def span(abi: Abi, first: str, last: str | None) -> str:
    """A run in words: "v0.39.0 - v0.55.1", "v0.37.0"; no last release is the newest."""
    last = last or abi.newest
    return first if first == last else f"{first} - {last}"


def spans(abi: Abi, releases: Iterable[str]) -> str:
    """Several runs in words; says so where the last one is the newest there is."""
    texts = [
        span(abi, *run) + (" (newest known)" if run[1] == abi.newest else "") for run in runs(abi, releases)
    ]
    return ", ".join(texts) or "none"


def since(abi: Abi, releases: Iterable[str]) -> str:
    """Several runs in few words: "since v0.39.0", "v0.30.0 - v0.38.1", "in no release"."""
    found = runs(abi, releases)
    texts = [f"since {first}" if last == abi.newest else span(abi, first, last) for first, last in found]
    return ", ".join(texts) or "in no release"


def late_releases(abi: Abi, releases: Iterable[str]) -> list[tuple[Release, Release]]:
    """Releases that are not among those given although they are of a later date than the first that is.

    Each with the release it came out after.
    """
    chosen, late = set(releases), []
    for release in abi.releases:
        if release.name in chosen:
            continue
        newer = next((r for r in abi.releases if r.name in chosen and r.is_newer(release)), None)
        if newer is not None and release.date > newer.date:
            late.append((release, newer))
    return late
