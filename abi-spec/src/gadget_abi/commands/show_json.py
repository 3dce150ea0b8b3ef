"""The entries of the table as gadget abi show prints them for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from gadget_abi.table import Abi, Change, Function, Release, SignatureSet

__all__ = ["entry_json"]

Json = dict[str, Any]


def entry_json(abi: Abi, kind: str, entry: Any) -> Json:
    """An entry of the table as an object; most are as the table has them."""
    if kind in _SPECIAL:
        return _SPECIAL[kind](abi, entry)
    return asdict(entry)


def _function_json(_: Abi, function: Function) -> Json:
    forms = [{"signature": form.signature, **asdict(form)} for form in function.forms]
    return {**asdict(function), "forms": forms}


def _release_json(abi: Abi, release: Release) -> Json:
    sigset = next(s for s in abi.signature_sets if release.name in s.releases)
    return {
        **asdict(release),
        "signature_set": sigset.name,
        "family": sigset.family.name,
        "functions": [form.signature for form in sigset.forms.values()],
        "changes": [change.id for _, change in abi.owned_changes() if change.since == release.name],
    }


def _sigset_json(_: Abi, sigset: SignatureSet) -> Json:
    functions = [form.signature for form in sigset.forms.values()]
    return {"family": sigset.family.name, "releases": list(sigset.releases), "functions": functions}


def _change_json(abi: Abi, change: Change) -> Json:
    return {"about": next(o for o, other in abi.owned_changes() if other is change), **asdict(change)}


def _group_json(abi: Abi, group: str) -> Json:
    return {"functions": [f.name for f in abi.functions.values() if f.group == group]}


_SPECIAL: dict[str, Callable[[Abi, Any], Json]] = {
    "host function": _function_json,
    "release": _release_json,
    "signature set": _sigset_json,
    "change of behaviour": _change_json,
    "group": _group_json,
}
