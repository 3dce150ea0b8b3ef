"""Cases: what is read from cases/*.json, and which releases and modes each one is run for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from gadget_abi import Abi, EmbedderError, Profile
from gadget_abi.table import version_key

__all__ = ["COLUMNS", "Case", "Mode", "Run", "load_cases", "read_cases", "runs_of", "schema", "steps_in"]

Mode = Literal["careful", "strict"]
COLUMNS = ("ok", "bad-handle", "wrong-type", "bad-pointer", "boundary", "late", "re-entrant")
"""The columns of the coverage matrix: what can be asked of every function."""


@dataclass(frozen=True)
class Case:
    """One case.

    Args:
        id: group and name, "fields/get-scalar".
        data: the JSON object, as the schema describes it.
    """

    id: str
    data: Mapping[str, Any] = field(repr=False)

    @property
    def level(self) -> str:
        """ "required", "optional" or "implementation-defined"."""
        return str(self.data.get("level", "required"))

    @property
    def covers(self) -> tuple[tuple[str, str], ...]:
        """Cells of the matrix: function and column."""
        pairs = (cell.partition(":") for cell in self.data.get("covers", ()))
        return tuple((function, column) for function, _, column in pairs)

    @property
    def scripts(self) -> dict[str, list[Any]]:
        """Script by export, those of callbacks by "dataSourceCallback N"."""
        found = dict(self.data.get("script", {}))
        for number, script in self.data.get("callbacks", {}).items():
            found[f"dataSourceCallback {number}"] = script["do"] if isinstance(script, dict) else script
        return found

    def applies_to(self, profile: Profile) -> bool:
        """Whether a release has everything the case uses, in the form in which it uses it."""
        data, release = self.data, version_key(profile.release)
        if "since" in data and release < version_key(data["since"]):
            return False
        if "until" in data and release > version_key(data["until"]):
            return False
        kind, _, name = data["rule"].rpartition(":")
        if kind == "quirk" and not profile.abi.quirks[name].covers(profile.release):
            return False
        exports = {name.split()[0] for name in self.scripts} - {"run"}
        return exports <= set(profile.exports) and all(
            _fits(step, profile) for script in self.scripts.values() for step in steps_in(script)
        )


def steps_in(script: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """The steps of a script, those of repeated blocks included."""
    for step in script:
        yield step
        if "do" in step:
            yield from steps_in(step["do"])


def _fits(step: Mapping[str, Any], profile: Profile) -> bool:
    if "call" in step:
        form = profile.forms.get(step["call"])
        return form is not None and len(form.params) == len(step.get("args", ()))
    if "fetch" in step and step["fetch"] != "field":
        return step["fetch"] in profile.forms
    return True


@dataclass(frozen=True)
class Run:
    """A case, to be run for one release in one mode."""

    case: Case
    signature_set: str
    profile: Profile

    @property
    def mode(self) -> Mode:
        """The mode."""
        return "strict" if self.profile.strict else "careful"

    def __str__(self) -> str:
        return f"{self.case.id} [{self.signature_set} {self.profile.release} {self.mode}]"


def runs_of(
    case: Case, abi: Abi, modes: Iterable[Mode], *, releases: Iterable[str], sets: Iterable[str] | None = None
) -> list[Run]:
    """The runs of a case: for each signature set, the newest of the releases that it applies to.

    Args:
        case: the case.
        abi: the table.
        modes: careful, strict or both; a case may be for one of them only.
        releases: the ones to choose from.
        sets: names of signature sets; None for all.
    """
    allowed, runs = set(releases), []
    for mode in modes:
        if case.data.get("mode", mode) != mode:
            continue
        for found in abi.signature_sets:
            if sets is not None and found.name not in sets:
                continue
            profiles = (
                Profile(abi, name, mode == "strict") for name in reversed(found.releases) if name in allowed
            )
            profile = next((profile for profile in profiles if case.applies_to(profile)), None)
            if profile is not None:
                runs.append(Run(case, found.name, profile))
    return runs


# ------------------------------------------------------------------------------------------------ reading


def load_cases() -> tuple[Case, ...]:
    """The cases that ship with the suite, by file and in its order."""
    directory = files(__package__) / "cases"
    names = sorted(item.name for item in directory.iterdir() if item.name.endswith(".json"))
    return tuple(
        case for name in names for case in _cases(json.loads((directory / name).read_text("utf-8")), name)
    )


def read_cases(path: Path) -> tuple[Case, ...]:
    """The cases of a file of someone's own; they must fit the schema.

    Raises:
        EmbedderError: no such file, no JSON, or no cases.
    """
    from jsonschema import Draft202012Validator

    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EmbedderError(f"{path}: {error}") from error
    for misfit in Draft202012Validator(schema()).iter_errors(data):
        raise EmbedderError(f"{path}: {misfit.json_path}: {misfit.message}")
    return tuple(_cases(data, path.name))


def _cases(data: Mapping[str, Any], name: str) -> Iterator[Case]:
    seen: set[str] = set()
    for item in data["cases"]:
        case = Case(f"{name.removesuffix('.json')}/{item['id']}", item)
        if case.id in seen:
            raise EmbedderError(f"there are two cases {case.id}")
        seen.add(case.id)
        yield case


@cache
def schema() -> Mapping[str, Any]:
    """The JSON schema of case files."""
    found: Mapping[str, Any] = json.loads((files(__package__) / "case.schema.json").read_text("utf-8"))
    return found
