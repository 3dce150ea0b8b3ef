"""The source text of the functions that `rows` makes for a layout: one statement per field.

Values are called v0, v1, ... in the order of the leaves; e is an event, d bytes, a an offset in them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .schema import WIDTHS
from .values import FORMATS, ZEROS

__all__ = ["Leaf", "Slot", "compile_text", "completer", "copier", "decoder", "encoder", "setter", "tree_of"]


class _OddError(Exception):
    """Raised by an encoder for an event that it does not take."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of an event: the field's full name, the keys that lead to it, its kind.

    `size` is that of a static member, 0 for the fields that have their slot to themselves.
    """

    name: str
    path: tuple[str, ...]
    kind: str
    offset: int = 0
    size: int = 0

    @property
    def is_text(self) -> bool:
        """Whether its value is a str."""
        return self.kind in ("String", "CString")

    @property
    def is_scalar(self) -> bool:
        """Whether its value is a number or a bool."""
        return self.kind in WIDTHS


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot of a row: its bytes, 0 when they vary, and the values in it; none when no event shows it.

    `inside` are values in the bytes of others, as in a union: events show them, and rows are made of the others.
    """

    width: int
    leaves: tuple[Leaf, ...]
    inside: tuple[Leaf, ...] = ()

    @property
    def all_leaves(self) -> tuple[Leaf, ...]:
        """Every value that events show."""
        return self.leaves + self.inside

    @property
    def blank(self) -> int:
        """Bytes it has in data that a guest makes."""
        return 0 if self.leaves and self.leaves[0].size else self.width


Tree: TypeAlias = "dict[str, Leaf | Tree]"


def tree_of(leaves: Sequence[Leaf]) -> Tree:
    """The shape of an event."""
    root: Tree = {}
    for leaf in leaves:
        group = root
        for key in leaf.path[:-1]:
            below = group.setdefault(key, {})
            assert isinstance(below, dict), f"{leaf.name} lies below a value"
            group = below
        group[leaf.path[-1]] = leaf
    return root


def compile_text(text: str, source: str) -> dict[str, Any]:
    """Run the text; the functions it defines, by name."""
    names: dict[str, Any] = {"Odd": _OddError, "Struct": struct.Struct, "float32": _float32}
    exec(compile(text, f"<rows of {source!r}>", "exec"), names)
    return names


_float32_struct: Final = struct.Struct("<f")


def _float32(value: float) -> float:
    unpacked: float = _float32_struct.unpack(_float32_struct.pack(value))[0]
    return unpacked


def encoder(name: str, slots: Sequence[Slot], *, checked: bool) -> str:
    """A function from an event to its row; ``checked``: it raises for values that are not canonical."""
    leaves = _leaves_of(slots)
    if checked and any(slot.inside for slot in slots):
        return _def(f"{name}(e)", ["raise Odd"])  # the event may contradict itself
    values = {leaf.name: f"v{number}" for number, leaf in enumerate(leaves)}
    lines = list(_getters(tree_of(leaves), values, checked=checked))
    if checked:
        lines += _checks(leaves, values)
    for leaf in leaves:
        if leaf.is_text:
            value = values[leaf.name]
            lines.append(f"{value} = {value}.encode({'' if checked else _UTF8})")
            if checked and leaf.size:
                lines.append(f"if len({value}) > {leaf.size}: raise Odd")
    packings = [_packing(slot, values) for slot in slots]
    formats = "".join(letters for letters, _ in packings)
    packed = f"pack({', '.join(argument for _, arguments in packings for argument in arguments)})"
    rest = [values[slot.leaves[0].name] for slot in slots if slot.leaves and not slot.width]
    lines.append(f"return b''.join(({packed}, {', '.join(rest)},))" if rest else f"return {packed}")
    return _def(f"{name}(e, pack=Struct('<{formats}').pack)", lines)


_UTF8 = "'utf-8', 'surrogateescape'"


def _getters(tree: Tree, values: Mapping[str, str], *, checked: bool, group: str = "e") -> Iterator[str]:
    """Statements that fetch every value; checked: that refuse an event with another number of keys."""
    if checked:
        yield f"if len({group}) != {len(tree)}: raise Odd"
    for key, below in tree.items():
        if isinstance(below, dict):
            inner = f"{group}_{list(tree).index(key)}"
            yield f"{inner} = {group}[{key!r}]"
            yield from _getters(below, values, checked=checked, group=inner)
        else:
            yield f"{values[below.name]} = {group}[{key!r}]"


def _checks(leaves: Sequence[Leaf], values: Mapping[str, str]) -> Iterator[str]:
    """Statements that refuse what struct would take although it is no value of the kind."""
    types = {"Bool": "bool", "Float32": "float", "Float64": "float", "Bytes": "bytes", "Invalid": "bytes"}
    by_type: dict[str, list[str]] = {}
    for leaf in leaves:
        by_type.setdefault("str" if leaf.is_text else types.get(leaf.kind, "int"), []).append(
            values[leaf.name]
        )
    for name, found in by_type.items():
        if name != "str":  # encode() refuses the others
            yield f"if not ({' is '.join(f'type({value})' for value in found)} is {name}): raise Odd"
    for leaf in leaves:
        value = values[leaf.name]
        if leaf.kind == "Float32":
            yield f"if float32({value}) != {value}: raise Odd"
        elif leaf.kind == "CString" or (leaf.kind == "String" and leaf.size):
            yield f"if '\\0' in {value}: raise Odd"
        elif not leaf.is_scalar and not leaf.is_text and leaf.size:
            yield f"if len({value}) != {leaf.size}: raise Odd"


