"""What was found out about a gadget, for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gadget_abi import load
from gadget_abi.commands.text import colour, columns, listing, paragraph, printable, section
from gadget_abi.oci import Image, Platform
from gadget_abi.oci.names import CREATED, EBPF, WASM
from gadget_host._params import ParamSpec
from gadget_host.inspect.facts import Facts
from gadget_host.schema import FieldSchema, SourceSchema

__all__ = ["NOT_SHOWN", "text"]

_FLAGS: Final = load().enums["FieldFlags"].members
_LAYERS: Final = {WASM: "wasm", EBPF: "eBPF"}

NOT_SHOWN: Final = (
    "What ig adds to the sources of eBPF programs: times and errors as text, users, containers, and how its own types "
    "are shown. `ig image inspect NAME --show-datasources -o json` prints all of it, and --schema takes that."
)


def text(facts: Facts) -> str:
    """Several lines, to be printed."""
    return "\n".join(_lines(facts))


def _lines(facts: Facts) -> Iterator[str]:
    manifest = facts.manifest
    yield colour(printable((manifest and manifest.name) or facts.path.name), "bold")
    if manifest and (description := manifest.data.get("description")):
        yield paragraph(printable(str(description)), first="  ")
    if facts.image:
        yield from section("image", columns(list(_image(facts.image))))
        yield from section("architectures", columns(list(_architectures(facts.image))))
    yield from section("module", columns(list(_module(facts))))
    yield from section("upcalls", [listing(map(printable, facts.upcalls))] if facts.upcalls else [])
    if manifest:
        yield from section("parameters", columns([_param(spec) for spec in manifest.params.values()]))
    for source in facts.sources:
        yield from _source(source, "of its eBPF program" if source.name in facts.made else "")
    yield from section("asked for, and made by others", columns([(printable(n), "") for n in facts.asked]))
    if facts.failure:
        yield from section("gadgetInit", [paragraph(printable(facts.failure, 2000), first="  ")])
    if facts.trouble:
        yield from section("eBPF object", [paragraph(printable(facts.trouble), first="  ")])
    if facts.lacks_fields:
        yield from section("not shown", [paragraph(NOT_SHOWN, first="  ")])


def _image(image: Image) -> Iterator[tuple[str, str]]:
    for tag in image.tags:
        yield "name", printable(tag)
    yield "digest", image.descriptor.digest
    for key, value in image.annotations.items():
        if key != CREATED and value:
            yield printable(key.removeprefix("org.opencontainers.image.")), printable(value)
    yield "created", printable(image.annotations.get(CREATED, "not said"))


def _architectures(image: Image) -> Iterator[tuple[str, str]]:
    for platform in image.platforms.values():
        yield printable(platform.architecture), ", ".join(_layers(platform)) or "no layers"


def _layers(platform: Platform) -> Iterator[str]:
    for layer in platform.layers:
        kind = _LAYERS.get(layer.media_type) or printable(layer.media_type)
        yield f"{kind} {_size(layer.size)}"


def _module(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.module is None or facts.report is None:
        yield "none", "the gadget is an eBPF program only"
        return
    size, digest = facts.module
    yield "size", _size(size)
    yield "digest", digest
    yield "API version", str(facts.report.abi.api_version)
    yield "releases", facts.report.verdict
    for problem in facts.report.problems[:20]:
        yield "", printable(str(problem))


def _param(spec: ParamSpec) -> tuple[str, ...]:
    default = f"= {spec.default}" if spec.default else "needed" if spec.mandatory else ""
    possible = f" ({', '.join(spec.possible)})" if spec.possible else ""
    cells = (spec.key, spec.type, default, f"{spec.description}{possible}")
    return tuple(map(printable, cells))


def _source(schema: SourceSchema, whose: str) -> Iterator[str]:
    about = [f"{key}={value}" for key, value in schema.annotations.items()]
    yield ""
    yield colour(
        ", ".join(filter(None, [f"data source {printable(schema.name)}", schema.type, whose])), "bold"
    )
    if about:
        yield listing(map(printable, about))
    yield from columns([_field(field) for field in schema.fields])


def _field(field: FieldSchema) -> tuple[str, ...]:
    flags = [name for name, bit in _FLAGS.items() if field.flags & bit]
    notes = [field.annotations.get("description", "")]
    notes += [f"{key}={value}" for key, value in field.annotations.items() if key != "description"]
    return (
        printable(field.name),
        field.kind,
        ", ".join(flags),
        printable("; ".join(filter(None, [*notes, *_tags(field)])), 1000),
    )


def _tags(field: FieldSchema) -> list[str]:
    """Those that say more than name and kind do; of a field's types in C, the one it was declared with."""
    types = [tag for tag in field.tags if tag.startswith("type:")]
    return types[:1] + [tag for tag in field.tags if not tag.startswith(("type:", "name:", "src:"))]


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size:,} bytes"
