"""setConfig."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gadget_abi import EmbedderError, load

from .._state import CallError

if TYPE_CHECKING:
    from .._state import HostState

__all__ = ["set_config"]

_KINDS = load().enums["Kind"].members


def set_config(host: HostState, key: str, value: bytes | int, kind: int) -> None:
    """Set a dotted key of the configuration; sources and fields that exist already do not see the change.

    Fails when there is no configuration or too much is set, and for every kind but String: ``value`` is
    bytes then, and bits otherwise. (Until v0.41 upstream had none yet in a start function: quirk
    early-config.)
    """
    if host.starting and host.profile.quirk("early-config"):
        raise CallError("the real host has no configuration before the start function has returned")
    if kind != _KINDS["String"] or isinstance(value, int):
        raise CallError(f"kind {kind} cannot be set, only String ({_KINDS['String']})")
    try:
        host.config.set(key, value.decode("utf-8", "surrogateescape"))
    except EmbedderError as error:
        raise CallError(str(error)) from None
