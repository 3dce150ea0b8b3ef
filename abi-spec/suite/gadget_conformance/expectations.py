"""What is known about an implementation: which cases it fails or must not be asked, and why.

A TOML file::

    [[case]]
    id = "maps/*"                # a pattern, as a shell has them
    outcome = "skip"             # or "xfail": it is run, must fail, and passing is an error
    reason = "needs root"
    link = "https://..."         # optional
    releases = ["v0.38.1"]       # optional
    mode = "strict"              # optional
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from gadget_abi import EmbedderError

from .case import Run

__all__ = ["Expectation", "read_expectations"]

_KEYS = {"id", "outcome", "reason", "link", "releases", "mode"}


@dataclass(frozen=True)
class Expectation:
    """One entry of the file; see above."""

    id: str
    outcome: Literal["skip", "xfail"]
    reason: str
    link: str = ""
    releases: tuple[str, ...] = ()
    mode: str = ""

    def about(self, run: Run) -> bool:
        """Whether it is about this run."""
        return (
            fnmatchcase(run.case.id, self.id)
            and (not self.releases or run.profile.release in self.releases)
            and self.mode in ("", run.mode)
        )


def read_expectations(path: Path) -> tuple[Expectation, ...]:
    """The entries of a file.

    Raises:
        EmbedderError: no such file, no TOML, or an entry that is none.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EmbedderError(f"{path}: {error}") from error
    return tuple(_entry(path, number, item) for number, item in enumerate(data.get("case", ())))


def _entry(path: Path, number: int, item: Any) -> Expectation:
    where = f"{path}: entry {number + 1}"
    if not isinstance(item, dict) or not {"id", "outcome", "reason"} <= item.keys() <= _KEYS:
        raise EmbedderError(f"{where}: expected id, outcome, reason, and perhaps link, releases, mode")
    if item["outcome"] not in ("skip", "xfail") or not item["reason"]:
        raise EmbedderError(f"{where}: the outcome is skip or xfail, with a reason")
    return Expectation(**{**item, "releases": tuple(item.get("releases", ()))})
