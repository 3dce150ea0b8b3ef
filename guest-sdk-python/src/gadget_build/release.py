"""The release of ig that a program is built for."""

from __future__ import annotations

from gadget_abi import Abi, Family
from gadget_abi.table import version_key
from gadget_build.errors import BuildError
from gadget_build.program import Program
from gadget_build.usage import Use, uses

__all__ = ["choose_release"]

FAMILY = "ig"
"""The link family unless another is asked for."""


def choose_release(
    program: Program, abi: Abi, *, family: str | None = None, release: str | None = None
) -> str:
    """The release to build a program for: the one given, or the oldest of the family that has all it uses.

    Args:
        program: the program.
        abi: the table.
        family: a link family; "ig" unless given, or that of the release.
        release: a release.

    Raises:
        BuildError: there is no such family or release, they do not go together, or the program uses what they lack.
    """
    if release is None:
        return _oldest(program, abi, _family(abi, family or FAMILY))
    _check_names(abi, family, release)
    for use in uses(program, abi):
        if version_key(release) < version_key(use.since):
            raise _too_new(use, f"{release} has not", f"--release {use.since} or later")
    return release


def _oldest(program: Program, abi: Abi, family: Family) -> str:
    oldest = family.since
    for use in uses(program, abi):
        if family.until is not None and version_key(use.since) > version_key(family.until):
            later = [f"--abi {f.name}" for f in abi.families if f.until is None or _reaches(f, use.since)]
            without = f"link family {family.name} ({family.since} to {family.until}) has not"
            raise _too_new(use, without, " or ".join(later))
        oldest = max(oldest, use.since, key=version_key)
    return oldest


def _reaches(family: Family, release: str) -> bool:
    return family.until is not None and version_key(family.until) >= version_key(release)


def _too_new(use: Use, without: str, hint: str) -> BuildError:
    reason = f"{use.name} needs {use.needs}, which ig has since {use.since} and {without}"
    return BuildError(reason, file=use.file, line=use.line, hint=f"build with {hint}, or do without")


def _family(abi: Abi, name: str) -> Family:
    for family in abi.families:
        if family.name == name:
            return family
    raise BuildError(f"no link family {name!r}", hint=f"known: {', '.join(f.name for f in abi.families)}")


def _check_names(abi: Abi, family: str | None, release: str) -> None:
    if release not in {known.name for known in abi.releases}:
        raise BuildError(f"no release {release!r} of ig", hint=f"{abi.releases[0].name} to {abi.newest}")
    if family is None or _family(abi, family).covers(release):
        return
    owner, wanted = abi.family_of(release), _family(abi, family)
    until = f"to {wanted.until}" if wanted.until else "and later"
    raise BuildError(
        f"release {release} is of link family {owner.name}, not {family}",
        hint=f"--abi {owner.name}, or a release of {family}: {wanted.since} {until}",
    )
