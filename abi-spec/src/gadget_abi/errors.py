"""The errors people see. Each names who is at fault, where, and what to do about it."""

from __future__ import annotations

__all__ = ["EmbedderError", "GadgetError", "GuestError", "TableError", "WasmError"]


class GadgetError(Exception):
    """Base of every error of this project; its text is fit to be shown to a person as it is."""


class GuestError(GadgetError):
    """The guest module did something wrong.

    Args:
        reason: what is wrong, in the words of someone who wrote the guest.
        module: file name or name of the module.
        function: the export or host function concerned, empty when it is the module as a whole.
        hint: what to do about it.
    """

    def __init__(self, reason: str, *, module: str = "", function: str = "", hint: str = "") -> None:
        self.reason, self.module, self.function, self.hint = reason, module, function, hint
        where = ": ".join(part for part in (module, function) if part)
        text = f"{where}: {reason}" if where else reason
        super().__init__(f"{text}; {hint}" if hint else text)


class EmbedderError(GadgetError):
    """The caller of this library, or the person at the command line, asked for something impossible."""


class TableError(GadgetError):
    """The ABI table is malformed; the message names the row and the key."""


class WasmError(GadgetError):
    """Bytes are not a well-formed wasm binary.

    Args:
        reason: what was expected and what was found.
        offset: byte offset in the file.
    """

    def __init__(self, reason: str, offset: int) -> None:
        self.reason, self.offset = reason, offset
        super().__init__(f"at byte {offset:#x}: {reason}")
