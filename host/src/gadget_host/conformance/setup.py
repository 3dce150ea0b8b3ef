"""What a case sets up, as this host takes it: data sources, maps, symbols, syscalls, namespaces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..backends import (
    KernelSymbols,
    Map,
    MapOfMaps,
    MapRegistry,
    MapSpec,
    MountNsFilter,
    PerfEventArray,
    SyscallTable,
)
from ..backends.maps import map_type
from ..schema import FieldSchema, SourceSchema

__all__ = ["backends", "source_schema"]

_STATIC = 16  # FieldFlags.StaticMember


def source_schema(data: Mapping[str, Any]) -> SourceSchema:
    """A data source, its structures first."""
    return SourceSchema(data["name"], data["type"], (*_members(data), *_fields(data)))


def _members(data: Mapping[str, Any]) -> Iterator[FieldSchema]:
    for payload, structure in enumerate(data.get("structs", ())):
        for member in structure["members"]:
            yield FieldSchema(
                member["name"],
                member["kind"],
                flags=_STATIC,
                offset=member["offset"],
                size=member["size"],
                payload=payload,
            )


def _fields(data: Mapping[str, Any]) -> Iterator[FieldSchema]:
    return (FieldSchema(item["name"], item["kind"]) for item in data.get("fields", ()))


def backends(setup: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments of Gadget.load for what lies outside the gadget."""
    found: dict[str, Any] = {
        "maps": _maps(setup.get("maps", ())),
        "kallsyms": KernelSymbols(setup.get("kallsyms", ())),
    }
    if "syscalls" in setup:
        found["syscalls"] = SyscallTable(setup["syscalls"])
    if "mntns" in setup:
        found["mntns"] = MountNsFilter(int(inode.partition(":")[2], 0) for inode in setup["mntns"])
    return found


def _maps(maps: Any) -> MapRegistry:
    registry = MapRegistry(cpus=1)
    for item in maps:
        _fill(registry.create(item["name"], inner=_inner(item), **_shape(item)), item, registry)
    return registry


def _shape(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in ("type", "key_size", "value_size", "max_entries") if key in item}


def _inner(item: Mapping[str, Any]) -> MapSpec | None:
    inner = item.get("inner")
    if inner is None:
        return None
    return MapSpec(map_type(inner["type"]), inner["key_size"], inner["value_size"], inner["max_entries"])


def _fill(made: Map, item: Mapping[str, Any], registry: MapRegistry) -> None:
    for digits, value in item.get("entries", {}).items():
        key = bytes.fromhex(digits)
        if isinstance(made, MapOfMaps):
            made.put(key, registry[value.removeprefix("$")])
        else:
            made.put(key, bytes.fromhex(value))
    for record in item.get("records", ()):
        assert isinstance(made, PerfEventArray)
        made.output(bytes.fromhex(record), wait=True)
