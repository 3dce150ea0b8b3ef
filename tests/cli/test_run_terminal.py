"""`gadget run` on a terminal: what is shown there, and nowhere else."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from pathlib import Path

import pytest

from tests.cli.conftest import COMMAND, event, lines

WIDTH = 60
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal:
    """A terminal of 60 columns that records what is written to it."""

    def __init__(self) -> None:
        self._main, self.end = pty.openpty()
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
        self._data = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux says EIO at the end
            while part := os.read(self._main, 65536):
                self._data += part

    def text(self) -> str:
        """All that was written; the terminal is gone afterwards."""
        os.close(self.end)
        self._reader.join()
        os.close(self._main)
        return self._data.decode().replace("\r\n", "\n")


def on_terminal(
    guest: Path,
    stream: Path,
    *args: str,
    stdout: bool = True,
    stderr: bool = True,
    no_color: bool = False,
) -> tuple[str, str]:
    """What a run writes to standard output and error, each a terminal or a pipe."""
    env = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS", "LINES")}
    env |= {"NO_COLOR": "1"} if no_color else {}
    ends = [Terminal() if wanted else None for wanted in (stdout, stderr)]
    command = [*COMMAND, str(guest), "-i", str(stream), *args]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=ends[0].end if ends[0] else subprocess.PIPE,
        stderr=ends[1].end if ends[1] else subprocess.PIPE,
        env=env,
    )
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    texts = [end.text() if end else data.decode() for end, data in zip(ends, (out, err), strict=True)]
    return texts[0], texts[1]


def test_table_fits(guest: Path, stream: Path) -> None:
    """A table is as wide as the terminal at most, and its headings are bold."""
    stream.write_text(lines(*(event(n, "/a/very/long/name" * 9) for n in range(20, 40))))
    out, _ = on_terminal(guest, stream)
    assert out.startswith("\x1b[1m")
    assert max(len(ESCAPES.sub("", line)) for line in out.splitlines()) <= WIDTH
    assert "…" in out


def test_nothing_of_that_in_a_pipe(guest: Path, stream: Path) -> None:
    """In a pipe there is no colour, no bar and no cut value."""
    stream.write_text(lines(event(1, "/a/very/long/name" * 9)))
    out, err = on_terminal(guest, stream, stdout=False, stderr=False)
    assert "\x1b" not in out + err
    assert "\r" not in out + err
    assert "/a/very/long/name" * 9 in out
    assert "events/s" not in err


def test_figures_at_the_end(guest: Path, stream: Path) -> None:
    """On a terminal the last line has the figures of the run."""
    _, err = on_terminal(guest, stream)
    last = ESCAPES.sub("", err.splitlines()[-1])
    assert re.fullmatch(
        r"gadget: 3 events in, 3 out, \d+\.\d\d s, [\d,]+ events/s, "
        r"[\d.]+ us per event \([\d.]+ in the gadget\), guest memory 0\.1 MiB \(2 pages\)",
        last,
    )


def test_coloured_log(guest: Path, stream: Path) -> None:
    """Log levels have a colour on a terminal, unless NO_COLOR is set."""
    assert "\x1b[36mINFO\x1b[0m gadget: ready" in on_terminal(guest, stream)[1]
    out, err = on_terminal(guest, stream, no_color=True)
    assert "\x1b[" not in out
    assert "INFO gadget: ready" in err


@pytest.mark.parametrize("stdout", [False, True])
def test_progress(guest: Path, stream: Path, stdout: bool) -> None:
    """A progress bar is shown while events go into a pipe, not while they are on the terminal themselves."""
    stream.write_text(lines(*(event(n, "/x" * 200) for n in range(100, 2_000))))
    _, err = on_terminal(guest, stream, "-o", "json", stdout=stdout)
    assert ("%|" in err and "events" in err) is not stdout
    assert "INFO gadget: ready" in ESCAPES.sub("", err)


def test_cursor_stays_put(guest: Path, stream: Path) -> None:
    """What a file name holds cannot move the cursor or colour the terminal."""
    stream.write_text(lines(event(1, "\x1b[2J\n")))
    out, _ = on_terminal(guest, stream)
    assert "\\x1b[2J\\x0a" in out
    assert len(out.splitlines()) == 2
