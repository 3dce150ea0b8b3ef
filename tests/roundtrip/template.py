"""The WAT guest's files as the module of a signature set."""

from __future__ import annotations

import re
from pathlib import Path

from gadget_abi.table import SignatureSet
from tests.roundtrip import declarations
from tests.roundtrip.contract import flags

__all__ = ["expand"]

_TEXTS = 4096  # where the guest keeps its texts
_ESCAPE = re.compile(r"\\([0-9a-f]{2})")


def expand(directory: Path, signatures: SignatureSet) -> str:
    """The module of a set: imports, the lines of all files that its flags keep, texts in memory.

    Args:
        directory: of the files; module.wat says what they may contain.
        signatures: the set.
    """
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.wat")))
    laid = _Texts()
    code = re.sub(r'@"([^"]*)"', lambda match: laid.constant(match[1]), "\n".join(_kept(text, signatures)))
    return f"(module\n{declarations.wat(signatures)}\n{code}\n{laid.data()})"


def _kept(text: str, signatures: SignatureSet) -> list[str]:
    lines, wanted, set_ = [], [True], flags(signatures)
    for line in text.splitlines():
        mark, _, flag = line.strip().partition(" ")
        if mark == ";;[":
            wanted.append(wanted[-1] and (flag.lstrip("!") in set_) != flag.startswith("!"))
        elif mark == ";;]":
            wanted.pop()
        elif wanted[-1]:
            lines.append(line)
    return lines


class _Texts:
    """Texts one after the other from 4096 on."""

    def __init__(self) -> None:
        self._at: dict[str, int] = {}
        self._end = _TEXTS

    def constant(self, text: str) -> str:
        """The packed pointer to a text, as an instruction."""
        size = len(_ESCAPE.sub("x", text).encode()) if "\\" in text else len(text.encode())
        if not size:
            return "(i64.const 0)"
        if text not in self._at:
            self._at[text], self._end = self._end, self._end + size
        return f"(i64.const {size << 32 | self._at[text]})"

    def data(self) -> str:
        """The segments."""
        return "\n".join(f'  (data (i32.const {at}) "{text}")' for text, at in self._at.items())
