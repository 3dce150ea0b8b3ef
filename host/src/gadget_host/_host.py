"""What the host functions of one gadget work on, and what the data plane asks of the sandbox around it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from ctypes import c_uint32
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from gadget_abi import GuestError, Profile

from ._engine import LimitedStore
from ._entry import Entry
from ._logs import DEBUG, ERROR, WARN, Logs
from ._malloc import Malloc
from ._memory import GuestMemory
from ._rawcall import Forward
from ._state import CallError

if TYPE_CHECKING:
    from .backends import Config, KernelSymbols, MapRegistry, MountNsFilter, SyscallTable
    from .plane import Plane
    from .sources import SourceRegistry

__all__ = ["Hooks", "Host"]

_KEPT_ERRORS = 100


class Hooks(Entry):
    """The door to wasm, with a log: the PlaneHooks of a gadget."""

    def __init__(
        self, store: LimitedStore, module: str, deadline: float, logs: Logs, profile: Profile
    ) -> None:
        super().__init__(store, module, deadline)
        self.logs = logs
        self.memory = GuestMemory()
        self.malloc = Malloc(self, self.memory, profile)
        self._hides_traps = profile.quirk("callback-traps-vanish")
        self.errors: deque[GuestError] = deque(maxlen=_KEPT_ERRORS)
        self.error_count = 0

    def warn(self, function: str, message: str) -> None:
        """Record a warning about a call of ``function``."""
        self.logs.add(WARN, f"{function}: {message}", "host")

    def forward_malloc(self, room: c_uint32) -> Forward | None:
        """What calls malloc for the plane."""
        return self.malloc.forward(room)

    def on_trap(self, error: GuestError) -> None:
        """Log what failed in a callback."""
        if not self._hides_traps:
            self.logs.add(ERROR, str(error), "host")

    def end(self, function: str, reason: str) -> NoReturn:
        """As Entry.end; counted here when nothing else will."""
        try:
            super().end(function, reason)
        except GuestError as error:
            if not self.inside:
                self.note(error)
            raise

    def failure(self, function: str, error: BaseException) -> BaseException:
        """As Entry.failure, and count the guest's failures."""
        failure = super().failure(function, error)
        if isinstance(failure, GuestError):
            self.note(failure)
        return failure

    def note(self, error: GuestError) -> None:
        """Count a failure of the guest; once, however many calls it comes out of."""
        if self.errors and self.errors[-1] is error:
            return
        self.error_count += 1
        self.errors.append(error)


@dataclass
class Host:
    """The HostState of a gadget.

    Args:
        profile: the release that is run as.
        plane: has the handle table.
        logs: takes messages and warnings.
        params: values of the run's parameters.
        config: the gadget's configuration.
        maps: its maps.
        syscalls: the syscalls of the machine it thinks it is on.
        kallsyms: the kernel's symbols.
        mntns: which mount namespaces it is to keep.
        sources: its data sources.
        has_callback: whether it exports dataSourceCallback.
    """

    profile: Profile
    plane: Plane
    logs: Logs
    params: Mapping[str, str]
    config: Config
    maps: MapRegistry
    syscalls: SyscallTable
    kallsyms: KernelSymbols
    mntns: MountNsFilter
    sources: SourceRegistry
    has_callback: bool
    starting: bool = False
    started: bool = False
    stopped: bool = False
    arguments: tuple[int, ...] = ()

    def log(self, level: int, message: str) -> None:
        """Record a message of the gadget."""
        self.logs.add(level, message)

    def warn(self, message: str) -> None:
        """Record a warning of the host about the gadget."""
        self.logs.add(WARN, message, "host")

    def debug(self, message: str) -> None:
        """Record what only somebody who looks for it wants to know."""
        self.logs.add(DEBUG, message, "host")

    def new_handle(self, kind: str, obj: Any) -> int:
        """A new handle; 0 when the table is full."""
        return self.plane.new_handle(kind, obj)

    def object(self, handle: int, kind: str) -> Any:
        """What a handle stands for; None when there is none of that number and kind."""
        return self.plane.object(handle, kind)

    def release(self, handle: int) -> None:
        """Drop a handle of any kind; CallError when there is none of that number."""
        if not self.plane.release(handle):
            raise CallError(f"{handle} is no handle")

    def handles_for(self, obj: Any) -> Sequence[int]:
        """The live handles under which the guest knows ``obj``."""
        return self.plane.handles_for(obj)
