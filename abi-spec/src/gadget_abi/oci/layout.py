"""Read an OCI image layout from a tar: JSON documents and blobs, each checked against its digest and its size.

Nothing is unpacked. Whatever a file holds, it is read with bounded memory or refused with one error.
Source: the image-layout and descriptor pages of the OCI image spec, v1.1.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gadget_abi.errors import EmbedderError

__all__ = ["Descriptor", "Layout", "is_tar"]

MOST_JSON: Final = 4 * 2**20
"""Bytes of an index or a manifest; registries and oras allow as many."""
MOST_BLOB: Final = 256 * 2**20
"""Bytes of a layer; a gadget's module is refused beyond 128 MiB."""
_MOST_FILES: Final = 10_000
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_MAGIC_AT, _MAGIC = 257, b"ustar"


def is_tar(path: Path) -> bool:
    """Whether a file is called a tar or begins like one."""
    if path.suffix == ".tar":
        return path.is_file()
    try:
        with path.open("rb") as file:
            return file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] == _MAGIC
    except OSError:
        return False


@dataclass(frozen=True)
class Descriptor:
    """What an image says of one of its parts: type, digest and size in bytes, and notes about it."""

    media_type: str
    digest: str
    size: int
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: Mapping[str, Any] | None = None

    @classmethod
    def read(cls, row: object, where: str) -> Self:
        """Take one out of a JSON document.

        Raises:
            EmbedderError: something of it is missing or wrong; `where` says what of.
        """
        if not isinstance(row, dict):
            raise EmbedderError(f"{where}: not a descriptor")
        media_type, digest, size = (row.get(key) for key in ("mediaType", "digest", "size"))
        if not isinstance(media_type, str):
            raise EmbedderError(f"{where}: no mediaType")
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise EmbedderError(f"{where}: {_short(digest)} is no sha256 digest")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise EmbedderError(f"{where}: {_short(size)} is no size")
        platform = row.get("platform")
        if platform is not None and not isinstance(platform, dict):
            raise EmbedderError(f"{where}: platform is no object")
        return cls(media_type, digest, size, texts(row.get("annotations"), where), platform)


def texts(row: object, where: str) -> dict[str, str]:
    """Annotations: an object of texts, or nothing.

    Raises:
        EmbedderError: it is something else.
    """
    if row is None:
        return {}
    if not isinstance(row, dict) or not all(isinstance(value, str) for value in row.values()):
        raise EmbedderError(f"{where}: annotations are no object of texts")
    return row


class Layout:
    """A tar with an image layout, open to be read; a context manager.

    Args:
        path: of the tar.

    Raises:
        EmbedderError: it cannot be read, is no tar, or holds no image layout; from the methods: a part is
            missing, too large, or not what its digest says.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise EmbedderError(f"{path}: {error.strerror or error}") from None
        try:
            with self._reading():
                # Uncompressed only, as ig imports them.
                self._tar = tarfile.open(fileobj=self._file, mode="r:")  # noqa: SIM115 (kept open)
                self._members = dict(self._list())
            if "oci-layout" not in self._members:
                raise self._error("no image layout: there is no file oci-layout in it")
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def index(self) -> dict[str, Any]:
        """What index.json says: the images and their names."""
        member = self._members.get("index.json")
        if member is None:
            raise self._error("no image layout: there is no index.json in it")
        return self._json(self._read(member, MOST_JSON, "index.json"), "index.json")

    def document(self, descriptor: Descriptor, what: str) -> dict[str, Any]:
        """A JSON document, such as a manifest; `what` is for messages."""
        return self._json(self.blob(descriptor, what, MOST_JSON), what)

    def blob(self, descriptor: Descriptor, what: str, most: int = MOST_BLOB) -> bytes:
        """The bytes a descriptor stands for, checked against its size and digest; `what` is for messages."""
        member = self._members.get(f"blobs/{descriptor.digest.replace(':', '/')}")
        if member is None:
            raise self._error(f"{what} is missing: there is no {descriptor.digest}")
        if member.size != descriptor.size:
            raise self._error(f"{what} has {member.size} bytes, its descriptor says {descriptor.size}")
        data = self._read(member, most, what)
        if (found := f"sha256:{hashlib.sha256(data).hexdigest()}") != descriptor.digest:
            raise self._error(f"{what} has been changed: its digest is {found}, not {descriptor.digest}")
        return data

    def _list(self) -> Iterator[tuple[str, tarfile.TarInfo]]:
        """The regular files by name."""
        seen: set[str] = set()
        end = -1
        while member := self._tar.next():
            # A size below zero would lead back to where reading began.
            if member.offset <= end or member.size < 0 or len(seen) >= _MOST_FILES:
                raise self._error(f"no usable tar: more than {_MOST_FILES} files, or sizes that lead nowhere")
            end = member.offset
            name = posixpath.normpath(member.name)
            if name.startswith(("/", "..")) or "\\" in name:
                raise self._error(f"{member.name!r} would lead out of the layout")
            if member.isreg() and not member.issparse():
                if name in seen:
                    raise self._error(f"{name} is in it twice")
                seen.add(name)
                yield name, member

    def _read(self, member: tarfile.TarInfo, most: int, what: str) -> bytes:
        if member.size > most:
            raise self._error(f"{what} has {member.size} bytes, more than {most >> 20} MiB")
        with self._reading():
            self._file.seek(member.offset_data)
            data = self._file.read(member.size)
        if len(data) != member.size:
            raise self._error(f"cut off: {what} has {member.size} bytes, {len(data)} are there")
        return data

    def _json(self, data: bytes, what: str) -> dict[str, Any]:
        try:
            found = json.loads(data)
        except ValueError:
            raise self._error(f"{what} is no JSON") from None
        except RecursionError:
            raise self._error(f"{what} is nested too deep") from None
        if not isinstance(found, dict):
            raise self._error(f"{what} is no JSON object")
        return found

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (tarfile.TarError, EOFError) as error:
            raise self._error(f"no readable tar: {error or 'it is cut off'}{self._compressed()}") from None
        except (ValueError, ArithmeticError, LookupError, TypeError, RecursionError, MemoryError) as error:
            # What tarfile lets out of broken headers.
            raise self._error(f"no readable tar: {type(error).__name__}") from None
        except OSError as error:
            raise self._error(f"cannot be read: {error.strerror or error}") from None

    def _compressed(self) -> str:
        self._file.seek(0)
        start = self._file.read(4)
        known = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zX": "xz"}
        found = next((name for magic, name in known.items() if start.startswith(magic)), None)
        return f"; it is compressed with {found}: unpack that first" if found else ""

    def _error(self, reason: str) -> EmbedderError:
        return EmbedderError(f"{self.path}: {reason}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:70]}..."
