"""Syscall numbers, names and declarations of x86_64 and aarch64 (arm64), from data that ships with the host.

``host/tools/generate_syscalls.py`` writes that data and says where it comes from.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from gadget_abi import EmbedderError

__all__ = ["SyscallDeclaration", "SyscallParam", "SyscallTable"]

_ALIASES = {"amd64": "x86_64", "arm64": "aarch64"}
_ARCHITECTURES = ("x86_64", "aarch64")


@dataclass(frozen=True)
class SyscallParam:
    """A parameter: name, and its C type as the kernel declares it."""

    name: str
    type: str

    @property
    def is_pointer(self) -> bool:
        """Whether it is an address."""
        return "*" in self.type


@dataclass(frozen=True)
class SyscallDeclaration:
    """A syscall's name and parameters, at most six."""

    name: str
    params: tuple[SyscallParam, ...]

    @classmethod
    def parse(cls, name: str, text: str) -> SyscallDeclaration:
        """From C: "int dfd, const char * filename"."""
        pairs = (param.rpartition(" ") for param in text.split(", ") if param)
        return cls(name, tuple(SyscallParam(param, type_) for type_, _, param in pairs))


class SyscallTable:
    """The syscalls of one architecture.

    Args:
        arch: "x86_64" or "aarch64" ("amd64", "arm64"); this machine's when left out, x86_64 on any other
            machine.

    Raises:
        EmbedderError: there is no table for the architecture.
    """

    def __init__(self, arch: str | None = None) -> None:
        machine = platform.machine().lower()
        wanted = arch.lower() if arch else machine if machine in (*_ALIASES, *_ARCHITECTURES) else "x86_64"
        self.arch = _ALIASES.get(wanted, wanted)
        if self.arch not in _ARCHITECTURES:
            raise EmbedderError(f"no syscall table for {arch!r}; there are {' and '.join(_ARCHITECTURES)}")

    def number(self, name: str) -> int | None:
        """The number of a syscall, None when there is none of that name."""
        return _numbers(self.arch).get(name)

    def name(self, number: int) -> str | None:
        """The name of a number, None when it is not in use."""
        return _names(self.arch).get(number)

    def declaration(self, name: str) -> SyscallDeclaration | None:
        """The declaration of a syscall; None when the data's kernel has no tracepoint for it."""
        text = _declarations(self.arch).get(name)
        return None if text is None else SyscallDeclaration.parse(name, text)

    @property
    def names(self) -> Mapping[str, int]:
        """Every name with its number."""
        return dict(_numbers(self.arch))

    @property
    def origin(self) -> str:
        """Where numbers and declarations come from."""
        numbers, declarations = _data(f"syscalls-{self.arch}"), _data("syscall-declarations")
        return f"{numbers['origin']}; {declarations['origin']}"


@cache
def _data(name: str) -> Mapping[str, Mapping[str, object]]:
    resource = files("gadget_host") / "data" / f"{name}.json"
    loaded: dict[str, Mapping[str, object]] = json.loads(resource.read_text(encoding="utf-8"))
    return loaded


@cache
def _numbers(arch: str) -> Mapping[str, int]:
    return {name: int(str(number)) for name, number in _data(f"syscalls-{arch}")["numbers"].items()}


@cache
def _names(arch: str) -> Mapping[int, str]:
    return {number: name for name, number in _numbers(arch).items()}


@cache
def _declarations(arch: str) -> Mapping[str, str]:
    data = _data("syscall-declarations")
    return {name: str(text) for group in ("common", arch) for name, text in data[group].items()}