def _packing(slot: Slot, values: Mapping[str, str]) -> tuple[str, list[str]]:
    """The struct format of a slot's fixed part and the arguments for it."""
    if not slot.leaves:
        return (f"{slot.width}x", []) if slot.width else ("I", ["0"])
    if not slot.width:
        return "I", [f"len({values[slot.leaves[0].name]})"]
    text, at = "", 0
    for leaf in slot.leaves:
        assert leaf.offset >= at, f"{leaf.name} overlaps another member"
        text += f"{leaf.offset - at}x" if leaf.offset > at else ""
        text += FORMATS.get(leaf.kind, f"{leaf.size}s")
        at = leaf.offset + (leaf.size or slot.width)
    return text + (f"{slot.width - at}x" if slot.width > at else ""), [
        values[leaf.name] for leaf in slot.leaves
    ]


def decoder(slots: Sequence[Slot]) -> str:
    """A function from a row of these slots to its event and its end; it calls `setter`'s for slots with more inside."""
    values = {leaf.name: f"v{number}" for number, leaf in enumerate(_leaves_of(slots))}
    formats, targets, rest, unions = "", [], [], []
    for number, slot in enumerate(slots):
        if slot.inside:
            start = struct.calcsize("<" + formats)
            unions.append(f"set_{number}(e, d[s + {start}:s + {start + slot.width}])")
        formats += _packing(slot, values)[0]
        if slot.width:
            targets += [values[leaf.name] for leaf in slot.leaves]
        else:
            targets.append(f"n{number}")
            rest.append((f"n{number}", slot))
    lines = [f"{''.join(f'{target}, ' for target in targets)} = unpack(d, a)"] if targets else []
    lines += ["s = a"] if unions else []
    lines.append(f"a += {struct.calcsize('<' + formats)}")
    for length, slot in rest:
        if slot.leaves:
            lines.append(f"{values[slot.leaves[0].name]} = d[a:a + {length}]")
        lines.append(f"a += {length}")
    shown = tree_of([leaf for slot in slots for leaf in slot.all_leaves])
    lines += [f"e = {_literal(shown, values)}", *unions, "complete(e)", "return e, a"]
    return _def(f"whole(d, a, unpack=Struct('<{formats}').unpack_from)", lines)


def _leaves_of(slots: Sequence[Slot]) -> list[Leaf]:
    return [leaf for slot in slots for leaf in slot.leaves]


def _literal(tree: Tree, values: Mapping[str, str]) -> str:
    """A dict display of an event, from the variables with the raw values."""
    parts = []
    for key, below in tree.items():
        if isinstance(below, dict):
            inner = _literal(below, values)
        else:  # what has no variable is set later
            inner = _value(below, values[below.name]) if below.name in values else "None"
        parts.append(f"{key!r}: {inner}")
    return f"{{{', '.join(parts)}}}"


def _value(leaf: Leaf, raw: str) -> str:
    """An expression that makes a value of what unpack, or a slice, gave."""
    if leaf.kind == "Bool":
        return f"{raw} == 1"
    if leaf.kind == "CString":
        return f"{raw}.partition(b'\\0')[0].decode({_UTF8})"
    if leaf.kind == "String":
        return f"{raw}.rstrip(b'\\0').decode({_UTF8})" if leaf.size else f"{raw}.decode({_UTF8})"
    return raw


def setter(number: int, slot: Slot) -> str:
    """Puts the values in a slot's bytes ``d`` into the event ``e``."""
    lines = []
    for index, leaf in enumerate(slot.all_leaves):
        raw = "d"
        if leaf.is_scalar:
            raw = f"s_{index}(d, {leaf.offset})[0]"
        elif leaf.size:
            raw = f"d[{leaf.offset}:{leaf.offset + leaf.size}]"
        lines.append(f"e{''.join(f'[{key!r}]' for key in leaf.path)} = {_value(leaf, raw)}")
    defaults = "".join(
        f", s_{index}=Struct('<{FORMATS[leaf.kind]}').unpack_from"
        for index, leaf in enumerate(slot.all_leaves)
        if leaf.is_scalar
    )
    return _def(f"set_{number}(e, d{defaults})", lines)


def copier(leaves: Sequence[Leaf]) -> str:
    """A function that copies an event with its inner dicts."""

    def copy(group: str, tree: Tree) -> str:
        groups = [(key, below) for key, below in tree.items() if isinstance(below, dict)]
        inner = (f", {key!r}: {copy(f'{group}[{key!r}]', below)}" for key, below in groups)
        return f"{{**{group}{''.join(inner)}}}"

    return _def("copy(e)", [f"return {copy('e', tree_of(leaves))}"])


def completer(leaves: Sequence[Leaf]) -> str:
    """A function that adds these fields' zero values to an event."""
    lines = []
    for leaf in leaves:
        groups = "".join(f".setdefault({key!r}, {{}})" for key in leaf.path[:-1])
        lines.append(f"e{groups}[{leaf.path[-1]!r}] = {ZEROS[leaf.kind]!r}")
    return _def("complete(e)", lines)


def _def(head: str, lines: Sequence[str]) -> str:
    return f"def {head}:\n" + "".join(f"    {line}\n" for line in lines or ["pass"])
