from __future__ import annotations

import hashlib
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gadget_abi import EmbedderError
from gadget_abi.oci import read_image
from gadget_abi.oci.names import INDEX, MANIFEST
from gadget_build.oci import package
from gadget_build.oci.push import push

REGISTRY = next(filter(None, map(shutil.which, ("docker-registry", "registry"))), None)
CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "localhost:{port}"}}
log: {{level: error, accesslog: {{disabled: true}}}}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """Host and port of a real registry, empty."""
    if REGISTRY is None:
        pytest.skip(
            "no registry to push to: there is no docker-registry on the PATH (Debian: docker-registry)"
        )
    pytest.importorskip("oras", reason="gadget push needs oras: pip install 'gadget-sdk[push]'")
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "registry.yml"
    config.write_text(CONFIG.format(root=tmp_path / "registry", port=port))
    with (tmp_path / "registry.log").open("wb") as log:
        server = subprocess.Popen([REGISTRY, "serve", str(config)], stdout=log, stderr=log)
    try:
        _wait(port, server)
        yield f"localhost:{port}"
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


def fetch(url: str, media_type: str) -> bytes:
    """What a registry answers."""
    request = urllib.request.Request(url, headers={"Accept": media_type})
    with urllib.request.urlopen(request, timeout=30) as answer:
        data: bytes = answer.read()
    return data


def test_what_is_pushed_is_the_image_byte_for_byte(gadget: Path, registry: str) -> None:
    """Index, manifests, gadget.yaml and module lie in the registry under the digests they have in the tar."""
    result = package(gadget)
    assert push(result.output, f"{registry}/me/beats:v1", insecure=True) == result.digest
    base = f"http://{registry}/v2/me/beats"
    index = fetch(f"{base}/manifests/v1", INDEX)
    assert f"sha256:{hashlib.sha256(index).hexdigest()}" == result.digest
    image = read_image(result.output)
    for row in json.loads(index)["manifests"]:
        manifest = json.loads(fetch(f"{base}/manifests/{row['digest']}", MANIFEST))
        assert fetch(f"{base}/blobs/{manifest['config']['digest']}", "*/*") == image.metadata
        assert fetch(f"{base}/blobs/{manifest['layers'][0]['digest']}", "*/*") == image.module


def test_pushing_again_changes_nothing(gadget: Path, registry: str) -> None:
    """What is there already is left alone, and another tag is another name for it."""
    result = package(gadget)
    for tag in ("v1", "v1", "v2"):
        assert push(result.output, f"{registry}/beats:{tag}", insecure=True) == result.digest
    tags = json.loads(fetch(f"http://{registry}/v2/beats/tags/list", "*/*"))
    assert sorted(tags["tags"]) == ["v1", "v2"]


def test_a_registry_that_is_not_there_is_one_error(gadget: Path) -> None:
    """The message names the image and what went wrong."""
    pytest.importorskip("oras", reason="gadget push needs oras: pip install 'gadget-sdk[push]'")
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(EmbedderError, match=rf"localhost:{port}/beats:latest: cannot be pushed: ") as caught:
        push(package(gadget).output, f"localhost:{port}/beats", insecure=True)
    assert "\n" not in str(caught.value)
