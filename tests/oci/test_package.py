from __future__ import annotations

import hashlib
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from gadget_abi.oci import read_image
from gadget_abi.oci.names import ARTIFACT, CONFIG, EBPF, INDEX, MANIFEST, WASM
from gadget_build import BuildError
from gadget_build.oci import package
from tests.oci.conftest import GADGET_YAML, OBJECT, Command

NAME = "ghcr.io/inspektor-gadget/gadget/beats:latest"


def files_of(path: Path) -> dict[str, bytes]:
    """What is in a tar."""
    with tarfile.open(path, "r:") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def document(files: dict[str, bytes], descriptor: dict[str, Any]) -> dict[str, Any]:
    """The JSON that a descriptor stands for, of the size and digest it says."""
    data = files[f"blobs/{descriptor['digest'].replace(':', '/')}"]
    assert len(data) == descriptor["size"]
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == descriptor["digest"]
    found: dict[str, Any] = json.loads(data)
    return found


def test_image_is_what_ig_builds(gadget: Path, module: bytes) -> None:
    """Index over manifests of architectures; gadget.yaml is their config, the module a layer; all are annotated."""
    result = package(gadget)
    files = files_of(result.output)
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (named,) = json.loads(files["index.json"])["manifests"]
    assert named["mediaType"] == INDEX
    assert named["annotations"]["org.opencontainers.image.ref.name"] == NAME
    index = document(files, named)
    annotations = {
        "org.opencontainers.image.title": "beats",
        "org.opencontainers.image.description": "Three beats of a heart",
        "org.opencontainers.image.url": "https://example.org/",
        "org.opencontainers.image.source": "https://example.org/src",
        "org.opencontainers.image.vendor": "me",
        "org.opencontainers.image.created": "2001-09-09T01:46:40Z",
        "io.inspektor-gadget.builder.version": "gadget-sdk-0.1.0",
    }
    assert index["annotations"] == annotations
    assert [row["platform"] for row in index["manifests"]] == [
        {"architecture": "amd64", "os": "linux"},
        {"architecture": "arm64", "os": "linux"},
    ]
    for row in index["manifests"]:
        assert row["mediaType"] == MANIFEST
        manifest = document(files, row)
        assert manifest["artifactType"] == ARTIFACT
        assert manifest["config"]["mediaType"] == CONFIG
        assert (
            row["annotations"] == manifest["annotations"] == manifest["config"]["annotations"] == annotations
        )
        assert [layer["mediaType"] for layer in manifest["layers"]] == [WASM]
    image = read_image(result.output)
    assert image.metadata == GADGET_YAML.encode()
    assert image.module == module
    assert image.descriptor.digest == result.digest


def test_same_gadget_gives_the_same_bytes(gadget: Path, tmp_path: Path) -> None:
    """An image is the same whenever and wherever it is packaged, as long as the files are as old."""
    first = package(gadget, output=tmp_path / "first.tar").output.read_bytes()
    elsewhere = tmp_path / "elsewhere"
    gadget.rename(elsewhere)
    assert package(elsewhere, output=tmp_path / "second.tar").output.read_bytes() == first


