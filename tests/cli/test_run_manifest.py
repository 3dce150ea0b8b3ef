from __future__ import annotations

from pathlib import Path

import pytest

from gadget_abi import EmbedderError
from gadget_host._manifest import read_manifest

GADGET = """
name: slow exec
datasources:
  exec:
    annotations: {cli.clear-screen-before: true}
    fields:
      pid: {annotations: {columns.width: 8, columns.hidden: false}}
      comm:
params:
  wasm:
    limit: {key: max, defaultValue: 10, type: uint16, description: how many}
    mode: {typeHint: string, possibleValues: [fast, slow], defaultValue: fast}
    needed: {isMandatory: true}
    quiet: {possibleValues: [a, b]}
  ebpf:
    targ: {key: target}
  custom:
    top: {}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A gadget.yaml."""
    path = tmp_path / "gadget.yaml"
    path.write_text(GADGET)
    return path


def test_defaults_and_given_values(path: Path) -> None:
    """Parameters have their defaults, and what is given by short or full name."""
    manifest = read_manifest(path)
    assert manifest.values({"needed": "x"}) == {"max": "10", "mode": "fast", "needed": "x", "quiet": ""}
    assert manifest.values({"needed": "x", "operator.oci.wasm.max": "65535"})["max"] == "65535"
    assert manifest.name == "slow exec"


def test_annotations_are_texts(path: Path) -> None:
    """Numbers and booleans in annotations are the texts they were written as."""
    data = read_manifest(path).data
    assert data["datasources"]["exec"]["annotations"] == {"cli.clear-screen-before": "true"}
    assert data["datasources"]["exec"]["fields"]["pid"]["annotations"] == {
        "columns.width": "8",
        "columns.hidden": "false",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "parameter 'needed' needs a value: --param needed=VALUE"),
        (
            {"limit": "1"},
            "unknown parameter 'limit'; the gadget's parameters are: max, mode, needed, quiet ({path})",
        ),
        (
            {"target": "1"},
            "parameter 'target' belongs to 'ebpf', not to the wasm module, and only that runs here ({path})",
        ),
        (
            {"top": "1"},
            "parameter 'top' belongs to 'custom', not to the wasm module, and only that runs here ({path})",
        ),
        ({"needed": "x", "max": "65536"}, "parameter 'max': '65536' is not of type uint16"),
        ({"needed": "x", "mode": "medium"}, "parameter 'mode': 'medium' is none of fast, slow"),
    ],
)
def test_impossible_values(path: Path, given: dict[str, str], message: str) -> None:
    """A parameter that does not exist, or a value it cannot have, is refused with what is possible."""
    with pytest.raises(EmbedderError) as error:
        read_manifest(path).values(given)
    assert str(error.value) == message.format(path=path)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("bool", ["true", "0", "F"], ["yes", "tRUE"]),
        ("int8", ["-128", "+127"], ["128", "1.0", "", "x", "٣"]),
        ("uint64", ["18446744073709551615"], ["-1", "18446744073709551616", "0x1"]),
        ("int", ["-5"], ["five"]),
        ("float64", ["1", "1e3", "-.5"], ["1_0", " 1", "one"]),
        ("duration", ["0", "1h30m", "-1.5s", "100ms"], ["5", "1 s", "s"]),
        ("ip", ["10.0.0.1", "::1"], ["10.0.0", "localhost"]),
        ("of my own", ["anything"], []),
    ],
)
def test_types(tmp_path: Path, kind: str, good: list[str], bad: list[str]) -> None:
    """A value must be of the parameter's type; a type nobody knows takes any text."""
    path = tmp_path / "gadget.yaml"
    path.write_text(f"params: {{wasm: {{p: {{type: {kind}}}}}}}")
    manifest = read_manifest(path)
    for value in good:
        assert manifest.values({"p": value}) == {"p": value}
    for value in filter(None, bad):
        with pytest.raises(EmbedderError, match=f"is not of type {kind}"):
            manifest.values({"p": value})
    assert manifest.values({"p": ""}) == {"p": ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "{path}: not YAML: "),
        ("\0", "{path}: not YAML: "),
        ("- a", "{path}: expected a mapping, found ['a']"),
        ("params: 5", "{path}: params: expected a mapping, found 5"),
        ("params: {wasm: [a]}", "{path}: params.wasm: expected a mapping, found ['a']"),
        ("params: {wasm: {p: x}}", "{path}: params.wasm.p: expected a mapping, found 'x'"),
        ("params: {wasm: {p: {key: [1]}}}", "{path}: params.wasm.p.key: expected a text, found [1]"),
        (
            "params: {wasm: {p: {possibleValues: a}}}",
            "{path}: params.wasm.p.possibleValues: expected a list, found 'a'",
        ),
        (
            "params: {wasm: {p: {isMandatory: maybe}}}",
            "{path}: params.wasm.p.isMandatory: expected true or false, found 'maybe'",
        ),
        ("datasources: [open]", "{path}: datasources: expected a mapping, found ['open']"),
        ("datasources: {open: 1}", "{path}: datasources.open: expected a mapping, found 1"),
        (
            "datasources: {open: {fields: {pid: {annotations: wide}}}}",
            "{path}: datasources.open.fields.pid.annotations: expected a mapping, found 'wide'",
        ),
        (
            "datasources: {open: {annotations: {a: [1]}}}",
            "{path}: datasources.open.annotations.a: expected a text, found [1]",
        ),
    ],
)
def test_malformed(tmp_path: Path, text: str, message: str) -> None:
    """A malformed gadget.yaml is refused with the file and the path of the key."""
    path = tmp_path / "gadget.yaml"
    path.write_text(text)
    with pytest.raises(EmbedderError) as error:
        read_manifest(path)
    assert str(error.value).startswith(message.format(path=path))


def test_unreadable(tmp_path: Path) -> None:
    """A gadget.yaml that cannot be read is the caller's error."""
    with pytest.raises(EmbedderError, match=r"cannot read .*: Is a directory"):
        read_manifest(tmp_path)


def test_empty(tmp_path: Path) -> None:
    """An empty gadget.yaml has no parameters."""
    path = tmp_path / "gadget.yaml"
    path.write_text("")
    assert read_manifest(path).values({}) == {}
    with pytest.raises(EmbedderError, match="the gadget's parameters are: none"):
        read_manifest(path).values({"p": "1"})
