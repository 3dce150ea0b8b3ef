from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path

import pytest

from gadget_abi import EmbedderError
from gadget_abi.oci.names import INDEX, MANIFEST
from gadget_build.oci import package
from gadget_build.oci.push import push
from tests.oci.conftest import OBJECT, Command
from tests.oci.registry import fetch, serve


def blobs(path: Path) -> dict[str, bytes]:
    """What lies in the tar of an image, by digest."""
    with tarfile.open(path) as tar:
        files = {member.name: tar.extractfile(member) for member in tar}
        return {
            name.removeprefix("blobs/").replace("/", ":"): file.read()
            for name, file in files.items()
            if file and name.startswith("blobs/")
        }


def pull(base: str, reference: str) -> dict[str, bytes]:
    """What a registry has of an image, by digest: its index, manifests, and all they speak of."""
    index = fetch(f"{base}/manifests/{reference}", INDEX)
    found = [index]
    for row in json.loads(index)["manifests"]:
        found.append(fetch(f"{base}/manifests/{row['digest']}", MANIFEST))
        manifest = json.loads(found[-1])
        for part in (manifest["config"], *manifest["layers"]):
            found.append(fetch(f"{base}/blobs/{part['digest']}"))
    return {f"sha256:{hashlib.sha256(data).hexdigest()}": data for data in found}


def test_what_is_pushed_is_the_image_byte_for_byte(gadget: Path, registry: str) -> None:
    """The registry has exactly the blobs of the tar, under the digests they have there."""
    for name in ("amd64", "arm64"):
        (gadget / f"{name}.bpf.o").write_bytes(OBJECT + name.encode())
    result = package(gadget)
    assert push(result.output, f"{registry}/me/beats:v1", insecure=True) == result.digest
    base = f"http://{registry}/v2/me/beats"
    assert pull(base, "v1") == pull(base, result.digest) == blobs(result.output)
    rows = json.loads(fetch(f"{base}/manifests/v1", INDEX))["manifests"]
    assert [row["platform"]["architecture"] for row in rows] == ["amd64", "arm64"]
    assert len({row["digest"] for row in rows}) == 2


def test_pushing_again_changes_nothing(gadget: Path, registry: str) -> None:
    """What is there already is left alone, and another tag is another name for it."""
    result = package(gadget)
    for tag in ("v1", "v1", "v2"):
        assert push(result.output, f"{registry}/beats:{tag}", insecure=True) == result.digest
    tags = json.loads(fetch(f"http://{registry}/v2/beats/tags/list"))
    assert sorted(tags["tags"]) == ["v1", "v2"]


def test_a_tag_that_exists_is_moved(gadget: Path, registry: str) -> None:
    """It names the new image, and the old one is still there under its digest."""
    old = package(gadget)
    push(old.output, f"{registry}/beats:v1", insecure=True)
    was = blobs(old.output)
    (gadget / "gadget.yaml").write_text("name: beats\ndescription: Four beats\n")
    new = package(gadget)
    assert push(new.output, f"{registry}/beats:v1", insecure=True) == new.digest != old.digest
    base = f"http://{registry}/v2/beats"
    assert pull(base, "v1") == blobs(new.output)
    assert pull(base, old.digest) == was


def test_the_command_says_what_is_there_now(gadget: Path, registry: str, command: Command) -> None:
    """Name and digest on standard output, and nothing else anywhere."""
    result = package(gadget)
    done = command("push", result.output, f"{registry}/me/beats:v1", "--insecure")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{registry}/me/beats:v1@{result.digest}\n"


def test_a_registry_that_takes_nothing_is_quoted(
    gadget: Path, binary: Path, oras: None, tmp_path: Path
) -> None:
    """One that is open for reading only says so."""
    read_only = {
        "storage": {
            "filesystem": {"rootdirectory": str(tmp_path)},
            "maintenance": {"readonly": {"enabled": True}},
        }
    }
    with serve(binary, tmp_path / "registry", read_only) as port:
        text = f"localhost:{port}/beats:latest: the registry refuses: 405 Method Not Allowed"
        with pytest.raises(EmbedderError, match=text):
            push(package(gadget).output, f"localhost:{port}/beats", insecure=True)
