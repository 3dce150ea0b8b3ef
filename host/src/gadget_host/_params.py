"""One parameter of a gadget and the values it takes. Source of the types: upstream's pkg/params."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gadget_abi import EmbedderError

__all__ = ["ParamSpec"]


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A parameter of the gadget.

    Args:
        key: how the guest asks for it.
        default: its value when none is given.
        description: for people.
        type: "bool", "int32", "duration", ...; "" is any text.
        possible: the only values allowed, if any are named.
        mandatory: there must be a value.
    """

    key: str
    default: str = ""
    description: str = ""
    type: str = ""
    possible: tuple[str, ...] = ()
    mandatory: bool = False

    def check(self, value: str) -> None:
        """Raise EmbedderError unless `value` may be given."""
        if self.possible and value not in self.possible:
            raise EmbedderError(f"parameter {self.key!r}: {value!r} is none of {', '.join(self.possible)}")
        if value and self.type in _CHECKS and not _CHECKS[self.type](value):
            raise EmbedderError(f"parameter {self.key!r}: {value!r} is not of type {self.type}")


_BOOLEANS: Final = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
_NUMBER: Final = r"(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)"
_DURATION: Final = re.compile(rf"[-+]?({_NUMBER})+|0", re.ASCII)


def _integer(low: int, high: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        return re.fullmatch(r"[-+]?[0-9]+", text, re.ASCII) is not None and low <= int(text) <= high

    return check


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text and text == text.strip()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "bool": _BOOLEANS.__contains__,
    **{f"int{bits}": _integer(-(1 << (bits - 1)), (1 << (bits - 1)) - 1) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": _integer(0, (1 << bits) - 1) for bits in (8, 16, 32, 64)},
    "int": _integer(-(1 << 63), (1 << 63) - 1),
    "uint": _integer(0, (1 << 64) - 1),
    "float32": _is_float,
    "float64": _is_float,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
    "ip": _is_address,
}
