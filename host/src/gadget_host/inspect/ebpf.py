"""The data sources that an eBPF program makes, read from the types in its object.

A program declares them by names of variables (upstream's include/gadget/macros.h):

    gadget_tracer_<source>___<map>___<structure>              events, one by one
    gadget_iter_<source>___<structure>___<program>...         rows, collected by programs (also gadget_snapshotter_)
    gadget_mapiter_<source>___<map>                           rows: the map's keys and values

The fields are those upstream makes of the structure's members (pkg/operators/ebpf/struct.go). What ig's other operators
add to them, such as names of errors, times as text, and containers, is not in the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Final

from gadget_abi import EmbedderError, load
from gadget_host.inspect.btf import BtfType, TypeKind, read_types
from gadget_host.schema import FieldSchema, SourceSchema, SourceType

__all__ = ["ebpf_sources"]

_FLAGS: Final = load().enums["FieldFlags"].members
_TRACER, _MAP_ITERATOR = "gadget_tracer_", "gadget_mapiter_"
_ITERATORS: Final = ("gadget_iter_", "gadget_snapshotter_")
_DEEPEST, _MOST_FIELDS = 32, 10_000
_ALIASES: Final = (TypeKind.TYPEDEF, TypeKind.VOLATILE, TypeKind.CONST)
_HIDDEN: Final = ("gadget_process", "gadget_creds", "gadget_parent")


def ebpf_sources(data: bytes) -> list[SourceSchema]:
    """The sources an eBPF object declares, in its order.

    Raises:
        EmbedderError: it cannot be read, or declares what is not there.
    """
    return list(_Object(read_types(data)).sources())


class _Object:
    """The types of an object."""

    def __init__(self, types: Sequence[BtfType]) -> None:
        self._types = types
        self._named = {(type.kind, type.name): n for n, type in enumerate(types)}

    def sources(self) -> Iterator[SourceSchema]:
        for type in self._types:
            if type.kind is not TypeKind.VAR:
                continue
            if type.name.startswith(_TRACER):
                name, _, structure = self._split(type.name, _TRACER, 3)
                yield self._source(name, "single", [self._structure(structure)])
            elif type.name.startswith(_ITERATORS):
                prefix = next(prefix for prefix in _ITERATORS if type.name.startswith(prefix))
                name, structure, *_ = self._split(type.name, prefix, 3)
                yield self._source(name, "array", [self._structure(structure)])
            elif type.name.startswith(_MAP_ITERATOR):
                name, map_name = self._split(type.name, _MAP_ITERATOR, 2)
                yield self._source(name, "array", self._key_and_value(map_name))

    def _split(self, name: str, prefix: str, least: int) -> list[str]:
        parts = name.removeprefix(prefix).split("___")
        if len(parts) < least or not all(parts):
            raise EmbedderError(f"the eBPF object declares {name!r}, which is no data source")
        return parts

    def _structure(self, name: str) -> int:
        try:
            return self._named[TypeKind.STRUCT, name]
        except KeyError:
            raise EmbedderError(
                f"the eBPF object has no structure {name!r}, which its events should be"
            ) from None

    def _key_and_value(self, map_name: str) -> list[int]:
        """A map is a variable: a structure of pointers to the types of its keys and values."""
        variable = self._types[self._named.get((TypeKind.VAR, map_name), 0)]
        members = {member.name: member.type for member in self._at(variable.target).members}
        found = [self._at(members.get(name, 0)).target for name in ("key", "value")]
        if any(self._at(number).kind is not TypeKind.STRUCT for number in found):
            raise EmbedderError(f"the eBPF object has no map {map_name!r} of structures")
        return found

    def _source(self, name: str, type: SourceType, structures: Sequence[int]) -> SourceSchema:
        found = (self._fields(number, "", 0, payload, 0) for payload, number in enumerate(structures))
        fields = tuple(islice(chain.from_iterable(found), _MOST_FIELDS + 1))
        if len(fields) > _MOST_FIELDS:
            raise EmbedderError(
                f"data source {name!r} of the eBPF object has more than {_MOST_FIELDS} fields"
            )
        return SourceSchema(name, type, fields)

    def _fields(
        self, number: int, prefix: str, offset: int, payload: int, depth: int
    ) -> Iterator[FieldSchema]:
        if depth > _DEEPEST:
            raise EmbedderError(f"structures of the eBPF object are nested more than {_DEEPEST} deep")
        flags = _FLAGS["StaticMember"] | (_FLAGS["HasParent"] if prefix else 0)
        for member in self._at(number).members:
            kind, size, names = self._kind(member.type)
            if member.name.startswith("__") or not member.name or not size or member.bits:
                continue  # as upstream, which shows a bit field's whole byte, though
            is_structure = self._at(member.type).kind is TypeKind.STRUCT
            hidden = {"columns.hidden": "true"} if set(names) & set(_HIDDEN) else {}
            tags = (*(f"type:{name}" for name in names), f"name:{member.name}", "src:ebpf")
            at = offset + member.offset
            own = flags | (_FLAGS["Empty"] if is_structure else 0) | (_FLAGS["Hidden"] if hidden else 0)
            yield FieldSchema(prefix + member.name, kind, hidden, tags, own, at, size, payload)
            if is_structure:
                yield from self._fields(member.type, f"{prefix}{member.name}.", at, payload, depth + 1)

    def _kind(self, number: int) -> tuple[str, int, list[str]]:
        """Kind, size and names of a type; size 0 for what ig leaves out."""
        first = type = self._at(number)
        names = [type.name] if type.name else []
        for _ in range(_DEEPEST):
            if type.kind not in _ALIASES:
                break
            type = self._at(type.target)
            names += [type.name] if type.name else []
        if type.kind in (TypeKind.STRUCT, TypeKind.UNION):
            # Of a union, ig shows the members as well; here they would overlap.
            return "Bytes", type.target if type is first else 0, names
        if type.kind is TypeKind.ARRAY:
            kind, size, inner = self._kind(type.element)
            is_text = kind == "Int8" and "char" in inner
            return "CString" if is_text else "Bytes", type.count * size, [*names, *inner]
        return *_scalar(type), names

    def _at(self, number: int) -> BtfType:
        if number >= len(self._types):
            raise EmbedderError("the eBPF object's types refer to one that is not there")
        return self._types[number]


def _scalar(type: BtfType) -> tuple[str, int]:
    size = type.target
    if type.kind is TypeKind.FLOAT and size in (4, 8):
        return f"Float{size * 8}", size
    if type.kind is TypeKind.INT and type.encoding & 4:
        return "Bool", 1
    if type.kind in (TypeKind.INT, TypeKind.ENUM) and size in (1, 2, 4, 8):
        return f"{'Int' if type.encoding & 1 else 'Uint'}{size * 8}", size
    return "Bytes", 0
