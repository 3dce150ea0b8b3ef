from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gadget_abi import EmbedderError
from gadget_abi.oci import read_image
from gadget_build.oci import package
from tests.oci.conftest import Command

Files = dict[str, bytes]


def write(path: Path, files: Files, **header: Any) -> Path:
    """A tar of files; `header` changes all entries."""
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            for key, value in header.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture
def files(gadget: Path) -> Files:
    """What is in the tar of a right image."""
    with tarfile.open(package(gadget).output) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def blob(files: Files, document: Any) -> dict[str, Any]:
    """Add a document or bytes as a blob; its descriptor, without a type."""
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    files[f"blobs/sha256/{digest}"] = data
    return {"digest": f"sha256:{digest}", "size": len(data)}


def parts(files: Files) -> tuple[Any, Any, Any]:
    """index.json, the image index, and the manifest of both architectures."""
    top = json.loads(files["index.json"])
    index = json.loads(files[name_of(top["manifests"][0])])
    return top, index, json.loads(files[name_of(index["manifests"][0])])


def name_of(descriptor: dict[str, Any]) -> str:
    """Where in the tar a blob is."""
    return f"blobs/{descriptor['digest'].replace(':', '/')}"


def with_top(files: Files, change: Callable[[Any], object]) -> None:
    """Change index.json."""
    top, _, _ = parts(files)
    change(top)
    files["index.json"] = json.dumps(top).encode()


def with_index(files: Files, change: Callable[[Any], object]) -> None:
    """Change the image index, and what says its digest."""
    _, index, _ = parts(files)
    change(index)
    with_top(files, lambda top: top["manifests"][0].update(blob(files, index)))


def with_manifest(files: Files, change: Callable[[Any], object]) -> None:
    """Change the manifest of both architectures, and what says its digest."""
    _, _, manifest = parts(files)
    change(manifest)
    found = blob(files, manifest)
    with_index(files, lambda index: [row.update(found) for row in index["manifests"]])


