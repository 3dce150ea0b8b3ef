"""gadget.yaml: what a gadget says about itself, as far as running it needs that.

    params:
      wasm:
        limit: {key: limit, defaultValue: "10", type: uint32, description: ...}
    datasources:
      open:
        annotations: {cli.clear-screen-before: "true"}
        fields:
          filename: {annotations: {columns.width: "40"}}

Source: upstream's pkg/metadata/v1 and pkg/params. `type` and `typeHint` are the same key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from gadget_abi import EmbedderError
from gadget_host._params import ParamSpec

__all__ = ["Manifest", "parse_manifest", "read_manifest"]

_MOST_DEEP, _MOST_VALUES = 50, 100_000
_TOO_MUCH: Final = (
    f"nested deeper than {_MOST_DEEP} levels, or more than {_MOST_VALUES} values with what aliases repeat"
)
PREFIX: Final = "operator.oci.wasm."
"""What the full name of a wasm parameter begins with, as `ig run` takes it."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A gadget.yaml that was read.

    Args:
        path: where from.
        name: of the gadget.
        params: the wasm parameters, by key.
        other_params: keys of parameters that are not the wasm module's -> the section they stand in.
        data: the whole file; annotations of data sources and fields are taken from it when a source is made.
    """

    path: str
    name: str = ""
    params: Mapping[str, ParamSpec] = field(default_factory=dict)
    other_params: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    def values(self, given: Mapping[str, str]) -> dict[str, str]:
        """The parameters' values: those given, defaults for the others.

        Raises:
            EmbedderError: unknown parameter, or a value its description does not allow.
        """
        named = {key.removeprefix(PREFIX): value for key, value in given.items()}
        for key in named:
            if key not in self.params:
                raise EmbedderError(f"{self._unknown(key)} ({self.path})")
            self.params[key].check(named[key])
        values = {key: named.get(key, spec.default) for key, spec in self.params.items()}
        for key, spec in self.params.items():
            if spec.mandatory and not values[key]:
                raise EmbedderError(f"parameter {key!r} needs a value: --param {key}=VALUE")
        return values

    def _unknown(self, key: str) -> str:
        if section := self.other_params.get(key):
            return (
                f"parameter {key!r} belongs to {section!r}, not to the wasm module, and only that runs here"
            )
        known = ", ".join(self.params) or "none"
        return f"unknown parameter {key!r}; the gadget's parameters are: {known}"


def read_manifest(path: Path) -> Manifest:
    """Read a gadget.yaml.

    Raises:
        EmbedderError: it cannot be read, is not YAML, or a key has the wrong type (named with its path).
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise EmbedderError(f"cannot read {path}: {error.strerror}") from None
    return parse_manifest(text, str(path))


def parse_manifest(text: bytes, where: str) -> Manifest:
    """Read the bytes of a gadget.yaml; `where` they are from is for messages.

    Raises:
        EmbedderError: as read_manifest.
    """
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError) as error:
        # The last four come out of the constructors of scalars with a tag (`!!timestamp x`).
        raise EmbedderError(f"{where}: not YAML: {error}") from None
    except RecursionError:
        raise EmbedderError(f"{where}: {_TOO_MUCH}") from None
    data = {} if data is None else data
    _measure(data, where, count(1))
    _mapping(data, where)
    _check_annotations(data, where)
    params, others = _params(data, where)
    return Manifest(where, str(data.get("name", "")), params, others, MappingProxyType(data))


def _measure(data: object, where: str, counter: Iterator[int], depth: int = 1) -> None:
    """Refuse what aliases make endless or enormous (`a: &a [*a]`): everything else would follow them."""
    if depth > _MOST_DEEP or next(counter) > _MOST_VALUES:
        raise EmbedderError(f"{where}: {_TOO_MUCH}")
    inner = (
        [*data, *data.values()] if isinstance(data, dict) else data if isinstance(data, list | set) else ()
    )
    for item in inner:
        _measure(item, where, counter, depth + 1)


def _params(data: Mapping[str, Any], where: str) -> tuple[dict[str, ParamSpec], dict[str, str]]:
    sections = _mapping(data.get("params"), f"{where}: params")
    params: dict[str, ParamSpec] = {}
    others: dict[str, str] = {}
    for section, rows in sections.items():
        here = f"{where}: params.{section}"
        for name, row in _mapping(rows, here).items():
            spec = _param(str(name), row, f"{here}.{name}")
            if section == "wasm":
                params[spec.key] = spec
            else:
                others[spec.key] = str(section)
    return params, others


def _param(name: str, row: object, where: str) -> ParamSpec:
    keys = _mapping(row, where)
    possible = keys.get("possibleValues") or []
    if not isinstance(possible, list):
        raise EmbedderError(f"{where}.possibleValues: expected a list, found {possible!r}")
    mandatory = keys.get("isMandatory", False)
    if not isinstance(mandatory, bool):
        raise EmbedderError(f"{where}.isMandatory: expected true or false, found {mandatory!r}")
    return ParamSpec(
        key=_text(keys, "key", where) or name,
        default=_text(keys, "defaultValue", where),
        description=_text(keys, "description", where),
        type=_text(keys, "type", where) or _text(keys, "typeHint", where),
        possible=tuple(_scalar(item, f"{where}.possibleValues") for item in possible),
        mandatory=mandatory,
    )


def _check_annotations(data: Mapping[str, Any], where: str) -> None:
    """Make sure that annotations are texts, and turn what YAML took for a number or a boolean into one."""
    for source, row in _mapping(data.get("datasources"), f"{where}: datasources").items():
        here = f"{where}: datasources.{source}"
        _texts(_mapping(row, here), f"{here}.annotations")
        for name, item in _mapping(row.get("fields") if row else None, f"{here}.fields").items():
            _texts(_mapping(item, f"{here}.fields.{name}"), f"{here}.fields.{name}.annotations")


def _texts(row: dict[str, Any], where: str) -> None:
    annotations = _mapping(row.get("annotations"), where)
    for key, value in annotations.items():
        annotations[key] = _scalar(value, f"{where}.{key}")


def _mapping(value: object, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise EmbedderError(f"{where}: expected a mapping, found {value!r}")
    return value


def _text(keys: dict[str, Any], key: str, where: str) -> str:
    return _scalar(keys.get(key), f"{where}.{key}")


def _scalar(value: object, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise EmbedderError(f"{where}: expected a text, found {value!r}")
