"""What can go wrong in a build, for the people who wrote the gadget."""

from __future__ import annotations

from pathlib import Path

from gadget_abi import GadgetError

__all__ = ["BuildError"]


class BuildError(GadgetError):
    """The gadget cannot be built.

    Args:
        reason: what is wrong, in the words of someone who wrote the gadget.
        file: the source file concerned.
        line: its line, 1 and up.
        hint: what to do about it.
    """

    def __init__(
        self, reason: str, *, file: Path | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        self.reason, self.file, self.line, self.hint = reason, file, line, hint
        where = ":".join(str(part) for part in (file, line) if part is not None)
        text = f"{where}: {reason}" if where else reason
        super().__init__(f"{text}; {hint}" if hint else text)
