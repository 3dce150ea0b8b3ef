"""Streams through a gadget: reads inputs one after another, emits, and writes what comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from gadget_abi import EmbedderError
from gadget_host.schema import EventError, SourceSchema
from gadget_host.streams.badlines import BadLines
from gadget_host.streams.output import Output
from gadget_host.streams.reader import EventReader
from gadget_host.streams.undeclared import Undeclared

if TYPE_CHECKING:
    from gadget_host.gadget import Gadget
    from gadget_host.sources import Collector, Source

__all__ = ["StreamRun"]


class StreamRun:
    """One run of a gadget over streams. In this order: start(), feed() each reader, finish().

    Args:
        gadget: loaded, not initialised.
        output: where events go.
        bad_lines: told about events that do not fit their source.
        tell: takes a note about the events, without newline.
        show: names of the sources to write; None for all.
        after_batch: called after each batch with the number of events so far.
    """

    def __init__(
        self,
        gadget: Gadget,
        output: Output,
        bad_lines: BadLines,
        tell: Callable[[str], None],
        *,
        show: Iterable[str] | None = None,
        after_batch: Callable[[int], None] = lambda events: None,
    ) -> None:
        self.gadget = gadget
        self.events = 0
        self.seconds = 0.0
        """Wall time from the start of the gadget."""
        self._output = output
        self._bad_lines = bad_lines
        self._show = None if show is None else set(show)
        self._after_batch = after_batch
        self._undeclared = Undeclared(tell)
        self._collector: Collector | None = None
        self._began = 0.0

    def start(self, schemas: Iterable[SourceSchema]) -> None:
        """Add the sources and start the gadget.

        Raises:
            EmbedderError: `show` names a source that is not there.
            GuestError: the gadget does not start.
        """
        self._began = perf_counter()
        for schema in schemas:
            self.gadget.add_source(schema)
        self.gadget.init()
        self._collector = self.gadget.collect()
        self.gadget.start()
        self._check_show()
        self._drain()

    @property
    def shown(self) -> set[str]:
        """Names of the sources that are written."""
        there = {name for name, source in self.gadget.sources.items() if source.referenced}
        return there if self._show is None else there & self._show

    def _check_show(self) -> None:
        missing = (self._show or set()) - self.shown
        if missing:
            there = sorted(name for name, source in self.gadget.sources.items() if source.referenced)
            raise EmbedderError(
                f"no data source {min(missing)!r} to show; the data sources are: {', '.join(there) or 'none'}"
            )

    def feed(self, reader: EventReader) -> None:
        """Send a stream through the gadget, to its end or until its stop token says so.

        Raises:
            EmbedderError: a bad line, where these stop the run; a schema line that contradicts.
            GuestError: the gadget is dead.
            BrokenPipeError: nobody reads the output any more.
        """
        for batch in reader:
            source = self.gadget.sources[batch.source]
            self._undeclared.look(reader.schemas[batch.source], batch.events)
            try:
                self._emit(source, reader.name, batch.events, batch.numbers)
            finally:
                self._drain()
            self._after_batch(self.events)

    def _emit(self, source: Source, stream: str, events: list[Any], numbers: Sequence[int]) -> None:
        """Emit a batch, whole or in the pieces between the events that do not fit."""
        while events:
            try:
                source.emit_batch(events, unknown="drop", reuse=True)
            except EventError as error:
                good = events[: error.index]
                if good:
                    source.emit_batch(good, unknown="drop", reuse=True)
                    self.events += len(good)
                self._bad_lines.report(stream, numbers[error.index], error.reason)
                events, numbers = events[error.index + 1 :], numbers[error.index + 1 :]
            else:
                self.events += len(events)
                return

    def finish(self, *, write: bool = True) -> None:
        """Stop the gadget and write what it emitted last, unless `write` says that nobody reads it.

        Raises:
            GuestError: gadgetStop or gadgetPostStop failed.
        """
        try:
            self.gadget.stop()
        finally:
            if self._began:
                self.seconds = perf_counter() - self._began
            if write:
                self._drain()

    def _drain(self) -> None:
        if self._collector is None:
            return
        for source, events in self._collector.drain_by_source():
            if self._show is None or source.schema.name in self._show:
                self._output.write(source.schema, events)
