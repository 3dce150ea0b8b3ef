"""Answers the requests of the conformance suite. It observes; the suite judges.

The protocol is in abi-spec/suite/README.md. A request that this host cannot carry out for reasons of its own
is answered with "error"; a guest that fails is an observation, "failed".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from gadget_abi import EmbedderError, GadgetError, GuestError, load

from .._logs import LogRecord
from ..gadget import Gadget
from ..schema import USUAL_ANNOTATIONS, FieldSchema
from . import setup
from .observer import Observer
from .wire import from_wire

__all__ = ["Adapter"]

Answer = dict[str, Any]
_DEADLINE = 10.0  # seconds for each call of a guest: plenty, since some make thousands of calls


class _CannotError(Exception):
    """This host has no such thing to offer."""


class Adapter:
    """One gadget at a time, from load to close."""

    def __init__(self) -> None:
        self._gadget: Gadget | None = None
        self._observer: Observer | None = None
        self._logs: list[LogRecord] = []
        self._requests: Mapping[str, Callable[[Answer], Answer]] = {
            "hello": self._hello,
            "load": lambda request: self._watch(self._load, request),
            "init": lambda request: self._watch(self._init, request),
            "start": lambda request: self._watch(self._start, request),
            "emit": lambda request: self._watch(self._emit, request),
            "perf": lambda request: self._watch(self._perf, request),
            "call": lambda request: self._watch(self._call, request),
            "stop": lambda request: self._watch(self._stop, request),
            "read": self._read,
            "handles": self._handles,
            "sources": self._sources,
            "close": self._close,
        }

    def answer(self, request: Answer) -> Answer:
        """The answer to a request."""
        found = self._requests.get(request.get("do", ""))
        if found is None:
            return {"unsupported": f"no request {request.get('do')!r}"}
        try:
            return found(request)
        except _CannotError as error:
            return {"unsupported": str(error)}
        except (GadgetError, LookupError, ValueError, TypeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def close(self) -> None:
        """Close what is open."""
        self._close({})

    def _hello(self, request: Answer) -> Answer:
        if request["protocol"] != 1:
            return {"error": f"protocol {request['protocol']} is not known; 1 is"}
        return {
            "name": "gadget-host",
            "version": version("gadget-host"),
            "releases": [release.name for release in load().releases],
            "modes": ["careful", "strict"],
            "writes": True,
        }

    # ------------------------------------------------------------------------------------------------- life

    def _watch(self, step: Callable[[Answer], None], request: Answer) -> Answer:
        """Take a step; what went wrong, what was logged and what was emitted in it."""
        failed = None
        try:
            step(request)
        except GuestError as error:
            failed = str(error)
        except EmbedderError as error:
            # A gadget that has ended takes no further steps: that, too, is an observation.
            if self._gadget is None or request["do"] == "load":
                raise
            failed = str(error)
        logs, self._logs = self._logs, []
        lines = [{"level": record.level, "message": record.message} for record in logs]
        return {"failed": failed, "logs": lines, "events": self._observer.take() if self._observer else []}

    def _load(self, request: Answer) -> None:
        self._close({})
        given = request["setup"]
        self._gadget = Gadget.load(
            request["module"],
            name="guest",
            params=given["params"],
            config=given["config"],
            log_level=given["log_level"],
            deadline=_DEADLINE,
            on_log=self._log,
            release=request["release"],
            strict=request["strict"],
            **setup.backends(given),
        )
        self._add_sources(given["sources"])
        for piece in request["memory"]:
            self._gadget._runtime.memory.write(piece["address"], bytes.fromhex(piece["bytes"]))

    def _add_sources(self, sources: Any) -> None:
        for source in sources:
            try:
                self._loaded.add_source(setup.source_schema(source))
            except EmbedderError as error:
                raise _CannotError(str(error)) from None

    def _log(self, record: LogRecord) -> None:
        self._logs.append(record)

    def _init(self, _: Answer) -> None:
        self._loaded.init()
        self._observer = Observer(self._loaded)
        self._observer.watch(source for source in self._loaded.sources.values() if source.referenced)

    def _start(self, _: Answer) -> None:
        self._loaded.start()

    def _emit(self, request: Answer) -> None:
        source = self._loaded.sources[request["source"]]
        event = from_wire(source, request["packet"])
        failures = self._loaded.stats.errors
        source.emit_batch([event] * request.get("count", 1))
        # Before v0.38 a callback that fails ends the emission; Python's goes on with the next event, and counts.
        new = (
            self._loaded.errors[failures - self._loaded.stats.errors :]
            if self._loaded.stats.errors > failures
            else ()
        )
        ended = [error for error in new if error.function == "dataSourceCallback"]
        if ended and not self._loaded.profile.changed("callback-error-dropped"):
            raise ended[0]

    def _perf(self, request: Answer) -> None:
        for record in request["records"]:
            self._loaded.perf.output(request["map"], bytes.fromhex(record))

    def _call(self, request: Answer) -> None:
        self._loaded._runtime.call(request["export"])

    def _stop(self, _: Answer) -> None:
        self._loaded.stop()

    def _close(self, _: Answer) -> Answer:
        gadget, self._gadget, self._observer = self._gadget, None, None
        self._logs = []
        if gadget is not None:
            gadget.close()
        return {}

    # ---------------------------------------------------------------------------------------------- looking

    @property
    def _loaded(self) -> Gadget:
        if self._gadget is None:
            raise EmbedderError("no guest is loaded")
        return self._gadget

    def _read(self, request: Answer) -> Answer:
        return {"bytes": self._loaded._runtime.memory.read(request["address"], request["length"]).hex()}

    def _handles(self, _: Answer) -> Answer:
        return {"handles": self._loaded._runtime.plane.live_handles()}

    def _sources(self, _: Answer) -> Answer:
        return {
            "sources": [
                {
                    "name": source.name,
                    "type": source.type,
                    "tags": source.tags,
                    "annotations": source.annotations,
                    "fields": [_field(field.schema) for field in source.fields],
                }
                for source in self._loaded.sources.values()
                if source.referenced
            ]
        }


def _field(field: FieldSchema) -> Answer:
    return {
        "name": field.name,
        "kind": field.kind,
        "tags": list(field.tags),
        "annotations": {**USUAL_ANNOTATIONS, **field.annotations},
        "hidden": field.hidden,
    }
