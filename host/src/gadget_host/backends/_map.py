"""What every eBPF map is, as bpf(2) shows it: sizes, checks, errors, and the two sides it is used from.

A map has a *program side*, which here is Python: whoever plays the eBPF program (or a test) fills and reads
it with ``put``, ``get``, ``items``. And it has a *system call side*, which the guest reaches through
mapLookup, mapUpdate and mapDelete: ``lookup_elem``, ``update_elem``, ``delete_elem`` follow the kernel's
rules for BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM and BPF_MAP_DELETE_ELEM and fail with its error numbers.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from itertools import count
from typing import ClassVar

from gadget_abi import EmbedderError

from ._spec import ANY, EXIST, LOCK, MapError, MapSpec, Scalar, pack, round_up

__all__ = ["Map"]

_NUMBERS = count(1)


class Map:
    """A map; the subclasses know how their type stores and refuses. Created by ``MapRegistry.create``."""

    #: False for types whose values are file descriptors the ABI keeps from guests, and for ring buffers.
    accessible: ClassVar[bool] = True

    def __init__(self, name: str, spec: MapSpec) -> None:
        self.name, self.spec = name, spec
        self.number = next(_NUMBERS)
        """What the kernel would call it (its id)."""
        self.stored_size = self.stored_size_of(spec)
        self.memory = self.memory_of(spec)

    # ------------------------------------------------------------------------------------------- creation

    @classmethod
    def check_spec(cls, spec: MapSpec) -> None:
        """Raise MapError(EINVAL, E2BIG) for sizes with which the kernel would not create this type."""

    @classmethod
    def fix_spec(cls, spec: MapSpec) -> MapSpec:
        """Fill in what upstream's library does (cilium/ebpf, MapSpec.fixupMagicFields)."""
        return spec

    @classmethod
    def stored_size_of(cls, spec: MapSpec) -> int:
        """Bytes a look-up gives: value_size, or for per-CPU maps round_up(value_size, 8) for each CPU."""
        return spec.value_size

    @classmethod
    def memory_of(cls, spec: MapSpec) -> int:
        """Bytes the kernel would set aside, roughly, when it creates such a map."""
        return spec.max_entries * (round_up(spec.key_size) + round_up(cls.stored_size_of(spec)))

    # ------------------------------------------------------------------------------ the system call side

    def lookup_elem(self, key: bytes) -> bytes:
        """The ``stored_size`` bytes of a key. Raises MapError: ENOENT, EINVAL (size of the key)."""
        raise self._unsupported("look up")

    def update_elem(self, key: bytes, value: bytes, flags: int = ANY) -> None:
        """Store ``stored_size`` bytes under a key.

        Raises:
            MapError: EINVAL (flags, sizes), EEXIST, ENOENT, E2BIG (full, or an index beyond the end).
        """
        raise self._unsupported("update")

    def delete_elem(self, key: bytes) -> None:
        """Remove a key. Raises MapError: ENOENT, EINVAL where the type does not delete."""
        raise self._unsupported("delete")

    def _unsupported(self, operation: str) -> MapError:
        return MapError(errno.EOPNOTSUPP, f"a map of type {self.spec.type_name} does not {operation}")

    # --------------------------------------------------------------------------------- the program side

    def get(self, key: Scalar) -> bytes | None:
        """The value of a key as a look-up gives it, None when there is none; ints are little-endian."""
        try:
            return self.lookup_elem(self.pack_key(key))
        except MapError as error:
            if error.code == errno.ENOENT:
                return None
            raise

    def put(self, key: Scalar, value: Scalar | Sequence[Scalar], flags: int = ANY) -> None:
        """Set the value of a key: bytes or an int (little-endian), for per-CPU maps one per CPU."""
        self.update_elem(self.pack_key(key), self.pack_value(value), flags)

    def keys(self) -> Iterator[bytes]:
        """Every key, in no order to rely on."""
        return iter(())

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Every key with its value."""
        return ((key, self.lookup_elem(key)) for key in self.keys())

    def __getitem__(self, key: Scalar) -> bytes:
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Scalar, value: Scalar | Sequence[Scalar]) -> None:
        self.put(key, value)

    def __delitem__(self, key: Scalar) -> None:
        try:
            self.delete_elem(self.pack_key(key))
        except MapError as error:
            raise KeyError(key) if error.code == errno.ENOENT else error from None

    def __contains__(self, key: Scalar) -> bool:
        return self.get(key) is not None

    def __iter__(self) -> Iterator[bytes]:
        return self.keys()

    def __len__(self) -> int:
        return sum(1 for _ in self.keys())

    def __bool__(self) -> bool:
        return True  # an empty map is a map

    def __repr__(self) -> str:
        spec = self.spec
        sizes = f"{spec.key_size} -> {spec.value_size}, {spec.max_entries} entries"
        return f"<{spec.type_name} map {self.name!r}: {sizes}>"

    def pack_key(self, key: Scalar) -> bytes:
        """A key as bytes of the map's size."""
        return pack(key, self.spec.key_size, f"key of map {self.name!r}")

    def pack_value(self, value: Scalar | Sequence[Scalar]) -> bytes:
        """A value as bytes of the map's size."""
        if not isinstance(value, bytes | bytearray | memoryview | int):
            raise EmbedderError(
                f"map {self.name!r} takes bytes or an int as value, not {type(value).__name__}"
            )
        return pack(value, self.stored_size, f"value of map {self.name!r}")

    # ------------------------------------------------------------------------------- for the subclasses

    def _check_key(self, key: bytes) -> None:
        if len(key) != self.spec.key_size:
            raise MapError(
                errno.EINVAL, f"a key of {len(key)} bytes, map {self.name!r} has {self.spec.key_size}"
            )

    def _check_value(self, value: bytes) -> None:
        if len(value) != self.stored_size:
            raise MapError(
                errno.EINVAL, f"a value of {len(value)} bytes, map {self.name!r} has {self.stored_size}"
            )

    def _check_flags(self, flags: int) -> None:
        """Refuse what no keyed map takes; Lock wants a spin lock in the value."""
        if flags & LOCK and not self.spec.spin_lock:
            raise MapError(errno.EINVAL, f"the values of map {self.name!r} hold no spin lock")
        if flags & ~LOCK > EXIST:
            raise MapError(errno.EINVAL, f"no such update flags: {flags}")
