"""A gadget, from loading to closing."""

from __future__ import annotations

import atexit
import math
import warnings
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from os import PathLike
from pathlib import Path
from time import perf_counter
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from gadget_abi import EmbedderError, GuestError, Profile

from ._logs import ERROR, LogRecord
from ._module import bytes_of, read_file
from ._runtime import Runtime
from ._settings import Options, Settings
from .backends import PerfEvents

if TYPE_CHECKING:
    from .backends import Config, KernelSymbols, MapRegistry, MountNsFilter, SyscallTable
    from .schema import SourceSchema
    from .sources import Collector, Source

__all__ = ["Gadget", "Phase", "Stats"]

PRINTING_PRIORITY = 10_000
"""The priority at which `ig` itself prints events: after everything else."""


class Phase(Enum):
    """Where a gadget is in its life.

             init            start           stop            close
    LOADED --------> READY ---------> STARTED -----> STOPPED -----> CLOSED
      |                |                 |
      +----------------+-----------------+--- a hook fails ---> FAILED
    """

    LOADED = "loaded"
    READY = "initialised"
    STARTED = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures of a run.

    Args:
        events_in: events emitted from Python.
        events_out: events that collectors received.
        guest_calls: calls into the guest, callbacks and lifecycle.
        host_calls: calls of host functions by the guest.
        seconds_total: since the gadget was loaded.
        seconds_guest: of which the guest, or the data plane for it, was running.
        guest_pages: pages of 64 KiB of the guest's memory.
        log_lines: lines that were logged.
        errors: calls of the guest that failed.
        abi: the link family ("ig", "env-dst" or "env-malloc").
        signature_set: the oldest set of signatures the module fits ("sig-6").
    """

    events_in: int
    events_out: int
    guest_calls: int
    host_calls: int
    seconds_total: float
    seconds_guest: float
    guest_pages: int
    log_lines: int
    errors: int
    abi: str
    signature_set: str


_open: weakref.WeakSet[Gadget] = weakref.WeakSet()


@atexit.register
def _close_what_is_left() -> None:
    """Close gadgets while the interpreter is whole; what they rest on cannot be taken down later."""
    for gadget in list(_open):
        gadget._leave()


class Gadget:
    """A gadget in this process. Made by load(); a context manager that stops and closes it.

    Methods may be called from any thread; one runs at a time. Not to be closed or stopped from a callback.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._final: Stats | None = None
        self._runtime, self._exports = runtime, runtime.exports
        self._perf = PerfEvents(runtime.host.maps)
        self._phase = Phase.LOADED
        _open.add(self)

    @classmethod
    def load(
        cls,
        module: str | PathLike[str] | bytes | bytearray | memoryview,
        *,
        name: str | None = None,
        **settings: Unpack[Options],
    ) -> Self:
        """Load a gadget: check, compile and instantiate its module. Nothing of it runs yet.

        Args:
            module: path of a core wasm module, or its bytes, in any object that gives bytes.
            name: what messages call it; the file's name unless given.
            settings: how it is run: what it finds, its limits, the release it is run as; see Settings.

        Raises:
            EmbedderError: no such file, neither a path nor bytes, or a setting that cannot be.
            GuestError: the module cannot run here; the text says why.
        """
        options = Settings(**settings)
        if isinstance(module, str | PathLike):
            path = Path(module)
            return cls(Runtime(read_file(path), name or path.name, options))
        return cls(Runtime(bytes_of(module), name or "gadget", options))

    # -- life

    def init(self) -> None:
        """Run the (start) section and `_initialize` (until v0.37 `_start`), check gadgetAPIVersion and run gadgetInit.

        Afterwards the sources and fields that the gadget adds are known.

        Raises:
            GuestError: one of them failed.
        """
        with self._step("initialise", Phase.LOADED, then=Phase.READY):
            self._runtime.start()
            self._exports.check_version()
            self._exports.hook("gadgetInit")

    def start(self) -> None:
        """Run gadgetPreStart and gadgetStart, and init() before unless it has been run.

        Raises:
            GuestError: one of them failed; gadgetStop will not be called then.
        """
        if self._phase is Phase.LOADED:
            self.init()
        with self._step("start", Phase.READY, then=Phase.STARTED):
            self._runtime.plane.started = True
            self._exports.hook("gadgetPreStart")
            self._runtime.host.started = True
            self._exports.hook("gadgetStart")
            self._runtime.sources.settle()

    def stop(self) -> None:
        """Stop taking events, and run gadgetStop and gadgetPostStop of a gadget that was started.

        A second call does nothing. After gadgetStop every handle is gone. As a release before v0.42 the
        gadget's failures are logged only, and gadgetPostStop always fails or, from v0.39, is not called.

        Raises:
            GuestError: one of them failed.
        """
        if self._phase is not Phase.STARTED:
            if self._phase in (Phase.LOADED, Phase.READY):
                self._phase = Phase.STOPPED
            return
        with self._step("stop", Phase.STARTED, then=Phase.STOPPED):
            self._runtime.plane.stop_delivering()
            failure = self._attempt("gadgetStop", self._stop_seconds())
            if self._runtime.hooks.dead is None:
                self._runtime.plane.stopped_for_good()
                self._runtime.host.stopped = True
                failure = self._post_stop() or failure
            self._runtime.logs.finish()
            if failure:
                raise failure

    def close(self) -> None:
        """Give everything back, running no more of the gadget. What was collected can still be read."""
        if self._phase is Phase.CLOSED:
            return
        with self._runtime.hooks.lock:
            self._forbid_inside("close")
            self._final = self.stats
            self._runtime.logs.finish()
            self._phase = Phase.CLOSED
            self._runtime.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._runtime.hooks.dead is None:  # else it was said when it died
                self.stop()
        except GuestError:
            if error is None:  # else what went wrong first is what counts
                raise
        finally:
            self.close()

    def __del__(self) -> None:
        self._leave()

    def _leave(self) -> None:
        """Close a gadget that nobody closed."""
        if getattr(self, "_phase", Phase.CLOSED) is not Phase.CLOSED:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self, stacklevel=3)
            self.close()

    # -- events

    def add_source(self, schema: SourceSchema) -> Source:
        """Add a data source, for the gadget to find and for Python to emit to. Before start().

        Raises:
            EmbedderError: the gadget has started already.
        """
        with self._runtime.hooks.lock:
            self._require("add a source to", Phase.LOADED, Phase.READY)
            return self._runtime.sources.add(schema)

    @property
    def sources(self) -> Mapping[str, Source]:
        """Every data source by name: those added from Python, and those the gadget created."""
        return MappingProxyType(self._runtime.sources.all)

    @property
    def missing_sources(self) -> tuple[str, ...]:
        """Names that the gadget asked getDataSource for, and that are no source."""
        return tuple(self._runtime.sources.missing)

    def collect(
        self, names: str | Iterable[str] | None = None, *, priority: int = PRINTING_PRIORITY
    ) -> Collector:
        """Collect what is emitted on sources, after all subscribers of a smaller priority have seen it.

        Args:
            names: one source, several, or None for every source that is referenced, those included that the
                gadget creates until it has started.
            priority: as for any subscriber.

        Raises:
            EmbedderError: no such source, or the gadget is closed.
        """
        with self._runtime.hooks.lock:
            self._require("collect from", Phase.LOADED, Phase.READY, Phase.STARTED)
            return self._runtime.sources.collect(names, priority)

    # -- what is around it

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._runtime.module.name

    @property
    def phase(self) -> Phase:
        """Where it is in its life."""
        return self._phase

    @property
    def abi(self) -> str:
        """The link family of its imports: "env-malloc", "env-dst" or "ig"."""
        return self._runtime.module.choice.family

    @property
    def signature_set(self) -> str:
        """The oldest set of signatures of the family that its imports fit: "sig-6"."""
        return self._runtime.module.choice.signature_set

    @property
    def release(self) -> str:
        """The release of Inspektor Gadget whose behaviour it gets."""
        return self._runtime.module.choice.release

    @property
    def decision(self) -> str:
        """In one sentence, what it is run as and why."""
        return str(self._runtime.module.choice)

    @property
    def strict(self) -> bool:
        """Whether it gets the real host's quirks, too."""
        return self.profile.strict

    @property
    def profile(self) -> Profile:
        """What a host of that release does: functions, changes of behaviour, quirks."""
        return self._runtime.profile

    @property
    def maps(self) -> MapRegistry:
        """The maps that getMap finds; fill them from here."""
        return self._runtime.host.maps

    @property
    def perf(self) -> PerfEvents:
        """The program's side of perf event arrays."""
        return self._perf

    @property
    def config(self) -> Config:
        """Its configuration, as it and setConfig see it."""
        return self._runtime.host.config

    @property
    def mntns(self) -> MountNsFilter:
        """The mount namespaces shouldDiscardMntnsID keeps."""
        return self._runtime.host.mntns

    @property
    def kallsyms(self) -> KernelSymbols:
        """The kernel's symbols, as kallsymsSymbolExists sees them."""
        return self._runtime.host.kallsyms

    @property
    def syscalls(self) -> SyscallTable:
        """The syscalls, as the functions of that group see them."""
        return self._runtime.host.syscalls

    @property
    def logs(self) -> tuple[LogRecord, ...]:
        """The newest log records, oldest first; at most 10,000."""
        return tuple(self._runtime.logs.records)

    @property
    def errors(self) -> tuple[GuestError, ...]:
        """The last 100 failures of the gadget, also those of callbacks, after which events went on."""
        return tuple(self._runtime.hooks.errors)

    @property
    def stats(self) -> Stats:
        """Figures, as of now or of the moment it was closed."""
        if self._final is not None:
            return self._final
        runtime = self._runtime
        return Stats(
            events_in=runtime.sources.events_in,
            events_out=runtime.sources.events_out,
            guest_calls=self._exports.calls + runtime.plane.guest_calls,
            host_calls=runtime.lift.count + runtime.plane.host_calls,
            seconds_total=perf_counter() - runtime.began,
            seconds_guest=runtime.hooks.clock.seconds,
            guest_pages=runtime.pages,
            log_lines=runtime.logs.lines,
            errors=runtime.hooks.error_count,
            abi=self.abi,
            signature_set=self.signature_set,
        )

    def __repr__(self) -> str:
        return f"<Gadget {self.name}, {self._phase.value}>"

    # -- steps

    @contextmanager
    def _step(self, verb: str, *phases: Phase, then: Phase) -> Iterator[None]:
        """One step of the gadget's life: whole, or the gadget has failed."""
        with self._runtime.hooks.lock:
            self._require(verb, *phases)
            self._forbid_inside(verb)
            try:
                yield
            except BaseException:
                self._phase = Phase.FAILED
                raise
            self._phase = then

    def _require(self, verb: str, *phases: Phase) -> None:
        if self._phase not in phases:
            raise EmbedderError(f"{self.name}: cannot {verb} the gadget: it is {self._phase.value}")

    def _forbid_inside(self, verb: str) -> None:
        if self._runtime.hooks.inside:
            raise EmbedderError(f"{self.name}: cannot {verb} the gadget from inside one of its callbacks")

    def _attempt(self, name: str, deadline: float | None = None) -> GuestError | None:
        """Run a hook while stopping; its failure is returned, since there is more to do before it is raised."""
        try:
            self._exports.hook(name, deadline=deadline)
        except GuestError as error:
            if self.profile.changed("stop-failure-fails-run"):
                return error
            self._runtime.logs.add(ERROR, str(error), "host")
        return None

    def _post_stop(self) -> GuestError | None:
        """Run gadgetPostStop as the release does."""
        profile, name = self.profile, "gadgetPostStop"
        if self._exports.function(name) is None:
            return None
        if profile.changed("post-stop-called-again"):
            return self._attempt(name)
        if not profile.changed("post-stop-not-called"):
            self._attempt(name)
            text = (
                f"called when the module is closed already, which {profile.release} always counts as failed"
            )
            self._runtime.logs.add(ERROR, f"{self.name}: {name}: {text}", "host")
        return None

    def _stop_seconds(self) -> float:
        """Seconds that gadgetStop has."""
        given, profile = self._runtime.settings.stop_deadline, self.profile
        if given == "release":
            limit = "stop_seconds" if profile.changed("stop-has-42-seconds") else "stop_seconds_before"
            return float(profile.abi.limits[limit].value)
        return math.inf if given is None else float(given)
