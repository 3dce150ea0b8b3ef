"""The gadget's log: its own lines and the host's warnings about it, bounded in number, size and rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal

from gadget_abi import EmbedderError, load

__all__ = ["LogLevel", "LogRecord", "Logs", "level_number"]

LEVELS = {name.lower(): number for name, number in load().enums["LogLevel"].members.items()}
ERROR, WARN, DEBUG = LEVELS["error"], LEVELS["warn"], LEVELS["debug"]
_NAMES = {number: name for name, number in LEVELS.items()}

LogLevel = Literal["error", "warn", "info", "debug", "trace", "none"]

_KEPT = 10_000  # records in memory, the newest
_BURST = 10_000  # records let through at once
_RATE = 1_000  # and per second after that
_LONGEST = 64 * 1024  # characters of a message


def level_number(level: str | int) -> int:
    """The number of a log level given by name or number; -1 for "none".

    Raises:
        EmbedderError: there is no such level.
    """
    number = {"none": -1, **LEVELS}.get(level.lower()) if isinstance(level, str) else level
    if number is None or not -1 <= number < len(LEVELS):
        raise EmbedderError(f"no log level {level!r}; the levels are {', '.join(LEVELS)} and none")
    return number


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of the log.

    Args:
        level: 0 error, 1 warn, 2 info, 3 debug, 4 trace.
        message: the text; a very long one is cut and says so.
        origin: "gadget" for what the guest logged, "host" for what the host has to say about the guest.
    """

    level: int
    message: str
    origin: Literal["gadget", "host"] = "gadget"

    @property
    def level_name(self) -> str:
        """The level in words."""
        return _NAMES[self.level]

    def __str__(self) -> str:
        return f"{self.level_name}: {self.message}"


class Logs:
    """Takes log lines and passes them on, but no flood of them.

    Args:
        level: most verbose level that is kept.
        on_log: called with each record that is kept, on the thread that runs the guest.
    """

    def __init__(self, level: int, on_log: Callable[[LogRecord], None] | None = None) -> None:
        self.level, self._on_log = level, on_log
        self.records: deque[LogRecord] = deque(maxlen=_KEPT)
        self.lines = 0
        self.dropped = 0
        self._credit, self._at = float(_BURST), monotonic()

    def add(self, level: int, message: str, origin: Literal["gadget", "host"] = "gadget") -> None:
        """Take a line. A level beyond the last is a warning that quotes the message, as upstream."""
        if not 0 <= level < len(LEVELS):
            level, message = WARN, f"unknown log level {level}: {message!r}"
        if level > self.level:
            return
        if not self._may_pass():
            self.dropped += 1
            return
        self._pass(LogRecord(level, _cut(message), origin))

    def finish(self) -> None:
        """Say how many lines were dropped, if any were."""
        if self.dropped:
            text = f"{self.dropped} log lines were dropped: more than {_RATE} in a second"
            self._pass(LogRecord(WARN, text, "host"))
            self.dropped = 0

    def _pass(self, record: LogRecord) -> None:
        self.lines += 1
        self.records.append(record)
        if self._on_log:
            self._on_log(record)

    def _may_pass(self) -> bool:
        """A bucket of _BURST that fills with _RATE per second."""
        if self._credit < 1:
            now = monotonic()
            self._credit = min(self._credit + (now - self._at) * _RATE, _BURST)
            self._at = now
            if self._credit < 1:
                return False
        self._credit -= 1
        return True


def _cut(message: str) -> str:
    if len(message) <= _LONGEST:
        return message
    return f"{message[:_LONGEST]}... ({len(message) - _LONGEST} more characters)"
