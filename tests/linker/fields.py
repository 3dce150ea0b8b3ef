"""Hosts of the three link families over the same fields: each answers the same, in its own way."""

from __future__ import annotations

from typing import Any

import wasmtime

from tests.linker.host import Host

__all__ = ["DATA", "HOSTS", "FieldHost", "MallocHost"]

DATA = 7
"""The handle of the one data element there is."""

WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 2, 8: 4, 9: 8, 10: 4, 11: 8}
SIGNED = range(2, 6)
BOOL, STRING, BYTES = 1, 12, 14
DEADLINE_EXCEEDED = 2


class FieldHost(Host):
    """Fields by handle, read and written as ig does, perf records, and the name of one system call.

    `fields` are bytes; `cstrings` the handles of those declared CString.
    """

    def __init__(self, wasm: bytes, **settings: Any) -> None:
        self.fields: dict[int, bytes] = {}
        self.cstrings: set[int] = set()
        self.records: list[bytes] = []
        self.syscalls = {257: b"openat"}
        super().__init__(wasm, **settings)

    def raw(self, field: int, data: int) -> bytes | None:
        """The bytes of a field, None where the host has an error."""
        return self.fields.get(field) if data == DATA else None

    def scalar(self, field: int, data: int, kind: int) -> int | None:
        """A scalar in 64 bits, None where the host has an error."""
        raw = self.raw(field, data)
        if raw is None or len(raw) != WIDTHS.get(kind):
            return None
        if kind == BOOL:
            return int(raw == b"\1")
        return int.from_bytes(
            raw.ljust(8, b"\xff" if kind in SIGNED and raw[-1] & 0x80 else b"\0"), "little", signed=True
        )

    def set(self, field: int, data: int, kind: int, value: int) -> bool:
        """Write a field; False where the host has an error."""
        old = self.raw(field, data)
        if old is None or len(old) != WIDTHS.get(kind, len(old)):
            return False
        number = (value & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little")
        self.fields[field] = number[: WIDTHS[kind]] if kind in WIDTHS else self.read(value)
        return True

    def copy(self, value: bytes | None, destination: int) -> int:
        """Copy to a buffer of the guest; its status."""
        if value is None or len(value) > destination >> 32:
            return 1
        self.write(destination, value)
        return 0


class DestinationHost(FieldHost):
    """Link family env-dst."""

    def _fieldGetScalar(self, field: int, data: int, kind: int) -> int:  # the ABI's name, as all of these
        return self.scalar(field, data, kind) or 0

    def _fieldGetBuffer(self, field: int, data: int, kind: int, destination: int) -> int:
        raw = self.raw(field, data)
        return -1 if raw is None or self.copy(raw, destination) else len(raw)

    def _fieldSet(self, field: int, data: int, kind: int, value: int) -> int:
        return field if self.set(field, data, kind, value) else 1

    def _getParamValue(self, key: int, destination: int) -> int:
        return self.copy(self.params.get(self.read(key)), destination)

    def _getSyscallName(self, number: int, destination: int) -> int:
        return self.copy(self.syscalls.get(number), destination)

    def _perfReaderRead(self, reader: int, destination: int) -> int:
        return self.copy(self.records.pop(0), destination) if self.records else DEADLINE_EXCEEDED


class PointerHost(DestinationHost):
    """Link family ig."""

    def _fieldGetScalar(self, field: int, data: int, kind: int, error: int) -> int:  # type: ignore[override]
        value = self.scalar(field, data, kind)
        if value is None:
            self.write(error, b"\1\0\0\0")
        return value or 0

    def _fieldSet(self, field: int, data: int, kind: int, value: int) -> int:
        return 0 if self.set(field, data, kind, value) else 1


class MallocHost(FieldHost):
    """Link family env-malloc."""

    def allocate(self, value: bytes | None) -> int:
        """Copy to memory that the guest allocates; the packed pointer, 0 for an error."""
        if value is None:
            return 0
        try:
            address: int = self.call("malloc", len(value)) & 0xFFFFFFFF
        except wasmtime.Trap:
            return 0
        self.write(address, value)
        packed = len(value) << 32 | address
        return packed - (packed >> 63 << 64)

    def _fieldGet(self, field: int, data: int, kind: int) -> int:
        if kind not in (STRING, BYTES):
            return self.scalar(field, data, kind) or 0
        raw = self.raw(field, data)
        if raw is not None and kind == STRING and field in self.cstrings:
            raw = raw.partition(b"\0")[0]
        return self.allocate(raw)

    def _fieldSet(self, field: int, data: int, kind: int, value: int) -> int:
        return field if self.set(field, data, kind, value) else 1

    def _getParamValue(self, key: int) -> int:  # type: ignore[override]
        return self.allocate(self.params.get(self.read(key)))

    def _getSyscallName(self, number: int) -> int:
        return self.allocate(self.syscalls.get(number))

    def _perfReaderRead(self, reader: int, address: int) -> int:
        if not self.records:
            return DEADLINE_EXCEEDED
        packed = self.allocate(self.records.pop(0))
        self.write(address, packed.to_bytes(8, "little", signed=True))
        return 0 if packed else 1


HOSTS: dict[str, type[FieldHost]] = {
    "v0.37.0": MallocHost,
    "v0.38.0": DestinationHost,
    "v0.39.0": PointerHost,
}
"""The host of a family, by the release the guest is built for."""
