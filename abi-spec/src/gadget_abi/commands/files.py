"""Read the module a person names on the command line."""

from __future__ import annotations

from pathlib import Path

from gadget_abi.errors import EmbedderError

__all__ = ["read_file"]

_MOST = 128 * 2**20  # bytes; a gadget may have 16 MiB of memory, the rest is debug information


def read_file(path: Path) -> bytes:
    """The bytes of a file.

    Raises:
        EmbedderError: it cannot be read, or no gadget is that large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise EmbedderError(f"{path}: {error.strerror or error}") from error
    if len(data) > _MOST:
        raise EmbedderError(f"{path}: more than {_MOST >> 20} MiB; no gadget is that large")
    return data
