"""Compiled modules on disk: the second start of a gadget skips compilation.

One file per module, named by what it was made from and what it holds:

    <sha256 of wasm, wasmtime version>-<size>-<crc32>.cwasm

Loading such a file runs what is in it, so only files of our own, in a directory that only we can write to,
are loaded, and only when size and checksum are those of the name: a torn or damaged one is made again. Files
appear by renaming, so processes that start together do not see each other's halves.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import time
import zlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import wasmtime

from gadget_abi import files
from gadget_abi.wasm import Module

from ._engine import validate
from ._split import split

__all__ = ["Compiled", "cache_dir", "compile_guest", "compile_text", "compile_wat", "find_guest"]

_KEEP_BYTES = 1 << 30
_SUFFIX = ".cwasm"
_CODE, _IMAGE = "guest's code", "guest's memory"
_ENGINE = f"wasmtime {version('wasmtime')}"


def cache_dir() -> Path:
    """Where compiled modules are kept; see gadget_abi.files."""
    return files.cache_dir("modules")


class Compiled(NamedTuple):
    """A guest in two modules, see ``_split``; the first has its memory, None for a guest without."""

    image: wasmtime.Module | None
    code: wasmtime.Module


def find_guest(engine: wasmtime.Engine, wasm: bytes) -> Compiled | None:
    """Take a guest from the cache; only what was read to its end and validated gets there."""
    directory = _private(cache_dir())
    if directory is None:
        return None
    digest = _digest(wasm)
    code = _find(engine, directory, _key(digest, _CODE))
    image = _find(engine, directory, _key(digest, _IMAGE)) if code else None
    if code is None or (image is None and any(isinstance(i.type, wasmtime.MemoryType) for i in code.imports)):
        return None
    return Compiled(image, code)


def compile_guest(engine: wasmtime.Engine, wasm: bytes, info: Module) -> Compiled:
    """Compile a guest and keep it in the cache.

    Args:
        engine: for which.
        wasm: its bytes, by which it is found again.
        info: what it declares.

    Raises:
        wasmtime.WasmtimeError: the guest is not valid.
    """
    validate(wasm)
    directory, digest, parts = _private(cache_dir()), _digest(wasm), split(wasm, info)
    image = parts.image and _compile(engine, directory, _key(digest, _IMAGE), parts.image)
    return Compiled(image or None, _compile(engine, directory, _key(digest, _CODE), parts.code))


def compile_text(engine: wasmtime.Engine, text: str, assemble: Callable[[str], bytes]) -> wasmtime.Module:
    """Assemble and compile a module of our own, or take it from the cache.

    Args:
        engine: for which.
        text: tells the module from others; everything it depends on.
        assemble: makes wasm of the text, where the cache does not have it.
    """
    directory, key = _private(cache_dir()), _key(_digest(text.encode()), "host")
    found = _find(engine, directory, key) if directory else None
    return found or _compile(engine, directory, key, assemble(text))


def compile_wat(engine: wasmtime.Engine, text: str) -> wasmtime.Module:
    """As compile_text, for a module in the text format."""
    return compile_text(engine, text, lambda wat: bytes(wasmtime.wat2wasm(wat)))


def _compile(engine: wasmtime.Engine, directory: Path | None, key: str, wasm: bytes) -> wasmtime.Module:
    module = wasmtime.Module(engine, wasm)
    if directory:
        _store(directory, key, module.serialize())
    return module


def _digest(made_from: bytes) -> bytes:
    return hashlib.sha256(made_from, usedforsecurity=False).digest()


def _key(digest: bytes, kind: str) -> str:
    return hashlib.sha256(digest + f"{_ENGINE} {kind}".encode(), usedforsecurity=False).hexdigest()[:40]


def _private(directory: Path) -> Path | None:
    """The directory, made when missing; None when it cannot be used or others could write to it."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = directory.stat()
    except OSError:
        return None
    ours = status.st_uid == os.geteuid() and not status.st_mode & 0o022
    return directory if ours else None


def _find(engine: wasmtime.Engine, directory: Path, key: str) -> wasmtime.Module | None:
    for path in directory.glob(f"{key}-*{_SUFFIX}"):
        try:
            if path.stat().st_uid == os.geteuid() and _intact(path):
                module = wasmtime.Module.deserialize_file(engine, str(path))
                os.utime(path)  # the oldest go first when the cache is full
                return module
        except (OSError, wasmtime.WasmtimeError):  # vanished, or made for another processor
            pass
        _remove(path)
    return None


def _intact(path: Path) -> bool:
    with path.open("rb") as file:
        if path.stat().st_size == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return path.name.endswith(_checksum(data))


def _checksum(data: bytes | bytearray | mmap.mmap) -> str:
    return f"-{len(data)}-{zlib.crc32(data):08x}{_SUFFIX}"


def _store(directory: Path, key: str, compiled: bytearray) -> None:
    """Put a compiled module into the cache; a full or read-only disk is no reason to fail."""
    with contextlib.suppress(OSError):
        files.write_whole(directory / f"{key}{_checksum(compiled)}", compiled, private=True)
        _prune(directory)


def _prune(directory: Path) -> None:
    """Remove what was not used for longest, until the cache has its size, and what a killed process left."""
    for path in directory.glob(f"*{files.UNFINISHED}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > 3600:
                path.unlink()
    entries = []
    for path in directory.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            entries.append((path.stat().st_mtime, path.stat().st_size, path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= _KEEP_BYTES:
            break
        _remove(path)
        total -= size


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
