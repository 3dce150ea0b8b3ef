"""What gadget.yaml may say, and what is wrong with one.

ig reads the file leniently: a key it does not know, it passes over in silence, and a gadget then lacks a default or a
column its width. Here that is an error, with the path of the key and the name that was probably meant.
Sources: upstream's pkg/metadata/v1, pkg/params (ParamDesc), pkg/gadget-context (custom parameters), pkg/operators/wasm
(which reads the parameters of the module into messages of its API, whose names differ), v0.55.0.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

__all__ = ["MetadataProblem", "metadata_problems"]


@dataclass(frozen=True)
class MetadataProblem:
    """Something wrong in a gadget.yaml: the path of the key, what is wrong, and whether it is only suspicious."""

    path: str
    text: str
    harmless: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


@dataclass(frozen=True)
class _Text:
    """A text, or what YAML takes for a number or a boolean; with `known`, one of these."""

    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Flag:
    """true or false."""


@dataclass(frozen=True)
class _Texts:
    """A list of texts."""


@dataclass(frozen=True)
class _Any:
    """Keys of any name; `like`: names that others are told from by a near miss."""

    each: _Shape
    like: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Keys:
    """Keys of these names."""

    of: Mapping[str, _Shape] = field(default_factory=dict)
    needed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Free:
    """Anything: other parts of ig read it."""


_Shape = _Free | _Text | _Flag | _Texts | _Any | _Keys

_TEXT: Final = _Text()
_BITS: Final = ("8", "16", "32", "64")
_TYPES: Final = (
    *("bool", "string", "bytes", "int", "uint", "float32", "float64", "duration", "ip", "[]string"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in _BITS),
)
_COLUMNS: Final = (
    "width",
    "maxwidth",
    "minwidth",
    "alignment",
    "ellipsis",
    "hidden",
    "fixed",
    "hex",
    "alias",
)
_FIELD: Final = (
    *(f"columns.{name}" for name in (*_COLUMNS, "precision")),
    *("description", "template", "json.skip", "value.one-of"),
)
_SOURCE: Final = (
    *("description", "cli.clear-screen-before", "cli.supported-output-modes", "cli.default-output-mode"),
    *("fetch-interval", "fetch-count", "ebpf.map.flush-on-stop"),
)
_PARAM: Final[Mapping[str, _Shape]] = MappingProxyType(
    {
        **dict.fromkeys(("key", "alternativeKey", "alias", "title", "defaultValue", "description"), _TEXT),
        "isMandatory": _Flag(),
        "tags": _Texts(),
        "type": _Text(_TYPES),
        "typeHint": _Text(_TYPES),
        "valueHint": _TEXT,
        "possibleValues": _Texts(),
    }
)
_FILE: Final = _Keys(
    {
        **dict.fromkeys(("name", "description", "homepageURL", "documentationURL", "sourceURL"), _TEXT),
        "annotations": _Any(_TEXT),
        "datasources": _Any(
            _Keys(
                {
                    "annotations": _Any(_TEXT, _SOURCE),
                    "fields": _Any(_Keys({"annotations": _Any(_TEXT, _FIELD)})),
                }
            )
        ),
        "params": _Keys(
            {
                "ebpf": _Any(_Keys(_PARAM)),
                "wasm": _Any(_Keys(_PARAM, needed=("key",))),
                "custom": _Any(
                    _Keys({**_PARAM, "patch": _Free(), "values": _Any(_Keys({"patch": _Free()}))})
                ),
            }
        ),
        "paramDefaults": _Any(_TEXT),
        "programs": _Free(),
        "operator": _Free(),
    },
    needed=("name",),
)


def metadata_problems(data: object) -> list[MetadataProblem]:
    """What is wrong with a gadget.yaml, in the order of the file.

    Args:
        data: what the YAML says: mappings, lists, texts, numbers and booleans.
    """
    found = list(_problems(data, _FILE, ""))
    if not any(problem.path.startswith("params") for problem in found):
        found += [*_clashes(data), *_types(data)]
    return found


def _problems(value: object, shape: _Shape, path: str) -> Iterator[MetadataProblem]:
    match shape:
        case _Keys() | _Any():
            if isinstance(value, Mapping):
                yield from _mapping(value, shape, path)
            elif value is not None:
                yield MetadataProblem(path, f"expected keys with values, found {_shown(value)}")
            elif not path:
                yield MetadataProblem("", "nothing in it: at least `name:` is needed")
        case _Texts():
            yield from _texts(value, path)
        case _Flag():
            if not isinstance(value, bool):
                yield MetadataProblem(path, f"expected true or false, found {_shown(value)}")
        case _Text(known):
            if not _is_text(value):
                yield MetadataProblem(path, f"expected a text, found {_shown(value)}")
            elif known and value and str(value) not in known:
                hint = _near(str(value), known) or f"the types are {', '.join(known)}"
                yield MetadataProblem(path, f"no type {_shown(value)}; {hint}")


def _mapping(data: Mapping[object, object], shape: _Keys | _Any, path: str) -> Iterator[MetadataProblem]:
    for key, value in data.items():
        here = f"{path}.{key}" if path else str(key)
        if not isinstance(key, str):
            yield MetadataProblem(here, f"the key {_shown(key)} is no text; put it in quotes")
        elif isinstance(shape, _Keys):
            if inner := shape.of.get(key):
                yield from _problems(value, inner, here)
            else:
                known = ", ".join(shape.of)
                yield MetadataProblem(here, f"no such key; {_near(key, shape.of) or f'there are {known}'}")
        else:
            yield from _problems(value, shape.each, here)
            if key not in shape.like and (hint := _near(key, shape.like, 0.85)):
                yield MetadataProblem(here, hint, harmless=True)
    for key in shape.needed if isinstance(shape, _Keys) else ():
        if data.get(key) in (None, ""):
            yield MetadataProblem(f"{path}.{key}" if path else key, "is missing")


def _texts(value: object, path: str) -> Iterator[MetadataProblem]:
    if not isinstance(value, list):
        yield MetadataProblem(path, f"expected a list, found {_shown(value)}")
        return
    for n, item in enumerate(value):
        if not _is_text(item):
            yield MetadataProblem(f"{path}[{n}]", f"expected a text, found {_shown(item)}")


def _clashes(data: object) -> Iterator[MetadataProblem]:
    """Parameters of one section under one key: ig would take one of them, or none."""
    sections = data.get("params") if isinstance(data, Mapping) else None
    for section, rows in (sections or {}).items():
        seen: dict[str, str] = {}
        for name, row in (rows or {}).items():
            key = str((row or {}).get("key") or name)
            if key in seen:
                text = f"{key!r} is the key of params.{section}.{seen[key]} already"
                yield MetadataProblem(f"params.{section}.{name}.key", text)
            seen.setdefault(key, str(name))


def _types(data: object) -> Iterator[MetadataProblem]:
    for name, row in (
        ((data.get("params") or {}).get("wasm") if isinstance(data, Mapping) else None) or {}
    ).items():
        if row and "type" in row and "typeHint" not in row:
            text = "ig reads the type of a module's parameter from 'typeHint', and passes over 'type'"
            yield MetadataProblem(f"params.wasm.{name}.type", text, harmless=True)


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str | bool | int | float)


def _near(key: str, known: Mapping[str, object] | tuple[str, ...], cutoff: float = 0.6) -> str:
    lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(key.lower(), lower, 1, cutoff)
    return f"did you mean {lower[found[0]]!r}?" if found else ""


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "keys with values"
    if isinstance(value, list):
        return "a list"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:50]}..."
