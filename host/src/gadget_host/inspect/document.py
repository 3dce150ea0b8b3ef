"""What was found out about a gadget, as JSON: data sources as `ig image inspect --show-datasources` prints them.

That is upstream's api.DataSource through Go's encoding/json: numbers for kinds, types and flags, and no key whose
value is zero. gadget_host.streams.inspected reads it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Final

from gadget_abi import load
from gadget_abi.oci import Descriptor, Image, Platform
from gadget_host._manifest import PREFIX
from gadget_host._params import ParamSpec
from gadget_host.inspect.facts import Facts
from gadget_host.schema import USUAL_ANNOTATIONS, FieldSchema, SourceSchema

__all__ = ["data_sources", "document"]

_ENUMS: Final = load().enums
_TYPES: Final = {name.lower(): number for name, number in _ENUMS["SourceType"].members.items()}
_KINDS: Final = _ENUMS["Kind"].members
_HAS_PARENT: Final = _ENUMS["FieldFlags"].members["HasParent"]
_EMPTY: Final = _ENUMS["FieldFlags"].members["Empty"]

Document = dict[str, Any]


def document(facts: Facts) -> Document:
    """All of it; keys without anything to say are left out."""
    manifest = facts.manifest
    return _without_nothing(
        {
            "path": str(facts.path),
            "image": _image(facts.image) if facts.image else None,
            "metadata": dict(manifest.data) if manifest else None,
            "wasm": _module(facts) if facts.module else None,
            "params": [_param(spec) for spec in manifest.params.values()] if manifest else [],
            "dataSources": data_sources(facts),
            "eBPFDataSources": list(facts.made),
            "missingDataSources": list(facts.asked),
            "trouble": facts.trouble,
            "failure": facts.failure,
        }
    )


def _image(image: Image) -> Document:
    return _without_nothing(
        {
            "tags": list(image.tags),
            "digest": image.descriptor.digest,
            "annotations": dict(image.annotations),
            "architectures": [_platform(platform) for platform in image.platforms.values()],
        }
    )


def _platform(platform: Platform) -> Document:
    return {
        "architecture": platform.architecture,
        "digest": platform.manifest.digest,
        "config": _descriptor(platform.config),
        "layers": [_descriptor(layer) for layer in platform.layers],
    }


def _descriptor(part: Descriptor) -> Document:
    return {"mediaType": part.media_type, "digest": part.digest, "size": part.size}


def _module(facts: Facts) -> Document:
    assert facts.module is not None
    assert facts.report is not None
    size, digest = facts.module
    return {
        "size": size,
        "digest": digest,
        "gadgetAPIVersion": facts.report.abi.api_version,
        "upcalls": list(facts.upcalls),
        "releases": list(facts.report.releases),
    }


def _param(spec: ParamSpec) -> Document:
    found = {
        "key": spec.key,
        "fullName": f"{PREFIX}{spec.key}",
        "defaultValue": spec.default,
        "description": spec.description,
        "typeHint": spec.type,
        "possibleValues": list(spec.possible),
        "isMandatory": spec.mandatory,
    }
    return _without_nothing(found)


def data_sources(facts: Facts) -> list[Document]:
    """The data sources as upstream's API describes them."""
    return [_data_source(schema, facts.given.get(schema.name, frozenset())) for schema in facts.sources]


def _data_source(schema: SourceSchema, given: Container[str]) -> Document:
    indexes = {field.name: index for index, field in enumerate(schema.fields)}
    return _without_nothing(
        {
            "name": schema.name,
            "type": _TYPES[schema.type],
            "fields": [
                _field(field, index, indexes, {} if field.name in given else USUAL_ANNOTATIONS)
                for index, field in enumerate(schema.fields)
            ],
            "tags": list(schema.tags),
            "annotations": dict(schema.annotations),
        }
    )


def _field(field: FieldSchema, index: int, indexes: Mapping[str, int], usual: Mapping[str, str]) -> Document:
    # Upstream a structure is a field with a value; here it only groups its members.
    is_structure = field.kind == "Bytes" and bool(field.flags & _EMPTY) and bool(field.size)
    above, _, own = field.name.rpartition(".")
    inside = bool(field.flags & _HAS_PARENT) and above in indexes
    return _without_nothing(
        {
            "name": own if inside else field.name,
            "fullName": field.name,
            "index": index,
            "payloadIndex": field.payload or 0,
            "offs": field.offset,
            "size": field.size,
            "flags": field.flags & ~_EMPTY if is_structure else field.flags,
            "kind": _KINDS[field.kind],
            "tags": list(field.tags),
            "annotations": dict(sorted({**usual, **field.annotations}.items())),
            "parent": indexes[above] if inside else 0,
            "order": index,
        }
    )


def _without_nothing(found: Document) -> Document:
    return {key: value for key, value in found.items() if value not in (None, "", 0, [], {}, False)}
