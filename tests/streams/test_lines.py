from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadget_abi import EmbedderError
from gadget_host.streams.lines import MAX_BATCH, ByteStream, LineBatch, split_lines


def numbered(batches: Iterator[LineBatch]) -> list[tuple[int, bytes]]:
    """Every line with its number."""
    return [(batch.first + n, line) for batch in batches for n, line in enumerate(batch.lines)]


def read(path: Path | str) -> tuple[bytes, str]:
    """All bytes of a stream, and what ended it early."""
    with ByteStream(str(path)) as stream:
        return b"".join(stream), stream.problem


@given(st.binary(max_size=200).map(lambda data: data.replace(b"\xef\xbb\xbf", b"")), st.data())
def test_chunks_do_not_matter(data: bytes, draw: st.DataObject) -> None:
    """However a stream is cut into chunks, its lines and their numbers are the same."""
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=6)))
    chunks = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    assert numbered(split_lines(chunks)) == list(enumerate(lines, 1))


def test_batches_are_bounded() -> None:
    """A chunk of very many lines is given out in batches of 4096, numbered on."""
    batches = list(split_lines([b"{}\n" * (MAX_BATCH + 1)]))
    assert [(batch.first, len(batch.lines)) for batch in batches] == [(1, MAX_BATCH), (MAX_BATCH + 1, 1)]


@pytest.mark.parametrize("size", [10, 11, 5000])
@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_long_line(size: int, chunk: int) -> None:
    """A line longer than allowed is dropped and reported; the ones around it are not touched."""
    data = b"ab\n" + b"x" * size + b"\ncd\n"
    batches = list(split_lines([data[i : i + chunk] for i in range(0, len(data), chunk)], max_line=10))
    problems = [problem for batch in batches for problem in batch.problems]
    middle = (2, b"x" * 10) if size == 10 else (2, b"")
    assert numbered(iter(batches)) == [(1, b"ab"), middle, (3, b"cd")]
    assert problems == ([] if size == 10 else [(2, "the line is longer than 10 bytes")])


def test_long_line_does_not_pile_up() -> None:
    """What a line has beyond the limit is not kept."""
    splitter = split_lines((b"x" * 1000 for _ in range(1000)), max_line=5000)
    assert numbered(splitter) == [(1, b"")]


def test_byte_order_mark() -> None:
    """A byte order mark at the start of a stream is not part of the first line, even when cut in two."""
    assert numbered(split_lines([b"\xef", b"\xbb\xbf{}\n\xef\xbb\xbf"])) == [(1, b"{}"), (2, b"\xef\xbb\xbf")]


def test_gzip_by_content(tmp_path: Path) -> None:
    """A gzip file is recognised by its first bytes, whatever its name."""
    path = tmp_path / "events.txt"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    assert read(path) == (b"one\ntwo\n", "")


def test_gzip_members(tmp_path: Path) -> None:
    """Members that were appended to each other, padded with zeros or not, are one stream."""
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(b"one\n") + bytes(20_000) + gzip.compress(b"two\n") + gzip.compress(b""))
    assert read(path) == (b"one\ntwo\n", "")


WHOLE = gzip.compress(b"one\ntwo\n")


@pytest.mark.parametrize(
    ("data", "left", "problem"),
    [
        (WHOLE[:-1], b"one\ntwo\n", "the gzip data ends early: the file is cut off"),
        (WHOLE[:5], b"", "the gzip data ends early: the file is cut off"),
        (WHOLE[:-8] + b"12345678", b"one\ntwo\n", "the gzip data is damaged (Error -3"),
        (WHOLE + b"tail", b"one\ntwo\n", "the bytes after the gzip data are ignored"),
    ],
    ids=["one byte short", "in the header", "wrong checksum", "trailing bytes"],
)
def test_damaged_gzip(tmp_path: Path, data: bytes, left: bytes, problem: str) -> None:
    """A gzip file that is cut off or damaged gives what it holds and says what is wrong."""
    path = tmp_path / "events.gz"
    path.write_bytes(data)
    found, reason = read(path)
    assert (found, reason[: len(problem)]) == (left, problem)


@pytest.mark.parametrize(
    ("name", "reason"), [("absent", "No such file"), ("", "is a directory"), ("a\0b", "null")]
)
def test_cannot_open(tmp_path: Path, name: str, reason: str) -> None:
    """A file that cannot be opened is the caller's error and says why."""
    with pytest.raises(EmbedderError, match=reason):
        ByteStream(f"{tmp_path}/{name}")


def test_size_and_position(tmp_path: Path) -> None:
    """A file's size is known, and the position counts compressed bytes."""
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(b"x" * 100_000))
    with ByteStream(str(path)) as stream:
        assert (stream.live, stream.size, stream.position) == (False, path.stat().st_size, 0)
        assert sum(map(len, stream)) == 100_000
        assert stream.position == stream.size


def test_pipe_gives_what_is_there(tmp_path: Path) -> None:
    """A pipe's bytes are given out as soon as they are written, before it ends."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    seen = threading.Event()

    def write() -> None:
        with path.open("wb", buffering=0) as pipe:
            for text in (b"1", b"\n2\n"):  # one byte could be the start of a gzip file
                pipe.write(text)
            assert seen.wait(10)

    thread = threading.Thread(target=write)
    thread.start()
    with ByteStream(str(path)) as stream:
        assert stream.live
        assert next(iter(split_lines(stream))).lines[0] == b"1"
        seen.set()
    thread.join()


class Stop:
    """A stop token over a pipe."""

    requested = False

    def __init__(self) -> None:
        self._read, self._write = os.pipe()

    def fileno(self) -> int:
        """The end that becomes readable."""
        return self._read

    def set(self) -> None:
        """Ask to stop."""
        self.requested = True
        os.write(self._write, b"x")


def test_stop_while_waiting(tmp_path: Path) -> None:
    """A request to stop ends the wait for a pipe to which nobody writes."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    writer = os.open(path, os.O_RDWR)
    stop = Stop()
    timer = threading.Timer(0.1, stop.set)
    timer.start()
    with ByteStream(str(path), stop) as stream:
        assert list(stream) == []
        assert stream.problem == ""
    timer.join()
    os.close(writer)


def test_stop_in_a_file(tmp_path: Path) -> None:
    """A request to stop ends a gzip file without calling it cut off."""
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(os.urandom(100_000)))
    stop = Stop()
    with ByteStream(str(path), stop) as stream:
        next(chunks := iter(stream))
        stop.set()
        assert list(chunks) == []
        assert stream.problem == ""
