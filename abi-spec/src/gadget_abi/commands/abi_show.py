"""gadget abi show: everything the table has under a name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gadget_abi.commands.show_json import entry_json
from gadget_abi.commands.show_text import TEXTS
from gadget_abi.commands.text import colour
from gadget_abi.errors import EmbedderError
from gadget_abi.table import Abi

__all__ = ["Shown", "entries", "show"]


@dataclass(frozen=True)
class Shown:
    """An entry of the table, for people and for programs."""

    text: str
    json: dict[str, Any]


def show(abi: Abi, name: str) -> Shown:
    """The entry of that name, whatever it is; upper and lower case are the same.

    Raises:
        EmbedderError: there is none; names the ones that are close.
    """
    known = entries(abi)
    wanted = {key.lower(): key for key in known}
    key = wanted.get(name.lower()) or wanted.get(f"v{name.lower()}")
    if key is None:
        near = difflib.get_close_matches(name.lower(), wanted, n=3)
        near += [low for low in wanted if name and name.lower() in low and low not in near][:3]
        hint = f"; did you mean {' or '.join(wanted[low] for low in near[:4])}?" if near else ""
        raise EmbedderError(f"the ABI has nothing named {name!r}{hint}")
    kind, entry = known[key]
    lines = [f"{colour(key, 'bold')}: {kind}", *TEXTS[kind](abi, entry)]
    return Shown("\n".join(lines), {"name": key, "is": kind, **entry_json(abi, kind, entry)})


def entries(abi: Abi) -> Mapping[str, tuple[str, Any]]:
    """Everything that can be shown, by name; what comes first wins."""
    named: list[tuple[str, Iterable[tuple[str, Any]]]] = [
        ("host function", abi.functions.items()),
        ("guest export", abi.exports.items()),
        ("release", ((release.name, release) for release in abi.releases)),
        ("signature set", ((sigset.name, sigset) for sigset in abi.signature_sets)),
        ("link family", ((family.name, family) for family in abi.families)),
        ("change of behaviour", abi.changes.items()),
        ("quirk", abi.quirks.items()),
        ("enum", abi.enums.items()),
        ("enum", ((enum.type, enum) for enum in abi.enums.values() if enum.type)),
        ("limit", abi.limits.items()),
        ("layout", abi.layouts.items()),
        ("encoding", abi.encodings.items()),
        ("group", ((function.group, function.group) for function in abi.functions.values())),
    ]
    found: dict[str, tuple[str, str, Any]] = {}
    for kind, items in named:
        for key, entry in items:
            found.setdefault(key.lower(), (key, kind, entry))
    return {key: (kind, entry) for key, kind, entry in found.values()}
