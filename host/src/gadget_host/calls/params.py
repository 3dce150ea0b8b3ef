"""getParamValue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._state import NotThereError

if TYPE_CHECKING:
    from .._state import HostState, OutBuffer

__all__ = ["get_param_value"]


def get_param_value(host: HostState, key: str, destination: OutBuffer) -> None:
    """Copy the value a run was given for a parameter: UTF-8, no NUL, no length.

    Fails for a parameter the run was not given (defaults are the client's business, not the host's) and for a
    value longer than the destination.
    """
    if (value := host.params.get(key)) is None:
        raise NotThereError(
            f"the run has no parameter {key!r}; it has {', '.join(map(repr, host.params)) or 'none'}"
        )
    destination.write(value.encode("utf-8", "surrogateescape"))