BROKEN: dict[str, tuple[Callable[[Files], object], str]] = {
    "no layout file": (lambda f: f.pop("oci-layout"), "no image layout: there is no file oci-layout"),
    "no index.json": (lambda f: f.pop("index.json"), "no image layout: there is no index.json"),
    "no JSON": (lambda f: f.update({"index.json": b"{"}), "index.json is no JSON$"),
    "deep JSON": (lambda f: f.update({"index.json": b"[" * 10**6}), "index.json is nested too deep"),
    "long number": (lambda f: f.update({"index.json": b"9" * 5000}), "index.json is no JSON$"),
    "not text": (lambda f: f.update({"index.json": b"\xff\xfe"}), "index.json is no JSON$"),
    "no object": (lambda f: f.update({"index.json": b"[]"}), "index.json is no JSON object"),
    "large JSON": (lambda f: f.update({"index.json": b" " * (2**22 + 1)}), "index.json has .* more than 4 MiB"),
    "no images": (lambda f: with_top(f, lambda top: top["manifests"].clear()), "there is no image in it"),
    "images are no list": (lambda f: with_top(f, lambda top: top.update(manifests={})), "manifests is no list"),
    "too many": (
        lambda f: with_top(f, lambda top: top["manifests"].extend([{}] * 100)),
        "index.json: manifests is no list of at most 100",
    ),
    "no descriptor": (lambda f: with_top(f, lambda t: t.update(manifests=[1])), r"manifests\[0\]: not a descriptor"),
    "path as digest": (
        lambda f: with_top(f, lambda top: top["manifests"][0].update(digest="sha256:../../etc/passwd")),
        r"index.json: manifests\[0\]: 'sha256:../../etc/passwd' is no sha256 digest",
    ),
    "size below zero": (lambda f: with_top(f, lambda top: top["manifests"][0].update(size=-1)), "-1 is no size"),
    "another size": (
        lambda f: with_top(f, lambda top: top["manifests"][0].update(size=2**60)),
        "the image index has [0-9]+ bytes, its descriptor says 1152921504606846976",
    ),
    "changed": (
        lambda f: f.update({name: data.replace(b"amd64", b"amd46") for name, data in f.items() if "blobs" in name}),
        "the image index has been changed: its digest is sha256:[0-9a-f]+, not sha256:",
    ),
    "manifest without index": (
        lambda f: with_top(f, lambda top: top["manifests"].__setitem__(0, parts(f)[1]["manifests"][0])),
        "image without a name is application/vnd.oci.image.manifest.v1.json, not .*: ig takes an index",
    ),
    "empty index": (lambda f: with_index(f, lambda index: index["manifests"].clear()), "index lists no manifest"),
    "no platform": (
        lambda f: with_index(f, lambda index: index["manifests"][0].pop("platform")),
        r"the image index: manifests\[0\] has no platform.architecture, without which ig fails",
    ),
    "manifest of docker": (
        lambda f: with_index(f, lambda index: index["manifests"][0].update(mediaType="application/vnd.docker")),
        r"manifests\[0\] is application/vnd.docker, not application/vnd.oci.image.manifest",
    ),
    "manifest is missing": (
        lambda f: f.pop(name_of(parts(f)[1]["manifests"][0])),
        "the manifest of amd64 is missing: there is no sha256:",
    ),
    "image of no gadget": (
        lambda f: with_manifest(f, lambda m: m["config"].update(mediaType="application/vnd.oci.image.config.v1+json")),
        "config is application/vnd.oci.image.config.v1.json: the image is of no gadget",
    ),
    "no layers": (lambda f: with_manifest(f, lambda m: m.pop("layers")), "the manifest of amd64: layers is no list"),
    "annotations": (
        lambda f: with_manifest(f, lambda m: m.update(annotations={"a": 1})),
        "the manifest of amd64: annotations are no object of texts",
    ),
    "no module": (
        lambda f: f.pop(name_of(parts(f)[2]["layers"][0])),
        "the wasm module is missing: there is no sha256:",
    ),
    "other module": (
        lambda f: f.update({name_of(parts(f)[2]["layers"][0]): b"x" * parts(f)[2]["layers"][0]["size"]}),
        "the wasm module has been changed",
    ),
    "other gadget.yaml": (
        lambda f: f.update({name_of(parts(f)[2]["config"]): b"name: y"}),
        "gadget.yaml has 7 bytes, its descriptor says",
    ),
    "large gadget.yaml": (
        lambda f: with_manifest(f, lambda m: m["config"].update(blob(f, b" " * (2**20 + 1)))),
        "gadget.yaml has 1048577 bytes, more than 1 MiB",
    ),
    "way out": (lambda f: f.update({"../../x": b""}), "'../../x' would lead out of the layout"),
    "way out inside": (lambda f: f.update({"blobs/../../x": b""}), "'blobs/../../x' would lead out of the layout"),
    "absolute": (lambda f: f.update({"/etc/passwd": b""}), "'/etc/passwd' would lead out of the layout"),
    "twice": (lambda f: f.update({"./index.json": b"{}"}), "index.json is in it twice"),
}  # fmt: skip


