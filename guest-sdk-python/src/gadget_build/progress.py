"""What a command of this package says while it works."""

from __future__ import annotations

import sys

__all__ = ["Progress"]


class Progress:
    """One line on a terminal that says what is going on; in a pipe only the notes."""

    def __init__(self, what: str) -> None:
        self.what, self.shown = what, sys.stderr.isatty()

    def step(self, step: str) -> None:
        """Say which step begins."""
        if self.shown:
            print(f"\r\x1b[K{self.what}: {step} ...", end="", file=sys.stderr, flush=True)

    def note(self, text: str) -> None:
        """Say something that stays."""
        self.clear()
        print(f"gadget: {text}", file=sys.stderr)

    def clear(self) -> None:
        """Take the line away."""
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
