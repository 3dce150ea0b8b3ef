"""The kernel's symbols: this machine's, or the ones an embedder says the kernel has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["KernelSymbols"]


class KernelSymbols:
    """What kallsymsSymbolExists knows.

    Args:
        symbols: names the kernel has; nothing is read from the machine then. None means the machine's.
        path: where the machine's are: lines of address, type, name, and the module if there is one.
    """

    def __init__(self, symbols: Iterable[str] | None = None, *, path: str | Path = "/proc/kallsyms") -> None:
        self._path = Path(path)
        self._names: set[str] | None = None if symbols is None else set(symbols)
        self._origin = "given"

    def add(self, *symbols: str) -> None:
        """Say that the kernel has these, too."""
        self._loaded().update(symbols)
        self._origin = "given" if self._origin == "none" else self._origin

    @property
    def origin(self) -> str:
        """Where they come from: "given", the path of the file, or "none" when that cannot be read."""
        self._loaded()
        return self._origin

    def __contains__(self, name: object) -> bool:
        return name in self._loaded()

    def __len__(self) -> int:
        return len(self._loaded())

    def _loaded(self) -> set[str]:
        if self._names is None:
            self._names = self._read()
        return self._names

    def _read(self) -> set[str]:
        try:
            text = self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            self._origin = "none"
            return set()
        self._origin = str(self._path)
        return {parts[2] for parts in map(str.split, text.splitlines()) if len(parts) >= 3}
