"""getSyscallName, getSyscallID, getSyscallDeclaration."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from gadget_abi import load

from .._state import CallError

if TYPE_CHECKING:
    from .._state import HostState, OutBuffer
    from ..backends.syscalls import SyscallDeclaration

__all__ = ["get_syscall_declaration", "get_syscall_id", "get_syscall_name"]

_LAYOUT = load().layouts["syscall declaration"]
_NAME, _COUNT, _PARAMS = _LAYOUT.members
_PARAM = struct.Struct("<32sI")
_IS_POINTER = 1


def get_syscall_name(host: HostState, id: int, destination: OutBuffer) -> None:
    """Copy the name of a syscall number's low 16 bits, "syscall_<hex>" when unused; no NUL, no length."""
    number = id & 0xFFFF
    name = host.syscalls.name(number) or f"syscall_{number:x}"
    destination.write(name.encode())


def get_syscall_id(host: HostState, name: str) -> int:
    """The number of a syscall; fails (-1) when there is none of that name."""
    if (number := host.syscalls.number(name)) is None:
        raise CallError(f"{host.syscalls.arch} has no syscall {name!r}")
    return number


def get_syscall_declaration(host: HostState, name: str, declaration: OutBuffer) -> None:
    """Write the 252 bytes of a declaration, little-endian, names padded with NULs.

    ::

        0        32      33     36         68       72          104
        +--------+-------+------+----------+--------+-----------+--
        | name   | count | 0    | name 0   | flags 0| name 1    | ... 6 parameters
        +--------+-------+------+----------+--------+-----------+--
                    u8                 flags: u32, bit 0 set for a pointer
    """
    if (found := host.syscalls.declaration(name)) is None:
        raise CallError(f"no declaration of a syscall {name!r} is known")
    declaration.write(_packed(found))


def _packed(found: SyscallDeclaration) -> bytes:
    packed = bytearray(_LAYOUT.size)
    struct.pack_into(f"<{_NAME.size}sB", packed, _NAME.offset, found.name.encode(), len(found.params))
    for index, param in enumerate(found.params):
        flags = _IS_POINTER if param.is_pointer else 0
        _PARAM.pack_into(packed, _PARAMS.offset + index * _PARAMS.size, param.name.encode(), flags)
    return bytes(packed)
