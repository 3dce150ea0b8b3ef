"""Linked pieces on disk, by content: what is the same for every gadget is linked once."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gadget_abi import files
from gadget_abi.files import write_whole

__all__ = ["DiskStore", "cache_dir", "write_whole"]


def cache_dir() -> Path:
    """Where linked pieces are kept; see gadget_abi.files."""
    return files.cache_dir("linked")


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
