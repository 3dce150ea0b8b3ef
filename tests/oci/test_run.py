from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import wasmtime

from gadget_build.oci import package
from gadget_host.streams import read_schema_file
from tests.oci.conftest import OBJECT, Command

BEATS = '{"number":1}\n{"number":2}\n{"number":3}\n'


@pytest.mark.parametrize("gadget_argument", ["image.tar", "image", "beats/beats.wasm", "beats"])
def test_image_module_and_directory_run_alike(
    gadget: Path, tmp_path: Path, command: Command, gadget_argument: str
) -> None:
    """A gadget runs from its image, whatever the file is called, as it does from its module and its directory."""
    image = package(gadget, output=tmp_path / "image.tar").output
    shutil.copy(image, tmp_path / "image")
    ran = command("run", gadget_argument, "--param", "rate=4", "-o", "json")
    assert (ran.stdout, ran.stderr, ran.returncode) == (BEATS, "", 0)


def test_gadget_yaml_of_the_image_is_used(gadget: Path, command: Command) -> None:
    """Parameters and the layout of tables are those of the image's gadget.yaml."""
    package(gadget)
    failed = command("run", "beats/beats.tar", "--param", "pace=4")
    assert failed.returncode == 1
    assert (
        "unknown parameter 'pace'; the gadget's parameters are: rate (beats/beats.tar: gadget.yaml)"
        in failed.stderr
    )
    assert command("run", "beats/beats.tar").stdout == "  NUMBER\n       1\n       2\n       3\n"


def test_image_that_is_broken_is_one_error(gadget: Path, command: Command) -> None:
    """No part of a broken image runs."""
    image = package(gadget).output
    image.write_bytes(image.read_bytes().replace(b"gadgetStart", b"gadgetStarX"))
    failed = command("run", "beats/beats.tar")
    assert (failed.stdout, failed.returncode) == ("", 1)
    assert failed.stderr.startswith("gadget: error: beats/beats.tar: the wasm module has been changed: ")
    assert failed.stderr.count("\n") == 1


def test_tag_is_for_images(gadget: Path, command: Command) -> None:
    """--tag with a module is a mistake, not passed over."""
    failed = command("run", "beats/beats.wasm", "--tag", "beats")
    assert failed.stderr == "gadget: error: --tag chooses an image of a tar, and beats/beats.wasm is none\n"


def test_inspect_shows_what_an_image_is(gadget: Path, module: bytes, command: Command) -> None:
    """Image, module, parameters and data sources are all there, as JSON."""
    (gadget / "amd64.bpf.o").write_bytes(OBJECT)
    result = package(gadget)
    shown = command("inspect", result.output, "-o", "json")
    assert (shown.stderr, shown.returncode) == ("", 0)
    found = json.loads(shown.stdout)
    assert found["image"]["tags"] == list(result.names)
    assert found["image"]["digest"] == result.digest
    assert found["image"]["annotations"]["org.opencontainers.image.title"] == "beats"
    (amd64,) = found["image"]["architectures"]
    assert amd64["architecture"] == "amd64"
    assert [layer["size"] for layer in amd64["layers"]] == [len(OBJECT), len(module)]
    assert amd64["layers"][1]["digest"] == found["wasm"]["digest"]
    assert found["wasm"]["gadgetAPIVersion"] == 1
    assert found["wasm"]["upcalls"] == [
        "newDataSource", "dataSourceAddField", "dataSourceNewPacketSingle", "dataSourceEmitAndRelease", "fieldSet",
    ]  # fmt: skip
    assert found["params"] == [
        {
            "key": "rate",
            "fullName": "operator.oci.wasm.rate",
            "defaultValue": "3",
            "description": "Beats at the start",
            "typeHint": "uint32",
        }
    ]
    assert found["metadata"]["name"] == "beats"
    assert "missingDataSources" not in found
    assert "failure" not in found


def test_inspect_shows_data_sources_as_ig_does(gadget: Path, tmp_path: Path, command: Command) -> None:
    """What `ig image inspect --show-datasources -o json` prints, which `gadget run --schema` reads."""
    shown = command("inspect", "beats", "--show-datasources", "-o", "json")
    annotations = {
        "columns.alignment": "left",
        "columns.ellipsis": "end",
        "columns.width": "8",
        "description": "Which one",
    }
    assert json.loads(shown.stdout) == [
        {
            "name": "beats",
            "type": 1,
            "fields": [{"name": "number", "fullName": "number", "kind": 9, "annotations": annotations}],
            "annotations": {"cli.clear-screen-before": "true"},
        }
    ]
    (tmp_path / "beats.json").write_text(shown.stdout)
    (schema,), _ = read_schema_file(str(tmp_path / "beats.json"))
    assert [(field.name, field.kind) for field in schema] == [("number", "Uint64")]


@pytest.mark.parametrize("mode", ["columns", "jsonpretty", "yaml"])
def test_inspect_is_readable(gadget: Path, command: Command, mode: str) -> None:
    """For people the same is shown in sections, or as YAML or indented JSON."""
    package(gadget)
    shown = command("inspect", "beats/beats.tar", "-o", mode)
    assert (shown.stderr, shown.returncode) == ("", 0)
    for text in (
        "Three beats of a heart",
        "amd64",
        "newDataSource",
        "rate",
        "Uint64" if mode == "columns" else "kind",
    ):
        assert text in shown.stdout


def test_inspect_says_what_a_gadget_waits_for(gadget: Path, tmp_path: Path, command: Command) -> None:
    """A source of an eBPF program is named; with --schema gadgetInit goes on, and it is listed, too."""
    text = Path(__file__).parents[1].joinpath("cli", "guest.wat").read_text()
    (tmp_path / "guest.wasm").write_bytes(wasmtime.wat2wasm(text))
    shown = command("inspect", "guest.wasm", "-o", "json")
    found = json.loads(shown.stdout)
    assert found["missingDataSources"] == ["open"]
    assert "gadgetInit" in found["failure"]
    assert shown.returncode == 0
    fields = [{"name": name, "kind": kind} for name, kind in (("pid", "Uint32"), ("fname", "String"))]
    schema = {"gadget.schema": {"source": "open", "type": "single", "fields": fields}}
    (tmp_path / "open.jsonl").write_text(json.dumps(schema))
    shown = command("inspect", "guest.wasm", "--schema", "open.jsonl", "-o", "json")
    (source,) = json.loads(shown.stdout)["dataSources"]
    assert [field["name"] for field in source["fields"]] == ["pid", "fname", "seen", "copy"]


def test_inspect_of_a_module_that_runs_nowhere(tmp_path: Path, command: Command) -> None:
    """It says why, and the exit code is 1."""
    (tmp_path / "no.wasm").write_bytes(b"\0asm\1\0\0\0")
    shown = command("inspect", "no.wasm")
    assert shown.returncode == 1
    assert "runs on no release of ig" in shown.stdout
    assert "gadgetAPIVersion: not exported" in shown.stdout
