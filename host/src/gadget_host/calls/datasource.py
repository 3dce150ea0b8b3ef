"""Data sources by name, their fields and subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._state import CallError
from ..schema import KINDS

if TYPE_CHECKING:
    from .._state import HostState
    from ..sources import Field, Source

__all__ = [
    "data_source_add_field",
    "data_source_get_field",
    "data_source_is_referenced",
    "data_source_subscribe",
    "data_source_unreference",
    "get_data_source",
    "new_data_source",
]


def new_data_source(host: HostState, name: str, type: int) -> Source:
    """Create a source of type 1 (single) or 2 (array); it replaces one of the same name, which goes on."""
    return host.sources.create(name, type)


def get_data_source(host: HostState, name: str) -> Source:
    """Find a referenced source; in v0.30 any."""
    source = host.sources.get(name, referenced=host.profile.changed("unreferenced-not-found"))
    if source is None:
        if name not in host.sources.missing:
            host.sources.missing.append(name)
        raise CallError(f"there is no data source {name!r}")
    return source


def data_source_subscribe(host: HostState, source: Source, type: int, priority: int, callback: int) -> None:
    """Have dataSourceCallback called for what is emitted on a source, smaller priorities first."""
    if not host.has_callback:
        raise CallError("the gadget does not export dataSourceCallback")
    source.subscribe_guest(type, priority, callback, host.arguments[0])


def data_source_get_field(host: HostState, source: Source, name: str) -> Field | None:
    """Find a field by its full name; that there is none is nothing to warn of."""
    return source.field(name, any_case=host.profile.changed("field-lookup-ignores-case"))


def data_source_add_field(host: HostState, source: Source, name: str, kind: int) -> Field:
    """Add a field of any kind, 0 (Invalid) included."""
    if kind >= len(KINDS):
        raise CallError(f"there is no kind {kind}")
    return source.add_guest_field(name, KINDS[kind])


def data_source_unreference(host: HostState, source: Source) -> None:
    """Hide a source from whoever looks for it from now on."""
    source.unreference()


def data_source_is_referenced(host: HostState, source: Source) -> bool:
    """Whether a source can be found by its name."""
    return source.referenced
