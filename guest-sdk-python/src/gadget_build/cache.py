"""Linked pieces on disk, by content: what is the same for every gadget is linked once."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["DiskStore", "cache_dir", "write_whole"]


def cache_dir() -> Path:
    """Where linked pieces are kept: below GADGET_CACHE_DIR, XDG_CACHE_HOME/gadget or ~/.cache/gadget."""
    if chosen := os.environ.get("GADGET_CACHE_DIR"):
        return Path(chosen) / "linked"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gadget" / "linked"


class DiskStore:
    """The linker's store in a directory, one file a key.

    A directory that cannot be read or written is as good as none: the build only takes longer. Whether a value is
    sound is checked by the linker.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def get(self, key: str) -> bytes | None:
        """What was put under a key, if it is still there."""
        with contextlib.suppress(OSError):
            return (self.directory / key).read_bytes()
        return None

    def put(self, key: str, value: bytes) -> None:
        """Keep a value; builds that run side by side see all of it or nothing."""
        with contextlib.suppress(OSError):
            self.directory.mkdir(parents=True, exist_ok=True)
            write_whole(self.directory / key, value)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file in one piece: whoever looks sees the old one or the new one.

    Raises:
        OSError: it cannot be written.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(data)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
