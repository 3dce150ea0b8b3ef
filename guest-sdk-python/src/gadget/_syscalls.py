"""System calls of the machine's architecture: numbers, names, declarations."""

from dataclasses import dataclass

from ._abi import SYSCALL_DECLARATION, SYSCALL_DECLARATION_SIZE
from ._checks import encoded, u32
from ._errors import NotFoundError
from ._host import host

__all__ = ["SyscallDeclaration", "SyscallParam", "syscall_declaration", "syscall_id", "syscall_name"]

_NAME_CAPACITY = 64
_IS_POINTER = 1


@dataclass(frozen=True)
class SyscallParam:
    """A parameter of a system call."""

    name: str
    is_pointer: bool


@dataclass(frozen=True)
class SyscallDeclaration:
    """A system call as the kernel declares it."""

    name: str
    params: tuple[SyscallParam, ...]


def syscall_name(id: int) -> str:
    """The name of a system call by its number; ``syscall_<hex>`` for a number that has none.

    Raises:
        NotFoundError: the host refuses.
    """
    try:
        raw: bytes = host.get_syscall_name(u32(id, "system call"), _NAME_CAPACITY)
    except host.Err:
        raise NotFoundError("getSyscallName", f"the host knows no name of system call {id}") from None
    return _text(raw)


def syscall_id(name: str) -> int:
    """The number of a system call by its name.

    Raises:
        NotFoundError: there is none of that name.
    """
    number: int = host.get_syscall_id(encoded(name))
    if number < 0:
        raise NotFoundError("getSyscallID", f"there is no system call {name!r}")
    return number


def syscall_declaration(name: str) -> SyscallDeclaration:
    """The name and parameters of a system call.

    Raises:
        NotFoundError: there is none of that name, or the host cannot read declarations (it needs tracefs).
    """
    try:
        raw: bytes = host.get_syscall_declaration(encoded(name), SYSCALL_DECLARATION_SIZE)
    except host.Err:
        raise NotFoundError("getSyscallDeclaration", f"the host has no declaration of {name!r}") from None
    start, length, _ = SYSCALL_DECLARATION["name"]
    count = raw[SYSCALL_DECLARATION["param_count"][0]]
    return SyscallDeclaration(_text(raw[start : start + length]), tuple(_param(raw, i) for i in range(count)))


def _param(raw: bytes, index: int) -> SyscallParam:
    """Parameter ``index`` of a declaration: its name, NUL-padded, and in the last four bytes its flags."""
    start, length, _ = SYSCALL_DECLARATION["params"]
    param = raw[start + index * length : start + (index + 1) * length]
    flags = int.from_bytes(param[-4:], "little")
    return SyscallParam(_text(param[:-4]), bool(flags & _IS_POINTER))


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")
