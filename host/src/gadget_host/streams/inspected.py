"""Schemas from a file beside the stream: what `ig image inspect --show-datasources -o json` prints.

That is upstream's `[]*api.DataSource` through Go's encoding/json: keys as in its protobuf messages (`name`,
`fullName`, `offs`, `payloadIndex`, `kind`, ...), enums as numbers, and no key whose value is zero. A file of
schema lines does as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import orjson

from gadget_abi import EmbedderError, load
from gadget_host.schema import (
    SCHEMA_KEY,
    FieldSchema,
    Keys,
    SourceSchema,
    SourceType,
    kind_name,
    schema_from_json,
)

__all__ = ["ARRAY_KIND", "read_schema_file", "schema_from_inspect"]

ARRAY_KIND: Final = 0x10000000
"""Bit of a kind that makes it an array of that kind (upstream `api.KindFlagArray`)."""

_FLAGS: Final = load().enums["FieldFlags"].members
_TYPES: Final = {number: name.lower() for name, number in load().enums["SourceType"].members.items()}


def read_schema_file(path: str) -> tuple[list[SourceSchema], list[str]]:
    """The data sources a file describes, and notes about fields that had to be left out.

    Raises:
        EmbedderError: it cannot be read, is not JSON, or describes no data source.
    """
    try:
        text = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise EmbedderError(f"cannot read {path}: {error.strerror}") from None
    notes: list[str] = []
    schemas = [_one(item, path, notes) for item in _items(text, path)]
    if not schemas:
        raise EmbedderError(f"{path}: describes no data source")
    return schemas, notes


def _items(text: bytes, path: str) -> Iterator[Any]:
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        yield from _schema_lines(text, path, error)
        return
    if isinstance(data, dict):
        data = data.get("dataSources", [data])  # the whole GadgetInfo does as well
    if not isinstance(data, list):
        raise EmbedderError(f"{path}: expected a list of data sources, found {type(data).__name__}")
    yield from data


def _schema_lines(text: bytes, path: str, error: orjson.JSONDecodeError) -> Iterator[Any]:
    found = False
    for line in text.splitlines():
        if SCHEMA_KEY.encode() in line:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                break
            found = True
    if not found:
        raise EmbedderError(f"{path}: not JSON: {error}")


def _one(item: Any, path: str, notes: list[str]) -> SourceSchema:
    if isinstance(item, dict) and ("source" in item or SCHEMA_KEY in item):
        return schema_from_json(item, path)
    return schema_from_inspect(item, path, notes)


def schema_from_inspect(data: Any, where: str, notes: list[str]) -> SourceSchema:
    """One data source of upstream's description.

    Members of structures keep offset, size and payload; a field that only groups others gets the flag Empty;
    raw bytes (kind 0) become Bytes; unreferenced fields and, with a note, fields of array kinds are left out.

    Raises:
        EmbedderError: naming `where` and what is wrong.
    """
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise EmbedderError(f"{where}: not a data source as `ig image inspect --show-datasources` prints it")
    where = f"{where}: data source {data['name']!r}"
    source = Keys(data, where)
    rows = [Keys(row, f"{where}: fields[{n}]") for n, row in enumerate(source.get("fields", list, []))]
    parents = {_number(row, "parent") for row in rows if _number(row, "flags") & _FLAGS["HasParent"]}
    ordered = sorted(rows, key=lambda row: _number(row, "index"))
    fields = [field for row in ordered if (field := _field(row, parents, where, notes))]
    return SourceSchema(
        data["name"],
        _source_type(source.get("type", int, 1), where),
        tuple(fields),
        source.texts("annotations"),
        source.strings("tags"),
    )


def _number(row: Keys, key: str) -> int:
    """A number; none stands for 0, as in Go's JSON."""
    number: int = row.get(key, int, 0)
    return number


def _source_type(number: int, where: str) -> SourceType:
    name = _TYPES.get(number)
    if name in ("single", "array"):
        return cast(SourceType, name)
    raise EmbedderError(f"{where}: 'type' is {number!r}, must be one of {_TYPES}")


def _field(row: Keys, parents: set[int], where: str, notes: list[str]) -> FieldSchema | None:
    name, number, flags = (
        row.data.get("fullName") or row.data.get("name"),
        _number(row, "kind"),
        _number(row, "flags"),
    )
    if not isinstance(name, str) or not name:
        raise EmbedderError(f"{where}: a field has no 'fullName'")
    where = f"{where}: field {name!r}"
    if flags & _FLAGS["Unreferenced"]:
        return None
    try:
        kind = kind_name(number & ~ARRAY_KIND)
        if number & ARRAY_KIND:
            notes.append(f"{where} is an array of {kind}; it is left out")
            return None
        if _number(row, "index") in parents:  # a structure is shown through its members
            flags |= _FLAGS["Empty"]
        elif kind == "Invalid":
            kind = "Bytes"
        return FieldSchema(
            name,
            kind,
            row.texts("annotations"),
            row.strings("tags"),
            flags,
            _number(row, "offs"),
            _number(row, "size"),
            _number(row, "payloadIndex"),
        )
    except EmbedderError as error:
        raise EmbedderError(f"{where}: {error}") from None
