"""How the contract's guests are built, for each language and each signature set."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import wasmtime

from gadget_abi.table import SignatureSet
from gadget_build.cache import DiskStore, cache_dir
from gadget_build.componentize import componentize
from gadget_build.link.linker import link
from gadget_build.program import find_program
from tests.roundtrip import declarations
from tests.roundtrip.contract import ABI, flags

__all__ = ["LANGUAGES", "NotHereError"]

GUESTS = Path(__file__).parent / "guests"
_TEXTS = 4096  # where the WAT guest keeps its texts
_ESCAPE = re.compile(r"\\([0-9a-f]{2})")


class NotHereError(Exception):
    """A guest that cannot be built on this machine, or cannot be of a set; the text says why."""


def build_wat(signatures: SignatureSet, directory: Path) -> Path:
    """The guest written by hand."""
    output = directory / f"{signatures.name}.wasm"
    output.write_bytes(wasmtime.wat2wasm(preprocess((GUESTS / "guest.wat").read_text(), signatures)))
    return output


def preprocess(text: str, signatures: SignatureSet) -> str:
    """The WAT of a set: imports, the lines its flags keep, texts in memory."""
    kept = "\n".join(_kept(text, set(flags(signatures))))
    laid = _Texts()
    code = re.sub(r'@"([^"]*)"', lambda match: laid.constant(match[1]), kept)
    return (
        code.replace("\n@imports\n", f"\n{declarations.wat(signatures)}\n").rstrip()[:-1] + laid.data() + ")"
    )


def _kept(text: str, flags: set[str]) -> list[str]:
    lines, wanted = [], [True]
    for line in text.splitlines():
        mark, _, flag = line.strip().partition(" ")
        if mark == ";;[":
            wanted.append(wanted[-1] and (flag.lstrip("!") in flags) != flag.startswith("!"))
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


def build_python(signatures: SignatureSet, directory: Path) -> Path:
    """The guest written with the SDK: componentized once for all sets, and linked for each."""
    output = directory / f"{signatures.name}.wasm"
    output.write_bytes(link(_component(), ABI, signatures.releases[0], DiskStore(cache_dir())))
    return output


@cache
def _component() -> bytes:
    world = (files("gadget_abi") / "data" / "gadget.wit").read_text(encoding="utf-8")
    return componentize(find_program(GUESTS / "program.py"), world)


Builder = Callable[[SignatureSet, Path], Path]
LANGUAGES: dict[str, Builder] = {"wat": build_wat, "python": build_python}
