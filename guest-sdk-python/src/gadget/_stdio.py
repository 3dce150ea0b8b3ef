"""print: what a gadget writes to sys.stdout and sys.stderr becomes lines of its log.

Inspektor Gadget gives a gadget no streams; what is written to them is lost.
"""

import io
import sys
from typing import TextIO

from ._abi import LogLevel
from ._host import host

__all__ = ["LogStream", "install"]

_LONGEST = 16 << 10  # characters kept for a line that has not ended


class LogStream(io.TextIOBase):
    """A text stream whose lines go to the log at a level; before there is a host, to another stream."""

    def __init__(self, level: LogLevel, before: TextIO | None):
        super().__init__()
        self._level = int(level)
        self._before = before
        self._open = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        """Always utf-8."""
        return "utf-8"

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Log every line that ends in the text, and keep the rest for later."""
        if not host.attached:
            return self._before.write(text) if self._before else len(text)
        *lines, self._open = (self._open + text).split("\n")
        for line in lines:
            self._log(line)
        if len(self._open) > _LONGEST:
            self.flush()
        return len(text)

    def flush(self) -> None:
        """Log what was written of a line that has not ended."""
        if not host.attached:
            if self._before:
                self._before.flush()
        elif self._open:
            line, self._open = self._open, ""
            self._log(line)

    def _log(self, line: str) -> None:
        host.gadget_log(self._level, line.encode("utf-8", "backslashreplace"))


def install() -> None:
    """Replace sys.stdout (level info) and sys.stderr (warn): in wasm at import, natively on request."""
    sys.stdout = LogStream(LogLevel.Info, sys.stdout)
    sys.stderr = LogStream(LogLevel.Warn, sys.stderr)
