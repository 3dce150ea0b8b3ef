"""Where events go: each source's rows in one of the output formats, on one stream, in order of emission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, Final, Protocol

from gadget_host.schema import SourceSchema
from gadget_host.streams.columns import ColumnsTable
from gadget_host.streams.gojson import JsonEncoder, readable
from gadget_host.streams.yamldoc import yaml_document

__all__ = ["MODES", "Output", "Screen"]

MODES: Final = ("columns", "json", "jsonpretty", "yaml")
_CLEAR: Final = "\x1b[H\x1b[2J\x1b[3J"


class Screen:
    """What is known about where the output goes.

    Args:
        width: cells of a terminal's line; None: not a terminal.
        colour: whether to use colour.
    """

    def __init__(self, width: int | None = None, *, colour: bool = False) -> None:
        self.width = width
        self.colour = colour


class _Writer(Protocol):
    """Turns events of one source into bytes."""

    def format(self, events: Sequence[Any], after: str) -> bytes:
        """The events' text; `after`: what came before it, "" nothing, "other" or "own"."""


class Output:
    """Writes events of any number of sources.

    Args:
        stream: binary; written once per batch and flushed.
        mode: one of `MODES`; None: what a source's annotation `cli.default-output-mode` says, else columns.
        screen: where the stream ends.
    """

    def __init__(self, stream: BinaryIO, mode: str | None = None, screen: Screen | None = None) -> None:
        self._stream = stream
        self._mode = mode
        self._screen = screen or Screen()
        self.named = False
        """Whether to print a source's name above its table."""
        self._writers: dict[str, tuple[SourceSchema, _Writer]] = {}
        self._last = ""

    def write(self, schema: SourceSchema, events: Sequence[Any]) -> None:
        """Write some events of a source, which must not be used afterwards.

        Args:
            schema: of the source as it is now.
            events: rows (dict), or arrays of rows (list) of an array source.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        after = "own" if self._last == schema.name else "other" if self._last else ""
        known = self._writers.get(schema.name)
        if known is None or known[0] != schema:
            known = self._writers[schema.name] = (schema, self._writer(schema))
            after = "other" if self._last else ""
        self._stream.write(known[1].format(events, after))
        self._stream.flush()
        self._last = schema.name

    def _writer(self, schema: SourceSchema) -> _Writer:
        mode = self._mode or schema.annotations.get("cli.default-output-mode", "columns")
        if mode == "json" or mode == "jsonpretty":
            return _Json(schema, pretty=mode == "jsonpretty")
        if mode == "yaml":
            return _Yaml(schema)
        title = f"{schema.name}:\n" if self.named else ""
        return (
            _Tables(schema, self._screen, title)
            if schema.type == "array"
            else _Table(schema, self._screen, title)
        )


class _Json:
    def __init__(self, schema: SourceSchema, *, pretty: bool) -> None:
        self._encoder = JsonEncoder(schema, pretty=pretty)

    def format(self, events: Sequence[Any], after: str) -> bytes:
        return self._encoder.encode(events)


class _Yaml:
    """A document per row; those of an array as well, as upstream does it."""

    def __init__(self, schema: SourceSchema) -> None:
        self._schema = schema

    def format(self, events: Sequence[Any], after: str) -> bytes:
        rows = (row for event in events for row in (event if isinstance(event, list) else (event,)))
        return "".join(yaml_document(row, self._schema) for row in rows).encode()


class _Table:
    """One table that goes on; its headings are repeated when another source came in between."""

    def __init__(self, schema: SourceSchema, screen: Screen, title: str) -> None:
        self._table = ColumnsTable(schema, width=screen.width, colour=screen.colour)
        self._title = title

    def format(self, events: Sequence[Any], after: str) -> bytes:
        head = "" if after == "own" else self._title + self._table.header(events, keep=True)
        return readable("\n" * (after == "other") + head + self._table.lines(events)).encode()


class _Tables:
    """A table per emission of an array source."""

    def __init__(self, schema: SourceSchema, screen: Screen, title: str) -> None:
        self._clears = (
            schema.annotations.get("cli.clear-screen-before") == "true" and screen.width is not None
        )
        self._table = ColumnsTable(schema, width=screen.width, colour=screen.colour)
        self._title = title

    def format(self, events: Sequence[Any], after: str) -> bytes:
        parts = []
        for rows in events:
            parts.append(_CLEAR if self._clears else "\n" if after else "")
            parts.append(self._title + self._table.header(rows) + self._table.lines(rows))
            after = "own"
        return readable("".join(parts)).encode()
