"""A real registry: Debian's docker-registry, and the services around it."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from gadget_build.cache import cache_dir

__all__ = ["NotHereError", "fetch", "free_port", "program", "serve"]


class NotHereError(Exception):
    """There is no registry on this machine; the text says why."""


@cache
def program(download: bool) -> Path:
    """The registry: the one on the PATH, or else one from Debian's package, which is unpacked and not installed.

    Args:
        download: whether a package may be fetched; it is kept beside the linker's cache.

    Raises:
        NotHereError: there is none.
    """
    for name in ("docker-registry", "registry"):
        if found := shutil.which(name):
            return Path(found)
    kept = cache_dir().with_name("registry") / "docker-registry"
    if kept.exists():
        return kept
    if not download:
        raise NotHereError("no docker-registry on the PATH; nox -s registry fetches Debian's")
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise NotHereError("no docker-registry on the PATH, and no Debian to fetch one from")
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=kept.parent) as unpacked:
        _run("apt-get", "download", "docker-registry", directory=unpacked)
        (package,) = Path(unpacked).glob("*.deb")
        _run("dpkg-deb", "--extract", package.name, ".", directory=unpacked)
        Path(unpacked, "usr/bin/docker-registry").replace(kept)
    return kept


def _run(*command: str, directory: str) -> None:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
        raise NotHereError(f"no docker-registry on the PATH, and {command[0]} fails: {said[0]}")


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("localhost", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def serve(binary: Path, directory: Path, config: Mapping[str, Any] | None = None) -> Iterator[int]:
    """Run a registry that keeps its images below a directory; gives its port.

    Args:
        binary: the program.
        directory: what it stored stays there for the next one.
        config: sections of its configuration, merged into http, storage and so on.
    """
    port = free_port()
    whole: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
        "http": {"addr": f"localhost:{port}"},
    }
    for section, values in (config or {}).items():
        whole[section] = {**whole.get(section, {}), **values}
    directory.mkdir(exist_ok=True)
    file = directory / "config.yml"
    file.write_text(json.dumps(whole))  # which is YAML as well
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen([binary, "serve", file], stdout=log, stderr=log)
    try:
        _wait(port, server)
        yield port
    finally:
        server.kill()
        server.wait()


def _wait(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert server.poll() is None, "the registry ended"
        try:
            socket.create_connection(("localhost", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the registry does not listen")


def fetch(url: str, media_type: str = "*/*") -> bytes:
    """What a registry answers."""
    request = urllib.request.Request(url, headers={"Accept": media_type})
    with urllib.request.urlopen(request, timeout=30) as answer:
        data: bytes = answer.read()
    return data
