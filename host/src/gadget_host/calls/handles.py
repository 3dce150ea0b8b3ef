"""Handles of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._state import HostState

__all__ = ["release_handle"]


def release_handle(host: HostState, handle: int) -> None:
    """Drop a handle; what it stands for is not closed."""
    host.release(handle)
