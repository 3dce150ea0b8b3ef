"""What the tests of images share: a gadget's directory, modules, and the command in a process of its own."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from tests.oci.registry import NotHereError, program, serve

Command = Callable[..., subprocess.CompletedProcess[str]]

GADGET_YAML = """\
name: beats
description: Three beats of a heart
homepageURL: https://example.org/
sourceURL: https://example.org/src
annotations: {org.opencontainers.image.vendor: me}
datasources:
  beats:
    annotations: {cli.clear-screen-before: true}
    fields:
      number: {annotations: {description: Which one, columns.width: 8}}
params:
  wasm:
    rate: {key: rate, typeHint: uint32, defaultValue: 3, description: Beats at the start}
"""

OBJECT = struct.pack("<4sBBB9xHHI", b"\x7fELF", 2, 1, 1, 1, 247, 1) + b"\0" * 40
"""As much of an eBPF object as anybody looks at who does not load it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option of nox -s registry."""
    text = "fetch a registry where none is on the PATH"
    parser.getgroup("registry").addoption("--registry", action="store_true", help=text)


@pytest.fixture(autouse=True)
def undated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are as old as their files."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)


@pytest.fixture(scope="session")
def module() -> bytes:
    """A gadget with a source of its own, on which it emits three events when it starts."""
    return bytes(wasmtime.wat2wasm(Path(__file__).with_name("beats.wat").read_text()))


@pytest.fixture
def gadget(tmp_path: Path, module: bytes) -> Path:
    """A gadget's directory with a ready module, made in September 2001."""
    directory = tmp_path / "beats"
    directory.mkdir()
    (directory / "beats.wasm").write_bytes(module)
    (directory / "gadget.yaml").write_text(GADGET_YAML)
    for path in directory.iterdir():
        os.utime(path, (10**9, 10**9))
    return directory


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run `gadget` in the test's directory."""

    def run(*args: object, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gadget_abi.cli", *map(str, args)],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "100"} | environ,
            capture_output=True,
            text=True,
            timeout=300,  # a build on a busy machine takes its time
            check=False,
        )

    return run


@pytest.fixture
def oras(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What pushing needs, in a home without credentials."""
    pytest.importorskip("oras", reason="gadget push needs oras: pip install 'gadget-sdk[push]'")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_RUNTIME_DIR", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def binary(request: pytest.FixtureRequest) -> Path:
    """A real registry's program."""
    try:
        return program(request.config.getoption("--registry", False))
    except NotHereError as reason:
        pytest.skip(f"no registry to push to: {reason}")


@pytest.fixture
def registry(binary: Path, oras: None, tmp_path: Path) -> Iterator[str]:
    """Host and port of a real registry, empty."""
    with serve(binary, tmp_path / "registry") as port:
        yield f"localhost:{port}"
