"""Events of a stream of JSON Lines, in batches, with the lines they stand on.

    {"gadget.schema": {"source": "open", ...}}     declares a source; the lines after it are its events
    {"pid": 1, "proc": {"comm": "init"}}           an event
    [{"pid": 1}, {"pid": 2}]                       an event of an array source

Where a key stands twice in an object, the last one counts. Blank lines are nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from gadget_abi import EmbedderError
from gadget_host.schema import SCHEMA_KEY, SourceSchema, schema_from_json
from gadget_host.streams.badlines import BadLines
from gadget_host.streams.infer import Inference, infer
from gadget_host.streams.lines import MAX_LINE, STDIN, ByteStream, LineBatch, StopToken, split_lines

__all__ = ["SAMPLE", "EventBatch", "EventReader"]

SAMPLE: Final = 1000
"""Events that kinds are inferred from, at most."""

_SCHEMA_MARK: Final = b'"' + SCHEMA_KEY.encode() + b'"'


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of one source in the order of the stream; `numbers[i]` is the line of `events[i]`."""

    source: str
    events: list[Any]
    numbers: Sequence[int]


class EventReader:
    """Reads one stream.

    Args:
        path: file name, or "-" for standard input; gzip is recognised.
        bad_lines: told about every line that is not an event.
        source: whose events these are, whatever a schema line says; None: it says so.
        default: whose events these are if there is no schema line.
        schemas: of the sources already known, by name. A stream without schema line uses that of `source`; a
            schema line adds to it.
        stop: asked before every read.
        max_line: longer lines are bad ones, in bytes.

    Raises:
        EmbedderError: the file cannot be opened.
    """

    def __init__(
        self,
        path: str,
        bad_lines: BadLines,
        *,
        source: str | None = None,
        default: str | None = None,
        schemas: dict[str, SourceSchema] | None = None,
        stop: StopToken | None = None,
        max_line: int = MAX_LINE,
    ) -> None:
        self.stream = ByteStream(path, stop)
        self.name = self.stream.name
        self.source = source
        """Whose events are being read."""
        self._default = default
        self._named = source is not None
        self._declared: str | None = None
        self.schemas = {} if schemas is None else schemas
        self.inference: Inference | None = None
        """How the kinds were found, if they were inferred."""
        self._bad_lines = bad_lines
        self._batches = split_lines(self.stream, max_line)
        self._pending: list[LineBatch] = []
        self._line = 0
        self._started = False

    def start(self) -> None:
        """Read as far as needed to know the schema of the source: a schema line, or enough to infer it.

        Waits for the first line of a pipe, unless the schema is known.

        Raises:
            EmbedderError: no name or no schema for what is in the stream, or a malformed schema line.
        """
        self._started = True
        if self.stream.live and self.source in self.schemas:
            return  # a schema line, if any, is met on the way
        event = self._read_head()
        self.source = self.source or self._default
        if self.source is None and event:
            raise EmbedderError(
                f"{self.name}: which data source is this? The stream has no schema line: "
                f"name it (--input SOURCE={STDIN if self.name == '<stdin>' else self.name})"
            )
        if self.source is not None and self.source not in self.schemas and event:
            self._infer(self.source)

    def _read_head(self) -> bool:
        """Take in the schema lines before the first event; True when another line was met."""
        for batch in self._batches:
            self._pending.append(batch)
            for offset, line in enumerate(batch.lines):
                if not line.strip():
                    continue
                event = _parse(line)
                if not _is_schema(event):
                    return True
                self._declare(event, batch.first + offset)
                batch.lines[offset] = b""
            if self.source and self.stream.live:
                return False  # what follows may not come for a while
        return False

    def _declare(self, event: Any, number: int, *, late: bool = False) -> None:
        """Take in a schema line: the following events are of its source."""
        where = f"{self.name}:{number}"
        schema = schema_from_json(event, where)
        if self._named:
            schema = self._renamed(schema, where)
        known = self.schemas.get(schema.name)
        if known is not None:
            if "fields" in event[SCHEMA_KEY]:
                _check_same(known, schema, where)
        elif late:
            raise EmbedderError(
                f"{where}: data source {schema.name!r} is declared after the first event; "
                "declare it in the first lines, or give its events as an input of their own"
            )
        else:
            self.schemas[schema.name] = schema
        self.source = schema.name

    def _renamed(self, schema: SourceSchema, where: str) -> SourceSchema:
        """The schema under the name the caller gave, which is right for a stream of one source only."""
        if self._declared not in (None, schema.name):
            raise EmbedderError(
                f"{where}: a second data source, {schema.name!r}, in a stream that was given the name "
                f"{self.source!r}; give it without a name (--input {self.name})"
            )
        self._declared = schema.name
        return replace(schema, name=self.source or schema.name)

    def _infer(self, source: str) -> None:
        events = [event for batch in self._pending for event in _some_events(batch)]
        while len(events) < SAMPLE and not self.stream.live and (batch := next(self._batches, None)):
            self._pending.append(batch)
            events += _some_events(batch)
        self.inference = infer(source, events[:SAMPLE])
        self.schemas[source] = self.inference.schema

    def __iter__(self) -> Iterator[EventBatch]:
        if not self._started:
            self.start()
        while self._pending:
            yield from self._events(self._pending.pop(0))
        for batch in self._batches:
            yield from self._events(batch)
        if self.stream.problem:
            self._bad_lines.report(self.name, self._line + 1, self.stream.problem)

    def _events(self, batch: LineBatch) -> Iterator[EventBatch]:
        self._line = batch.first + len(batch.lines) - 1
        for number, message in batch.problems:
            self._bad_lines.report(self.name, number, message)
        try:
            events = [orjson.loads(line) for line in batch.lines]
        except orjson.JSONDecodeError:
            yield from self._carefully(batch)
            return
        if any(_SCHEMA_MARK in line for line in batch.lines):
            yield from self._carefully(batch)
        elif events:
            yield EventBatch(self._source_at(batch.first), events, range(batch.first, self._line + 1))

    def _carefully(self, batch: LineBatch) -> Iterator[EventBatch]:
        """The events line by line; those before a schema line, or a line that stops, are given out first."""
        events: list[Any] = []
        numbers: list[int] = []
        for number, line in enumerate(batch.lines, batch.first):
            if not line.strip():
                continue
            event = _parse(line)
            bad = isinstance(event, _Bad)
            if events and (_is_schema(event) or (bad and self._bad_lines.stop)):
                yield EventBatch(self._source_at(numbers[0]), events, numbers)
                events, numbers = [], []
            if isinstance(event, _Bad):
                self._bad_lines.report(self.name, number, event.reason)
            elif _is_schema(event):
                self._declare(event, number, late=True)
            else:
                events.append(event)
                numbers.append(number)
        if events:
            yield EventBatch(self._source_at(numbers[0]), events, numbers)

    def _source_at(self, number: int) -> str:
        if self.source is None:
            raise EmbedderError(f"{self.name}:{number}: an event of an unknown data source")
        return self.source

    def close(self) -> None:
        """Close the file."""
        self.stream.close()


@dataclass(frozen=True, slots=True)
class _Bad:
    """A line that is not JSON."""

    reason: str


def _parse(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return _Bad(f"not JSON: {error.msg} (column {error.colno})")


def _is_schema(event: object) -> bool:
    return isinstance(event, dict) and SCHEMA_KEY in event


def _some_events(batch: LineBatch) -> list[Any]:
    events = (_parse(line) for line in batch.lines if line.strip())
    return [event for event in events if not isinstance(event, _Bad)]


def _check_same(known: SourceSchema, schema: SourceSchema, where: str) -> None:
    """A source may be declared again, with the fields it has or fewer."""
    if known.type != schema.type:
        raise EmbedderError(
            f"{where}: data source {schema.name!r} is declared as {schema.type}, earlier as {known.type}"
        )
    for item in schema.fields:
        if item.kind != (earlier.kind if (earlier := known.get(item.name)) else None):
            was = f"was {earlier.kind}" if earlier else "did not exist"
            raise EmbedderError(
                f"{where}: data source {schema.name!r} is declared again, and differently: "
                f"field {item.name!r} is {item.kind}, earlier it {was}"
            )