def test_source_date_epoch_dates_the_image(
    gadget: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SOURCE_DATE_EPOCH the age of the files does not matter; it dates annotations and the tar."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    first = package(gadget, output=tmp_path / "first.tar").output
    os.utime(gadget / "gadget.yaml", (2e9, 2e9))
    assert package(gadget, output=tmp_path / "second.tar").output.read_bytes() == first.read_bytes()
    assert read_image(first).annotations["org.opencontainers.image.created"] == "1970-01-02T00:00:00Z"
    with tarfile.open(first) as tar:
        assert {member.mtime for member in tar} == {86400}


@pytest.mark.parametrize("value", ["", "now", "-1", "1.5", "9" * 12])
def test_source_date_epoch_that_is_none(gadget: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """What is no number of seconds is refused, not passed over."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
    with pytest.raises(BuildError, match=r"SOURCE_DATE_EPOCH is .* not a number of seconds"):
        package(gadget)


def test_names_are_those_ig_looks_for(gadget: Path) -> None:
    """Every --tag is completed, and all of them are names of one image."""
    result = package(gadget, names=["beats", "me/beats:v1", "localhost:5000/beats", "beats:latest"])
    assert result.names == (NAME, "ghcr.io/me/beats:v1", "localhost:5000/beats:latest")
    assert {read_image(result.output, tag).descriptor.digest for tag in ("beats", "me/beats:v1")} == {
        result.digest
    }


def test_ebpf_object_is_a_layer_before_the_module(gadget: Path) -> None:
    """Objects called as ig calls them go into the images of their architectures, before the module."""
    (gadget / "amd64.bpf.o").write_bytes(OBJECT + b"amd64")
    (gadget / "arm64.bpf.o").write_bytes(OBJECT + b"arm64")
    image = read_image(package(gadget).output)
    assert list(image.platforms) == ["amd64", "arm64"]
    for platform in image.platforms.values():
        assert [layer.media_type for layer in platform.layers] == [EBPF, WASM]
    amd64, arm64 = (platform.layers for platform in image.platforms.values())
    assert amd64[0].digest != arm64[0].digest
    assert amd64[1] == arm64[1]


@pytest.mark.parametrize(
    ("given", "architectures"),
    [(["o"], ["amd64", "arm64"]), (["o:arm64"], ["arm64"]), (["o:arm64", "o:amd64"], ["amd64", "arm64"])],
)
def test_an_image_is_for_the_architectures_that_have_an_object(
    gadget: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], architectures: list[str]
) -> None:
    """An object is for all architectures or for one; without it a gadget would lack its source there."""
    monkeypatch.chdir(tmp_path)
    Path("o").write_bytes(OBJECT)
    result = package(gadget, ebpf=given)
    assert list(read_image(result.output).platforms) == architectures
    assert sorted(result.ebpf) == architectures


def test_shared_object_of_the_directory(gadget: Path) -> None:
    """program.bpf.o is for every architecture without an object of its own."""
    (gadget / "program.bpf.o").write_bytes(OBJECT)
    (gadget / "arm64.bpf.o").write_bytes(OBJECT + b"arm64")
    image = read_image(package(gadget).output)
    assert [image.platforms[name].layers[0].size for name in ("amd64", "arm64")] == [
        len(OBJECT),
        len(OBJECT) + 5,
    ]


OBJECTS: dict[str, tuple[list[str], bytes, str]] = {
    "missing": (["none.o"], b"", "none.o: cannot be read: No such file"),
    "text": (["o"], b"int main;", "o: no eBPF object: not an ELF file"),
    "of a machine": (["o"], OBJECT[:18] + b"\x3e\0" + OBJECT[20:], "an ELF file for another machine"),
    "architecture": (["o:riscv"], OBJECT, "no architecture 'riscv'; it is amd64 or arm64"),
    "twice": (["o", "o:amd64"], OBJECT, "there is one for amd64 already, o"),
}


@pytest.mark.parametrize(("given", "data", "message"), OBJECTS.values(), ids=OBJECTS)
def test_what_is_no_object(
    gadget: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: list[str], data: bytes, message: str
) -> None:
    """A file that is no eBPF object, or is for nobody, is refused by name."""
    monkeypatch.chdir(tmp_path)
    Path("o").write_bytes(data)
    with pytest.raises(BuildError, match=message):
        package(gadget, ebpf=given)


def test_module_that_runs_nowhere_is_refused(gadget: Path) -> None:
    """What `gadget check` has against a module keeps it from being packaged."""
    (gadget / "beats.wasm").write_bytes(b"\0asm\1\0\0\0")
    with pytest.raises(
        BuildError, match=r"beats.wasm: runs on no release of ig:\n  memory: .*\n  gadgetAPIVersion: "
    ):
        package(gadget)
    assert not (gadget / "beats.tar").exists()


def test_component_is_refused(gadget: Path) -> None:
    """A component is no gadget, and the message says what to do."""
    (gadget / "beats.wasm").write_bytes(b"\0asm\x0d\0\1\0")
    with pytest.raises(BuildError, match=r"component.*gadget build"):
        package(gadget)


DIRECTORIES: dict[str, tuple[dict[str, bytes | None], str]] = {
    "no yaml": ({"gadget.yaml": None}, "gadget.yaml: not there; an image needs one"),
    "no module": ({"beats.wasm": None}, "no program.py and no .wasm in it"),
    "two modules": ({"other.wasm": b""}, "which module. There are beats.wasm, other.wasm; name the module"),
    "no YAML": ({"gadget.yaml": b"a: [1"}, "gadget.yaml:1: not YAML: "),
    "twice": (
        {"gadget.yaml": b"name: x\nparams:\nname: y\n"},
        "gadget.yaml:3: not YAML: the key 'name' stands twice",
    ),
    "name": (
        {"gadget.yaml": b"name: Trace open\n"},
        "name: 'Trace open' is no name .* give the image one with --tag",
    ),
    "keys": (
        {"gadget.yaml": b"name: x\ndatasource: {}\nparams: {wasm: {a: {ky: a}}}\n"},
        "gadget.yaml: not fit for an image:\n"
        "  datasource: no such key; did you mean 'datasources'\\?\n"
        "  params.wasm.a.ky: no such key; did you mean 'key'\\?\n"
        "  params.wasm.a.key: is missing",
    ),
}


@pytest.mark.parametrize(("changes", "message"), DIRECTORIES.values(), ids=DIRECTORIES)
def test_what_a_directory_lacks(gadget: Path, changes: dict[str, bytes | None], message: str) -> None:
    """One error names the file and all that is wrong in it; nothing is written."""
    for name, data in changes.items():
        (gadget / name).unlink() if data is None else (gadget / name).write_bytes(data)
    with pytest.raises(BuildError, match=message):
        package(gadget)
    assert not (gadget / "beats.tar").exists()


def test_program_is_built(gadget: Path, command: Command) -> None:
    """A directory with a program.py is built, and what comes out runs from the image."""
    (gadget / "beats.wasm").unlink()
    (gadget / "program.py").write_text(
        "import gadget\n"
        "beats = gadget.new_source('beats')\n"
        "number = beats.add_field('number', gadget.Uint64)\n"
        "rate = gadget.param('rate', default=1)\n"
        "@gadget.on_start\n"
        "def begin():\n"
        "    for n in range(rate.value):\n"
        "        beats.emit({number: n})\n"
    )
    packaged = command("package", "beats", "-o", "beats.tar")
    assert packaged.returncode == 0, packaged.stderr
    assert "for amd64, arm64, runs on ig v0.39.0" in packaged.stdout
    assert f"  {NAME}@sha256:" in packaged.stdout
    ran = command("run", "beats.tar", "--param", "rate=2", "-o", "json")
    assert (ran.stdout, ran.returncode) == ('{"number":0}\n{"number":1}\n', 0), ran.stderr


def test_what_looks_wrong_is_told(gadget: Path, command: Command) -> None:
    """An annotation almost like one that ig knows is told, and does no harm."""
    text = GADGET_YAML.replace("columns.width", "columns.with")
    (gadget / "gadget.yaml").write_text(text)
    packaged = command("package", "beats")
    assert packaged.returncode == 0
    assert packaged.stderr == (
        "gadget: beats/gadget.yaml: datasources.beats.fields.number.annotations.columns.with: "
        "did you mean 'columns.width'?\n"
    )


def test_errors_are_one_message(command: Command, gadget: Path) -> None:
    """The command fails with exit code 1 and the message alone."""
    failed = command("package", "beats", "--tag", "Beats")
    assert failed.returncode == 1
    assert failed.stderr.startswith("gadget: error: 'Beats' is no name for an image: ")
    assert failed.stderr.count("\n") == 1
