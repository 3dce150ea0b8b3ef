"""gadget abi diff: two releases, two modules, or one of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gadget_abi.choose import choose
from gadget_abi.commands import diff_json, diff_text
from gadget_abi.commands.files import read_file
from gadget_abi.diff import diff_modules, diff_releases, restrict
from gadget_abi.errors import EmbedderError
from gadget_abi.releases import find_release
from gadget_abi.report import Report, check_bytes
from gadget_abi.table import Abi

__all__ = ["Compared", "compare"]


@dataclass(frozen=True)
class Compared:
    """A comparison for people and for programs; `breaks`: someone who was served by A is not by B."""

    text: str
    json: dict[str, Any]
    breaks: bool


def compare(abi: Abi, a: str, b: str) -> Compared:
    """Compare two sides, each the name of a release or a file.

    Raises:
        EmbedderError: neither, or no core module.
    """
    first, second = _side(abi, a), _side(abi, b)
    if isinstance(first, Report) and isinstance(second, Report):
        modules = diff_modules(first, second)
        text = diff_text.modules_text(a, b, first, second, modules)
        return Compared(text, diff_json.modules_json(a, b, first, second, modules), bool(modules.lost))
    if isinstance(first, Report) and isinstance(second, str):
        return _module_on_release(abi, a, first, second)
    if isinstance(first, str) and isinstance(second, Report):
        return _release_for_module(abi, first, b, second)
    assert isinstance(first, str)
    assert isinstance(second, str)
    diff = diff_releases(abi, first, second)
    return Compared(
        diff_text.releases_text(abi, diff), diff_json.releases_json(abi, diff), bool(diff.breaking("load"))
    )


def _side(abi: Abi, text: str) -> str | Report:
    """A release's name, or the report of a module; a file that is named like a release is given as ./NAME."""
    try:
        return find_release(abi, text).name
    except EmbedderError as error:
        path = Path(text)
        if not path.exists() and path.suffix != ".wasm":
            raise EmbedderError(f"{error}; nor a file") from None
    report = check_bytes(read_file(path), abi)
    if report.module is None:
        raise EmbedderError(f"{text}: {report.problems[0]}")
    return report


def _module_on_release(abi: Abi, name: str, report: Report, release: str) -> Compared:
    """What a module meets on a release: seen from the oldest one it runs on, which it must have been made for."""
    assert report.module is not None
    base = report.releases[0] if report.releases else choose(report.module, abi).release
    diff = restrict(diff_releases(abi, base, release), [owner.name for owner in report.used], abi)
    text = diff_text.guest_text(abi, name, report, diff)
    return Compared(text, diff_json.mixed_json(abi, name, report, diff), release not in report.releases)


def _release_for_module(abi: Abi, release: str, name: str, report: Report) -> Compared:
    """What a host of a release has to do to run a module as the newest release would."""
    assert report.module is not None
    required = [export.name for export in abi.exports.values() if export.is_required_in(release)]
    names = [*(owner.name for owner in report.used), *required]  # a host must do without what it required
    diff = restrict(diff_releases(abi, release, choose(report.module, abi).release), names, abi)
    text = diff_text.host_text(abi, name, report, diff)
    return Compared(text, diff_json.mixed_json(abi, name, report, diff), release not in report.releases)
