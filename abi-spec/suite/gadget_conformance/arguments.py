"""What cases write as arguments, as the universal guest computes them: a slot and a constant to add."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gadget_abi import Abi, EmbedderError, Param

from . import layout
from .memory import MEMORY_END, Area, Data
from .values import MASK, bits_of, bytes_of, is_tagged

__all__ = ["Arguments", "Value"]

Value = tuple[int, int]
"""A slot, 0 for none, and a constant."""

_REFERENCE = re.compile(r"\$(\w+)([+-](?:0x[0-9a-fA-F]+|\d+))?")
_PREDEFINED = {"callback": 1, "source": 2, "data": 3}


@dataclass
class Arguments:
    """The names of a case and the data its arguments point to.

    Args:
        abi: knows the enums.
        data: takes strings and buffers.
        slots: by the name of the result in it.
        buffers: by name.
    """

    abi: Abi
    data: Data = field(default_factory=Data)
    slots: dict[str, int] = field(default_factory=lambda: dict(_PREDEFINED))
    buffers: dict[str, Area] = field(default_factory=dict)

    def slot(self, name: str) -> int:
        """The slot for a result; 0 when it has no name.

        Raises:
            EmbedderError: there are too many.
        """
        if not name:
            return 0
        if name not in self.slots and len(self.slots) + 1 == layout.SLOT_COUNT:
            raise EmbedderError(f"more than {layout.SLOT_COUNT} names")
        return self.slots.setdefault(name, len(self.slots) + 1)

    def buffer(self, name: str) -> Area:
        """A named buffer.

        Raises:
            EmbedderError: there is none of that name.
        """
        if name not in self.buffers:
            raise EmbedderError(f"there is no buffer {name!r}")
        return self.buffers[name]

    def written(self, args: list[Any], before: int) -> Area:
        """The buffer among a call's arguments; those of its own are the areas from number `before` on.

        Raises:
            EmbedderError: there is none.
        """
        found = next(
            (arg for arg in args if isinstance(arg, Mapping) and arg.keys() & {"buffer", "address"}), None
        )
        if found is None:
            raise EmbedderError("`writes` without a buffer among the arguments")
        name = found.get("buffer", found.get("address"))
        if isinstance(name, str):
            return self.buffer(name)
        return next(area for area in self.data.areas[before:] if area.name.startswith("buffer"))

    def value(self, param: Param, arg: Any) -> Value:
        """An argument for a parameter.

        Raises:
            EmbedderError: it cannot be one.
        """
        if isinstance(arg, Mapping):
            return self._pointer(param, arg)
        if not isinstance(arg, str) or _REFERENCE.fullmatch(arg):
            return self.number(arg)
        if self._is_text(param, arg):
            return 0, self.data.add(repr(arg), bytes_of(arg)).packed if arg else 0
        enum = next((enum for enum in self.abi.enums.values() if enum.type == param.type.name), None)
        if enum is None or is_tagged(arg):
            return self.number(arg)
        if arg not in enum.members:
            raise EmbedderError(f"there is no {enum.name} {arg!r}")
        return 0, enum.members[arg]

    @staticmethod
    def _is_text(param: Param, arg: str) -> bool:
        if param.type.name == "value":
            return not is_tagged(arg) or arg.startswith("bytes:")
        return param.type.name in ("string", "bytes")

    def _pointer(self, param: Param, arg: Mapping[str, Any]) -> Value:
        if "string" in arg:
            return 0, self.data.add(repr(arg["string"]), arg["string"].encode()).packed
        if "packed" in arg:
            (slot, address), length = self.number(arg["packed"][0]), bits_of(arg["packed"][1])
            return slot, (length << 32) + address & MASK
        if "buffer" in arg:
            area = self._area(arg["buffer"])
            return 0, area.packed if param.type.core == "i64" else area.address
        return self.number(arg)

    def _area(self, buffer: int | str) -> Area:
        if isinstance(buffer, str):
            return self.buffer(buffer)
        return self.data.add(f"buffer of {buffer} bytes", layout.FILL * buffer)

    def number(self, arg: Any) -> Value:
        """A number, a reference, or an address.

        Raises:
            EmbedderError: it is none of them, or refers to what is not there yet.
        """
        if isinstance(arg, Mapping):
            if "end" in arg:
                return 0, MEMORY_END + arg["end"]
            return 0, self.buffer(arg["address"]).address + arg.get("offset", 0)
        if isinstance(arg, str) and (found := _REFERENCE.fullmatch(arg)):
            if found[1] not in self.slots:
                raise EmbedderError(f"nothing is called ${found[1]} yet")
            return self.slots[found[1]], int(found[2] or "0", 0) & MASK
        return 0, bits_of(arg)
