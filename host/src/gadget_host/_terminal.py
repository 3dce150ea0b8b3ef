"""What the command line shows beside the events, on standard error: messages, logs, progress, figures."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from gadget_host.streams.output import Screen

if TYPE_CHECKING:
    from gadget_host._logs import LogRecord

__all__ = ["Console", "Progress", "summary_line"]

_REPEATED: Final = 3
_DISTINCT: Final = 1000
_COLOURS: Final = {"ERROR": "1;31", "WARN": "33", "INFO": "36", "DEBUG": "2", "TRACE": "2"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Console:
    """Standard output and error, and what they are connected to. NO_COLOR is honoured."""

    def __init__(self) -> None:
        self.out_is_terminal = sys.stdout.isatty()
        self.err_is_terminal = sys.stderr.isatty()
        self._plain = "NO_COLOR" in os.environ
        self.beside: Callable[[str], None] | None = None
        """How to print while a progress bar is there, which sets it."""
        self._times: Counter[str] = Counter()

    @property
    def screen(self) -> Screen:
        """Standard output, as tables need to know it."""
        if not self.out_is_terminal:
            return Screen()
        return Screen(shutil.get_terminal_size().columns, colour=not self._plain)

    def note(self, text: str) -> None:
        """Say something about the run."""
        self.write(f"{self._coloured('gadget:', '1')} {text}")

    def log(self, record: LogRecord) -> None:
        """Print `LEVEL gadget: message`, or `LEVEL host: message` for what the host has to say.

        The host says the same at every event if the gadget keeps doing wrong: it is printed a few times.
        """
        if record.origin == "host" and self._said(record):
            return
        level = record.level_name.upper()
        message = _CONTROL.sub(lambda match: f"\\x{ord(match.group()) & 0xFF:02x}", record.message)
        self.write(f"{self._coloured(level, _COLOURS.get(level, '0'))} {record.origin}: {message}")

    def _said(self, record: LogRecord) -> bool:
        """Whether this has been printed often enough."""
        if len(self._times) >= _DISTINCT and record.message not in self._times:
            return False
        self._times[record.message] += 1
        return self._times[record.message] > _REPEATED

    def repeated(self) -> None:
        """Say how often messages came that were not printed each time."""
        for message, times in self._times.items():
            if times > _REPEATED:
                self.note(f"{times - _REPEATED:,} more times: {message.partition(chr(10))[0]}")
        self._times.clear()

    def _coloured(self, text: str, colour: str) -> str:
        if self._plain or not self.err_is_terminal:
            return text
        return f"\x1b[{colour}m{text}\x1b[0m"

    def write(self, text: str) -> None:
        """Print a line on standard error."""
        if self.beside:
            self.beside(text)
        else:
            print(text, file=sys.stderr, flush=True)


class Progress:
    """A progress bar on standard error over the bytes read, where it disturbs nothing.

    It is shown when standard error is a terminal and standard output, where the events go, is not.
    """

    def __init__(self, console: Console, total: int) -> None:
        self._console = console
        self._bar: Any = None
        if console.err_is_terminal and not console.out_is_terminal:
            from tqdm import tqdm

            self._bar = tqdm(
                total=total or None, unit="B", unit_scale=True, file=sys.stderr, leave=False, mininterval=0.2
            )
            console.beside = self._beside

    def update(self, position: int, events: int) -> None:
        """Move on: bytes read of all inputs so far, events so far."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"{events:,} events", refresh=False)
            self._bar.update(position - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            self._console.beside = None

    def _beside(self, text: str) -> None:
        self._bar.write(text, file=sys.stderr)


def summary_line(events_in: int, events_out: int, seconds: float, guest_seconds: float, pages: int) -> str:
    """A run in one line.

    Args:
        events_in: events read.
        events_out: events printed.
        seconds: wall time of the run.
        guest_seconds: of which in the gadget.
        pages: of 64 KiB, of guest memory.
    """
    parts = [f"{events_in:,} events in, {events_out:,} out, {seconds:.2f} s"]
    if events_in:
        each, inside = seconds / events_in * 1e6, guest_seconds / events_in * 1e6
        parts.append(f"{events_in / seconds:,.0f} events/s")
        parts.append(f"{each:.1f} us per event ({inside:.1f} in the gadget)")
    parts.append(f"guest memory {pages / 16:.1f} MiB ({pages} pages)")
    return ", ".join(parts)
