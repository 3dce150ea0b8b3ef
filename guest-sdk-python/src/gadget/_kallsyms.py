"""Symbols of the kernel."""

from ._checks import encoded
from ._host import host

__all__ = ["kernel_symbol_exists"]


def kernel_symbol_exists(name: str) -> bool:
    """Whether the kernel has a symbol of this name, such as ``"tcp_v4_connect"``."""
    return bool(host.kallsyms_symbol_exists(encoded(name)))