@pytest.mark.parametrize(("spoil", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_image_is_refused(
    files: Files, tmp_path: Path, spoil: Callable[[Files], object], message: str
) -> None:
    """What is wrong with an image is one error that names the file and the part."""
    spoil(files)
    path = write(tmp_path / "image.tar", files)
    with pytest.raises(EmbedderError, match=message) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_links_are_followed_nowhere(files: Files, tmp_path: Path) -> None:
    """A link in place of a file is no file."""
    path = write(tmp_path / "image.tar", files, type=tarfile.SYMTYPE, linkname="/etc/passwd", size=0)
    with pytest.raises(EmbedderError, match="no image layout"):
        read_image(path)


def test_sparse_files_are_none(files: Files, tmp_path: Path) -> None:
    """A file that says it is larger than the tar, all of it holes, is not read."""
    path = tmp_path / "image.tar"
    headers = {"GNU.sparse.major": "0", "GNU.sparse.map": "0,0", "GNU.sparse.size": str(2**50)}
    write(path, files, pax_headers=headers)
    with pytest.raises(EmbedderError, match="no image layout"):
        read_image(path)


def test_a_tar_without_end_is_given_up(tmp_path: Path) -> None:
    """Headers whose sizes lead back to themselves do not keep the reader for ever."""
    entry = tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT)
    size = (-512).to_bytes(12, "big", signed=True)
    block = entry[:124] + size + b" " * 8 + entry[156:512]
    checked = block[:148] + f"{sum(block):06o}".encode() + b"\0 " + block[156:]
    path = tmp_path / "image.tar"
    path.write_bytes(checked * 4)
    with pytest.raises(EmbedderError, match=r"no (usable|readable) tar"):
        read_image(path)


def test_compressed_tar_is_named(gadget: Path, tmp_path: Path) -> None:
    """ig imports no compressed tar, and the message says what to do about it."""
    path = tmp_path / "image.tar"
    path.write_bytes(gzip.compress(package(gadget).output.read_bytes()))
    with pytest.raises(EmbedderError, match="compressed with gzip: unpack that first"):
        read_image(path)


@pytest.mark.parametrize("name", ["", "nothing", "text"])
def test_what_is_no_tar(tmp_path: Path, name: str) -> None:
    """No file, an empty one and a text are one error each."""
    path = tmp_path / "image.tar"
    if name:
        path.write_bytes(b"" if name == "nothing" else b"text\n" * 500)
    with pytest.raises(EmbedderError, match=f"{path}: (No such file|no readable tar|no image layout)"):
        read_image(path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_spoiled_tar_is_one_error_or_the_image(gadget: Path, data: st.DataObject) -> None:
    """Wherever a tar is cut or changed, the answer is the right image or an error of one line."""
    right = gadget / "right.tar"
    if not right.exists():
        package(gadget, output=right)
    image, bytes_of = read_image(right), bytearray(right.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        bytes_of[data.draw(st.integers(0, len(bytes_of) - 1))] = data.draw(st.integers(0, 255))
    spoiled = gadget / "spoiled.tar"
    spoiled.write_bytes(bytes_of[: data.draw(st.integers(0, len(bytes_of)))])
    try:
        found = read_image(spoiled)
    except EmbedderError as error:
        said = str(error)
    else:
        said = ""
        assert (found.module, found.metadata) == (image.module, image.metadata)
    assert "\n" not in said


def test_manifests_beside_their_image_are_no_images(files: Files, tmp_path: Path) -> None:
    """`ig image export` lists the manifests in index.json as well; the image is the one with a name."""
    with_top(files, lambda top: top["manifests"].extend(parts(files)[1]["manifests"]))
    image = read_image(write(tmp_path / "image.tar", files))
    assert image.tags == ("ghcr.io/inspektor-gadget/gadget/beats:latest",)


def test_several_images_are_chosen_by_name(gadget: Path, tmp_path: Path, command: Command) -> None:
    """Of several images --tag takes one, and without it the message lists them."""
    first = package(gadget, output=tmp_path / "1.tar", names=["one"])
    (gadget / "gadget.yaml").write_text("name: other\n")
    second = package(gadget, output=tmp_path / "2.tar", names=["me/two:v1"])
    files: Files = {}
    rows = []
    for result in (first, second):
        with tarfile.open(result.output) as tar:
            own = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
        rows += json.loads(own["index.json"])["manifests"]
        files |= own
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": rows}).encode()
    path = write(tmp_path / "both.tar", files)
    assert read_image(path, "me/two:v1").metadata == b"name: other\n"
    assert read_image(path, "one").descriptor.digest == first.digest
    failed = command("run", path)
    assert failed.returncode == 1
    assert failed.stderr == (
        f"gadget: error: {path}: which image? There are ghcr.io/inspektor-gadget/gadget/one:latest, "
        "ghcr.io/me/two:v1; choose with --tag\n"
    )
    failed = command("run", path, "--tag", "three")
    assert "there is no image 'three' in it; the images are: " in failed.stderr
    ran = command("run", path, "--tag", "one", "-o", "json")
    assert (ran.returncode, ran.stdout) == (0, '{"number":1}\n{"number":2}\n{"number":3}\n'), ran.stderr
