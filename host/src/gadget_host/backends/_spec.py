"""What a map is described with: type, sizes, flags, and the errors of the kernel.

Numbers and names come from the ABI table, which has the kernel's (enum bpf_map_type, linux/bpf.h).
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gadget_abi import EmbedderError, load

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = [
    "ANY",
    "EXIST",
    "LOCK",
    "MAP_TYPES",
    "NOEXIST",
    "MapError",
    "MapSpec",
    "Scalar",
    "map_type",
    "pack",
    "round_up",
]

_ABI = load()
MAP_TYPES = dict(_ABI.enums["MapType"].members)
_FLAGS = _ABI.enums["MapFlags"].members
ANY, NOEXIST, EXIST, LOCK = (_FLAGS[name] for name in ("Any", "NoExist", "Exist", "Lock"))
_NUMBERS = {name.lower(): number for name, number in MAP_TYPES.items()}
_NAMES = {number: name for name, number in MAP_TYPES.items()}

Scalar: TypeAlias = "bytes | bytearray | memoryview | int"


class MapError(EmbedderError):
    """An operation the kernel would refuse.

    Args:
        code: the error number bpf(2) gives (``errno.E2BIG`` ...).
        reason: what was wrong.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{reason} ({errno.errorcode[code]})")
        self.code = code


def map_type(type: int | str) -> int:
    """The number of a map type: from it, or from the table's or kernel's name ("LRUHash", "lru_hash").

    Raises:
        EmbedderError: there is no such type.
    """
    if isinstance(type, int):
        if type in _NAMES:
            return type
    elif (number := _NUMBERS.get(type.lower().replace("_", ""))) is not None:
        return number
    raise EmbedderError(f"no map type {type!r}; the types are {', '.join(MAP_TYPES)}")


@dataclass(frozen=True)
class MapSpec:
    """What a map is made from; sizes in bytes.

    Args:
        type: number of the type (``map_type`` finds it by name).
        key_size: bytes of every key.
        value_size: bytes of every value; of a per-CPU map, of the value of one CPU.
        max_entries: the most it holds.
        cpus: number of possible CPUs, which matters to per-CPU maps and perf event arrays.
        inner: what the maps inside a map of maps look like.
        spin_lock: the values hold a ``struct bpf_spin_lock``, so that the flag Lock is allowed.
    """

    type: int
    key_size: int
    value_size: int
    max_entries: int
    cpus: int = 1
    inner: MapSpec | None = None
    spin_lock: bool = False

    @property
    def type_name(self) -> str:
        """The table's name of the type."""
        return _NAMES[self.type]


def round_up(size: int, to: int = 8) -> int:
    """The next multiple of ``to``."""
    return -(-size // to) * to


def pack(value: Scalar, size: int, what: str) -> bytes:
    """An int as ``size`` bytes, little-endian; bytes as they are (the map checks their size)."""
    if not isinstance(value, int):
        return bytes(value)
    try:
        return value.to_bytes(size, "little", signed=value < 0)
    except OverflowError:
        raise EmbedderError(f"{value} does not fit the {size} bytes of a {what}") from None
