"""kallsymsSymbolExists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._state import CallError

if TYPE_CHECKING:
    from .._state import HostState

__all__ = ["kallsyms_symbol_exists"]


def kallsyms_symbol_exists(host: HostState, symbol: str) -> bool:
    """Tell whether the kernel has a symbol of that name, in itself or in a module."""
    if host.kallsyms.origin == "none":
        raise CallError("there is no /proc/kallsyms here, and no symbols were given")
    return symbol in host.kallsyms
