"""What is wrong with the input, told to a person: a bounded number of lines, then a total."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gadget_abi import EmbedderError

__all__ = ["SHOWN", "BadLines"]

SHOWN: Final = 10


class BadLines:
    """Counts bad lines, shows the first ones, and stops the run at the first if asked to.

    Args:
        tell: takes one message, without newline.
        stop: raise at the first bad line.
        shown: how many to show one by one.
    """

    def __init__(self, tell: Callable[[str], None], *, stop: bool = False, shown: int = SHOWN) -> None:
        self.count = 0
        self.stop = stop
        self._tell = tell
        self._shown = shown

    def report(self, stream: str, line: int, message: str) -> None:
        """Take note of a bad line.

        Raises:
            EmbedderError: `stream:line: message`, if bad lines stop the run.
        """
        text = f"{stream}:{line}: {message}"
        if self.stop:
            raise EmbedderError(f"{text}\nstopped at the first bad line, as --on-error stop asks")
        self.count += 1
        if self.count <= self._shown:
            self._tell(text)
        if self.count == self._shown:
            self._tell("further bad lines are counted, not shown")

    def summary(self) -> str:
        """The total, empty when all lines were good."""
        if not self.count:
            return ""
        return f"{self.count:,} bad line{' was' if self.count == 1 else 's were'} skipped"
