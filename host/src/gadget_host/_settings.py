"""How a gadget is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from gadget_abi import EmbedderError

from ._logs import LogRecord, level_number
from .wasi import Clock

if TYPE_CHECKING:
    from .backends import KernelSymbols, MapRegistry, MountNsFilter, SyscallTable

__all__ = ["Options", "Settings", "StopDeadline"]

StopDeadline = float | Literal["release"] | None


class Options(TypedDict, total=False):
    """The settings as keyword arguments: see Settings."""

    params: Mapping[str, str]
    config: Mapping[str, Any] | None
    log_level: str | int
    on_log: Callable[[LogRecord], None] | None
    log_stdout: bool
    deadline: float | None
    stop_deadline: StopDeadline
    memory_pages: int
    plane_pages: int
    clock: Clock
    maps: MapRegistry | None
    syscalls: SyscallTable | None
    kallsyms: KernelSymbols | None
    mntns: MountNsFilter | None
    abi: str | None
    release: str | None
    strict: bool


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a gadget is run.

    Args:
        params: values of parameters, by key; what is not in it, getParamValue does not find.
        config: the parsed gadget.yaml; None for a gadget without configuration.
        log_level: "error", "warn", "info", "debug", "trace", "none", or the ABI's number.
        on_log: called with each LogRecord, on the thread that runs the guest.
        log_stdout: log what the guest writes to stdout and stderr, at level debug; else it is thrown away,
            as by the real host.
        deadline: seconds of its own time that each call of the guest has; None for no end.
        stop_deadline: the same for gadgetStop; "release" for what the real host gives it: 42 s, or 5 s until
            v0.43.0.
        memory_pages: most pages of 64 KiB of guest memory; the real host allows 256.
        plane_pages: most pages the host takes for events in flight.
        clock: "fixed" for the real host's made-up clocks and random numbers, "real" for this machine's.
        maps: the maps getMap finds; an empty registry unless given.
        syscalls: the syscalls of this machine's architecture unless given.
        kallsyms: this machine's symbols, as far as they can be read, unless given.
        mntns: mount namespaces to keep; all of them unless given.
        abi: the link family the module was built for, "env-malloc", "env-dst" or "ig"; seen from what it
            imports unless given.
        release: the release of Inspektor Gadget to behave like, such as "v0.34.0"; the newest the module runs
            on unless given.
        strict: show the real host's quirks (docs/REFERENCE.md) instead of avoiding them.

    Raises:
        EmbedderError: a setting that cannot be.
    """

    params: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] | None = field(default_factory=dict)
    log_level: str | int = "info"
    on_log: Callable[[LogRecord], None] | None = None
    log_stdout: bool = False
    deadline: float | None = 10.0
    stop_deadline: StopDeadline = "release"
    memory_pages: int = 256
    plane_pages: int = 4096
    clock: Clock = "fixed"
    maps: MapRegistry | None = None
    syscalls: SyscallTable | None = None
    kallsyms: KernelSymbols | None = None
    mntns: MountNsFilter | None = None
    abi: str | None = None
    release: str | None = None
    strict: bool = False

    def __post_init__(self) -> None:
        _check_seconds("deadline", self.deadline)
        if self.stop_deadline != "release":
            _check_seconds("stop_deadline", self.stop_deadline)
        if not 1 <= self.memory_pages <= self.plane_pages <= 65536:
            raise EmbedderError("memory_pages and plane_pages are numbers of 64 KiB pages from 1 to 65536")
        if self.clock not in ("fixed", "real"):
            raise EmbedderError(f'clock is {self.clock!r}; it is "fixed" or "real"')
        for key, value in self.params.items():
            if not (isinstance(key, str) and isinstance(value, str)):
                raise EmbedderError(f"parameter {key!r}: the value {value!r} is no string")
        level_number(self.log_level)


def _check_seconds(name: str, value: object) -> None:
    if value is not None and not (isinstance(value, int | float) and value > 0):
        raise EmbedderError(f"{name} is {value!r}; it is a number of seconds above 0, or None")
