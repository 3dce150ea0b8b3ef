"""What the per-CPU forms of a map have in common: a value is one slot of round_up(value_size, 8) bytes per
CPU.

::

    CPU 0                        CPU 1
    +------------+---------+     +------------+---------+
    | value_size | padding |     | value_size | padding | ...
    +------------+---------+     +------------+---------+
    <------ a multiple of 8 ---->
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

from gadget_abi import EmbedderError

from ._map import Map
from ._spec import MapError, MapSpec, Scalar, pack, round_up

__all__ = ["PerCPU"]

_MAX_VALUE = 32 << 10  # PCPU_MIN_UNIT_SIZE


class PerCPU(Map):
    """Mixed into a map type, gives it a value for each possible CPU."""

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """The value of one CPU has to fit the kernel's per-CPU allocator."""
        super().check_spec(spec)
        if round_up(spec.value_size) > _MAX_VALUE:
            raise MapError(
                errno.E2BIG, f"a per-CPU value of {spec.value_size} bytes, at most {_MAX_VALUE} can be"
            )

    @classmethod
    def stored_size_of(cls, spec: MapSpec) -> int:
        """The slots of all CPUs."""
        return round_up(spec.value_size) * spec.cpus

    def per_cpu(self, key: Scalar) -> list[bytes] | None:
        """The values of a key, one of ``value_size`` bytes per CPU; None when there is no such key."""
        slots, step = self.get(key), round_up(self.spec.value_size)
        if slots is None:
            return None
        return [slots[at : at + self.spec.value_size] for at in range(0, len(slots), step)]

    def pack_value(self, value: Scalar | Sequence[Scalar]) -> bytes:
        """All slots: from a sequence with one value per CPU (zeros for the rest), or as bytes."""
        if isinstance(value, bytes | bytearray | memoryview):
            return bytes(value)
        if isinstance(value, int) or len(value) > self.spec.cpus:
            raise EmbedderError(
                f"map {self.name!r} takes a sequence of at most {self.spec.cpus} values, one per CPU"
            )
        slots = (self._slot(one) for one in value)
        return b"".join(slots).ljust(self.stored_size, b"\0")

    def _slot(self, value: Scalar) -> bytes:
        packed = pack(value, self.spec.value_size, f"value of map {self.name!r}")
        if len(packed) != self.spec.value_size:
            raise EmbedderError(
                f"map {self.name!r} has values of {self.spec.value_size} bytes, not {len(packed)}"
            )
        return packed.ljust(round_up(len(packed)), b"\0")
