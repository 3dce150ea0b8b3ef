"""Files that are kept from one run to the next, and files that are written in one piece."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["UNFINISHED", "cache_dir", "write_whole"]

UNFINISHED = ".tmp"
"""Suffix of files that are being written, or that a killed process left behind."""


def cache_dir(what: str) -> Path:
    """Where things of a sort are kept: below GADGET_CACHE_DIR, XDG_CACHE_HOME/gadget or ~/.cache/gadget."""
    if chosen := os.environ.get("GADGET_CACHE_DIR"):
        return Path(chosen) / what
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gadget" / what


def write_whole(path: Path, data: bytes | bytearray, *, private: bool = False) -> None:
    """Write a file in one piece: whoever looks sees the old one or the new one, however many write.

    Args:
        path: where; its directory is there.
        data: all of it.
        private: for this user alone, instead of for whom the umask leaves.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(data)
        if not private:
            Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
