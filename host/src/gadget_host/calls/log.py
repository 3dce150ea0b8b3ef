"""gadgetLog. (gadgetShouldLog is answered in the data plane.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gadget_abi import load

if TYPE_CHECKING:
    from .._state import HostState

__all__ = ["gadget_log"]

_HIGHEST = max(load().enums["LogLevel"].members.values())


def gadget_log(host: HostState, level: int, message: str) -> None:
    """Write a line to the gadget's log; a level that does not exist makes a warning that quotes the line."""
    if level > _HIGHEST:
        host.warn(f"unknown log level {level} for the message {message!r}")
    else:
        host.log(level, message)
