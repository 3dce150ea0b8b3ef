"""What a guest can say about a field; its values are the data plane's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._state import HostState
    from ..sources import Field

__all__ = ["field_add_tag"]


def field_add_tag(host: HostState, field: Field, tag: str) -> None:
    """Append a tag; the same may be there already."""
    field.tags.append(tag)
