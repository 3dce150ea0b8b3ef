"""Images of this project in the real `ig`: imported, inspected, pulled, and run over what happens in the kernel."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gadget_abi.oci import read_image
from gadget_build.oci.push import push
from tests.oci.registry import NotHereError, program, serve
from tests.upstream.ig.conftest import Opener
from tests.upstream.ig.machine import Ig, Run, wait_until

Event = dict[str, Any]
PLACES = ("index", "payloadIndex", "parent", "order")
"""Of a field: where it stands among the others, which depends on when ig's own operators add theirs."""

TOLD = ("name", "fullName", "kind", "offs", "size", "tags")
"""Of a field of an eBPF program: what its object tells. (ig hides some that others of its operators make readable.)"""


def gadget(*arguments: object) -> str:
    """What our command prints."""
    command = [sys.executable, "-m", "gadget_abi.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def before(ig: Ig, images: dict[str, Path], tmp_path: Path) -> Path:
    """A file with the sources that are there before a gadget, as ig describes them."""
    path = tmp_path / "sources.json"
    path.write_text(
        ig("image", "inspect", "plain", "--verify-image=false", "--show-datasources", "-o", "json")
    )
    return path


@pytest.mark.parametrize("name", ["redact", "top_files"])
def test_both_say_the_same_of_sources(ig: Ig, images: dict[str, Path], before: Path, name: str) -> None:
    """Names, types, annotations, and of each field name, kind, place, flags, tags and annotations."""
    arguments = ("image", "inspect", name, "--verify-image=false", "--show-datasources", "-o", "json")
    theirs = by_name(json.loads(ig(*arguments)))
    ours = by_name(
        json.loads(gadget("inspect", images[name], "--schema", before, "--show-datasources", "-o", "json"))
    )
    assert list(ours) == list(theirs)
    assert ours == theirs


def by_name(sources: list[dict[str, Any]]) -> dict[str, Any]:
    """The sources and their fields by name, without what depends on the order of operators."""
    return {
        source["name"]: {
            **source,
            "fields": {
                field["fullName"]: {key: value for key, value in field.items() if key not in PLACES}
                for field in source["fields"]
            },
        }
        for source in sources
    }


def test_the_object_says_what_the_ebpf_program_makes(ig: Ig, images: dict[str, Path], before: Path) -> None:
    """Without ig, a source has the fields that ig says are eBPF's: name, kind, place, size and types."""
    ours = by_name(json.loads(gadget("inspect", images["plain"], "--show-datasources", "-o", "json")))
    theirs = by_name(json.loads(before.read_text()))
    own = {
        name: field for name, field in theirs["open"]["fields"].items() if "src:ebpf" in field.get("tags", [])
    }
    assert list(ours["open"]["fields"]) == list(own)
    for name, field in own.items():
        assert [ours["open"]["fields"][name].get(key) for key in TOLD] == [field.get(key) for key in TOLD]


@pytest.mark.parametrize("name", ["redact", "top_files"])
def test_both_say_the_same_of_an_image(ig: Ig, images: dict[str, Path], before: Path, name: str) -> None:
    """The API version, the upcalls in their order, gadget.yaml, digests, layers, annotations and the date."""
    arguments = ("image", "inspect", name, "--verify-image=false", "-o", "json")
    theirs = {key: value["content"] for key, value in json.loads(ig(*arguments)).items()}
    ours = json.loads(gadget("inspect", images[name], "--schema", before, "-o", "json"))
    assert str(ours["wasm"]["gadgetAPIVersion"]) == theirs["wasm.gadgetAPIVersion"]
    assert ours["wasm"]["upcalls"] == json.loads(theirs["wasm.upcalls"])
    assert (
        f"ghcr.io/inspektor-gadget/gadget/{theirs['oci.repository']}:{theirs['oci.tag']}"
        in ours["image"]["tags"]
    )
    manifest, image = json.loads(theirs["oci.manifest"]), read_image(images[name])
    assert manifest == image.chosen.document
    (own,) = (a for a in ours["image"]["architectures"] if a["architecture"] == image.chosen.architecture)
    assert own["config"] == {key: manifest["config"][key] for key in own["config"]}
    assert own["layers"] == manifest["layers"]
    assert ours["image"]["annotations"] == manifest["annotations"] == manifest["config"]["annotations"]
    assert ours["image"]["annotations"]["org.opencontainers.image.created"] == theirs["oci.created"]
    assert image.metadata == theirs["oci.metadata"].encode()


def test_what_was_pushed_can_be_pulled(ig: Ig, images: dict[str, Path], tmp_path: Path) -> None:
    """From a real registry, by the name it was pushed under; and inspected there as here."""
    pytest.importorskip("oras", reason="gadget push needs oras: pip install 'gadget-sdk[push]'")
    try:
        binary = program(True)
    except NotHereError as reason:
        pytest.skip(str(reason))
    with serve(binary, tmp_path / "registry") as port:
        name = f"localhost:{port}/me/redact:v1"
        pushed = push(images["redact"], name, insecure=True)
        arguments = ("image", "pull", name, "--insecure-registries", f"localhost:{port}")
        printed = ig(*arguments)
        ig.show(*arguments, printed=printed)
    listed = ig("image", "list", "--no-trunc")
    assert pushed in listed
    shown = ig("image", "inspect", name, "--verify-image=false", "--pull", "never", "-o", "json")
    assert json.loads(shown)["oci.tag"]["content"] == "v1"


def test_events_come_out_as_this_host_makes_them(
    ig: Ig, images: dict[str, Path], before: Path, opener: Opener, tmp_path: Path
) -> None:
    """The kernel's events, seen by two gadgets at once: what redact prints is what we make of the others."""
    only = ("--host", "--filter", "proc.comm==opener", "-o", "json")
    with opener("opener"), ig.run("plain", *only) as plain, ig.run("redact", *only) as redact:
        wait_until(lambda: seen_by_both(plain, redact) > 0, redact)
        most = 400 + max(len(plain.lines()), len(redact.lines()))
        wait_until(lambda: seen_by_both(plain, redact) > most, redact)
    raw = tmp_path / "raw.jsonl"
    raw.write_text("".join(plain.lines()))
    arguments = ("run", images["redact"], "--schema", before, "--input", f"open={raw}", "-o", "json")
    ours, theirs = opened(gadget(*arguments).splitlines()), opened(redact.lines())
    both = ours.keys() & theirs.keys()
    assert len(both) > 300
    assert {name: theirs[name] for name in both} == {name: ours[name] for name in both}
    assert any("/home/alice/" in line for line in plain.lines())
    assert not any("/home/" in line.replace("/home/***/", "") for line in redact.lines())


def seen_by_both(*runs: Run) -> int:
    """How many events there are of each."""
    return min(len(run.lines()) for run in runs)


def opened(lines: list[str]) -> dict[str, Event]:
    """Events by what was opened, without the time, which each of two eBPF programs takes for itself."""
    events = [json.loads(line) for line in lines]
    for event in events:
        del event["timestamp"], event["timestamp_raw"]
    return {name: event for event in events if "-" in (name := event["fname"].rpartition("/")[2])}


def test_a_terminal_shows_no_home(ig: Ig, images: dict[str, Path], opener: Opener) -> None:
    """The table of a running gadget, with what ig itself makes of an error number."""
    options = ("--host", "--filter", "proc.comm==opener", "--fields", "proc.comm,fd,access,error,fname")
    with opener("opener", 0.2), ig.run("redact", *options) as run:
        wait_until(lambda: len(run.lines()) > 12, run)
        rows = run.lines()[:13]
    ig.show("run", "redact", "--verify-image=false", *options, printed="".join(rows))
    assert rows[0].split() == ["COMM", "FD", "ACCESS", "ERROR", "FNAME"]
    missing = next(row for row in rows if "-missing" in row)
    assert missing.split()[1:] == ["0", "read", "ENOENT", f"/home/***/{missing.rpartition('/')[2].strip()}"]
    assert any("write, create, truncate" in row for row in rows)
    assert any("/etc/" in row for row in rows)


@pytest.mark.parametrize("name", ["redact", "copied", "hooked"])
def test_a_storm(
    ig: Ig,
    images: dict[str, Path],
    opener: Opener,
    request: pytest.FixtureRequest,
    transcript: list[str],
    name: str,
) -> None:
    """A gadget without hooks lives through as many events as there are, and hides every home until ig is stopped.

    Then ig ends the module before the eBPF program, and what comes in between is shown as it is: by `redact`, which
    changes events in place, not by `copied`. A gadget with a gadgetStart need not even live: ig calls it while events
    come in, from two threads. That of `hooked` is counted only.
    """
    runs = request.config.getoption("--stress", 0)
    if not runs:
        pytest.skip("takes minutes: nox -s ig -- --stress 20")
    seen = [storm(ig, name, opener) for _ in range(runs)]
    failed, events, homes, late = (sum(getattr(run, what) for run in seen) for what in OUTCOME)
    transcript.append(
        f"{name}, {runs} runs in a storm: {failed} failed; {events} events, with {homes} homes shown before Ctrl-C "
        f"and {late} after it"
    )
    if name != "hooked":
        assert (failed, homes) == (0, 0)
    if name == "copied":
        assert late == 0


OUTCOME = ("failed", "events", "homes", "late")


class Outcome:
    """What became of a run.

    Args:
        run: it.
        told: lines it had printed when it was told to stop.
    """

    def __init__(self, run: Run, told: int) -> None:
        lines, said = run.lines(), run.err.read_text()
        shown = ["/home/" in line.replace("/home/***/", "") for line in lines]
        self.events, self.homes, self.late = len(lines), sum(shown[:told]), sum(shown[told:])
        self.failed = not lines or any(word in said for word in ("wasm error", "Fatal Python", "level=error"))


def storm(ig: Ig, name: str, opener: Opener) -> Outcome:
    """Run a gadget for some seconds while files are opened as fast as that goes, before, meanwhile and after."""
    options = () if name == "copied" else ("--host", "--filter", "proc.comm==storm")
    with opener("storm", 0, 2), ig.run(name, *options, "-o", "json") as run:
        try:
            wait_until(lambda: run.out.stat().st_size > 0, run)
            time.sleep(3)
        except AssertionError:
            pass  # the outcome tells
        told = len(run.lines())
    return Outcome(run, told)
