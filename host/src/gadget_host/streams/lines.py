"""Lines of a stream in batches: from a file, a gzip file (told by its first bytes) or standard input.

Memory is bounded by one chunk and one line. A batch is what one read gave: a live pipe's lines are there as
soon as they were written, and a file's come hundreds at a time.
"""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

from gadget_abi import EmbedderError

__all__ = ["MAX_LINE", "STDIN", "ByteStream", "LineBatch", "StopToken", "split_lines"]

STDIN: Final = "-"
CHUNK: Final = 1 << 18
GZIP_CHUNK: Final = 1 << 14  # deflate expands by at most 1032: 16 MiB
MAX_LINE: Final = 64 << 20
MAX_BATCH: Final = 4096
_GZIP_MAGIC: Final = b"\x1f\x8b"


class StopToken(Protocol):
    """Whether to stop reading, and a file descriptor that becomes readable then; -1 when there is none."""

    @property
    def requested(self) -> bool:
        """True from the moment on when no more is to be read."""

    def fileno(self) -> int:
        """What to wait for beside the input."""


@dataclass(slots=True)
class LineBatch:
    """Consecutive lines without their newlines; `lines[i]` is line `first + i` of the stream, from 1.

    `problems` are (line number, message); the line itself is then empty.
    """

    first: int
    lines: list[bytes]
    problems: list[tuple[int, str]] = field(default_factory=list)


class ByteStream:
    """The bytes of an input, decompressed, as they come.

    Args:
        path: file name, or "-" for standard input.
        stop: asked before every read; while it waits for a pipe, too.

    Raises:
        EmbedderError: it cannot be opened.
    """

    def __init__(self, path: str, stop: StopToken | None = None) -> None:
        self.name = "<stdin>" if path == STDIN else path
        self.position = 0
        """Bytes read so far, before decompression."""
        self.problem = ""
        """What ended the stream early, if anything did."""
        self._stop = stop
        self._fd = _open(path)
        self._owned = path != STDIN
        mode = os.fstat(self._fd)
        self.live = not stat.S_ISREG(mode.st_mode)
        """True when reading may have to wait: a pipe, a terminal."""
        self.size = 0 if self.live else mode.st_size
        """Bytes there are to read, before decompression; 0 when that cannot be known."""

    def __iter__(self) -> Iterator[bytes]:
        first = self._read(GZIP_CHUNK)
        while len(first) == 1 and (more := self._read(GZIP_CHUNK)):
            first += more
        if first.startswith(_GZIP_MAGIC):
            yield from self._gunzip(first)
            return
        while first:
            yield first
            first = self._read(CHUNK)

    def _read(self, size: int) -> bytes:
        if (self._stop and self._stop.requested) or not self._wait():
            return b""
        try:
            data = os.read(self._fd, size)
        except OSError as error:
            self.problem = f"reading failed: {error.strerror}"
            return b""
        self.position += len(data)
        return data

    def _wait(self) -> bool:
        """Wait until a live input has something, or the run is asked to stop; False in the second case."""
        if not self.live or self._stop is None or self._stop.fileno() < 0:
            return True
        waiting = select.poll()  # unlike select, it takes descriptors beyond 1023
        waiting.register(self._fd, select.POLLIN)
        waiting.register(self._stop.fileno(), select.POLLIN)
        waiting.poll()
        return not self._stop.requested

    def _gunzip(self, data: bytes) -> Iterator[bytes]:
        decoder = None
        while data:
            if decoder is None:
                data = data.lstrip(b"\0")  # members may be padded
                if data and not data.startswith(_GZIP_MAGIC[: len(data)]):
                    self.problem = "the bytes after the gzip data are ignored"
                    return
                decoder = zlib.decompressobj(wbits=31) if data else None
            if decoder is not None:
                before = decoder.copy()
                try:
                    out = decoder.decompress(data)
                except zlib.error as error:
                    self.problem = f"the gzip data is damaged ({error})"
                    yield from _until_damage(before, data)
                    return
                if out:
                    yield out
                data, decoder = (decoder.unused_data, None) if decoder.eof else (b"", decoder)
            data = data or self._read(GZIP_CHUNK)
        if decoder is not None and not self.problem and not (self._stop and self._stop.requested):
            self.problem = "the gzip data ends early: the file is cut off"

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self._owned and self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> ByteStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _until_damage(decoder: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """What can be had of a chunk that cannot be decompressed as a whole."""
    with contextlib.suppress(zlib.error):
        for byte in data:
            yield decoder.decompress(bytes((byte,)))


def _open(path: str) -> int:
    if path == STDIN:
        if sys.stdin is None:  # closed; its number may be another file's by now
            raise EmbedderError("cannot read <stdin>: it is closed")
        return 0
    try:
        if Path(path).is_dir():
            raise EmbedderError(f"cannot read {path}: it is a directory")
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise EmbedderError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


class _Splitter:
    """Cuts chunks into lines; holds at most one unfinished line of at most `max_line` bytes."""

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._parts: list[bytes] = []
        self._size = 0
        self._number = 1

    def feed(self, chunk: bytes) -> LineBatch:
        """The lines that `chunk` completes."""
        batch = LineBatch(self._number, chunk.split(b"\n"))
        rest = batch.lines.pop()
        if batch.lines:
            batch.lines[0] = self._finish(batch, batch.lines[0])
            self._number += len(batch.lines)
        if len(chunk) > self._max_line:
            for n, line in enumerate(batch.lines):
                batch.lines[n] = self._checked(batch, n, line)
        self._keep(rest)
        return batch

    def flush(self) -> LineBatch:
        """The last line, if it had no newline."""
        batch = LineBatch(self._number, [])
        if self._size:
            batch.lines.append(self._finish(batch, b""))
        return batch

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_line:
            self._parts = []
        elif part:
            self._parts.append(part)

    def _finish(self, batch: LineBatch, end: bytes) -> bytes:
        self._keep(end)
        size, parts = self._size, self._parts
        self._size, self._parts = 0, []
        if size > self._max_line:
            return self._too_long(batch, batch.first)
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def _checked(self, batch: LineBatch, offset: int, line: bytes) -> bytes:
        return line if len(line) <= self._max_line else self._too_long(batch, batch.first + offset)

    def _too_long(self, batch: LineBatch, number: int) -> bytes:
        batch.problems.append((number, f"the line is longer than {self._max_line} bytes"))
        return b""


def split_lines(chunks: Iterable[bytes], max_line: int = MAX_LINE) -> Iterator[LineBatch]:
    """Batches of at most 4096 lines; a byte order mark at the start is dropped.

    Args:
        chunks: the bytes of the stream.
        max_line: a longer line is reported in `problems` and dropped.
    """
    splitter = _Splitter(max_line)
    for chunk in chunks:
        yield from _bounded(splitter.feed(chunk))
    yield from _bounded(splitter.flush())


def _bounded(batch: LineBatch) -> Iterator[LineBatch]:
    if batch.first == 1 and batch.lines:
        batch.lines[0] = batch.lines[0].removeprefix(b"\xef\xbb\xbf")
    for start in range(0, len(batch.lines), MAX_BATCH):
        first, lines = batch.first + start, batch.lines[start : start + MAX_BATCH]
        here = range(first, first + len(lines))
        yield LineBatch(first, lines, [problem for problem in batch.problems if problem[0] in here])
