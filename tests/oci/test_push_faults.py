"""Pushing to what is gone, hangs, breaks off, or is no registry at all."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gadget_abi import EmbedderError
from gadget_abi.oci.names import INDEX
from gadget_build.oci import package
from gadget_build.oci.push import push
from tests.oci.conftest import Command
from tests.oci.registry import fetch, free_port
from tests.oci.relay import Relay

LARGE = b"#" * (4 << 20)
"""More than sockets hold in between."""


@pytest.fixture
def image(gadget: Path) -> Path:
    """One that takes a while to push."""
    (gadget / "gadget.yaml").write_bytes(b"name: beats\n#" + LARGE[: 1 << 19] + b"\n")
    return package(gadget).output


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, oras: None) -> None:
    """Wait less before the next try."""
    monkeypatch.setattr("gadget_build.oci.registry._WAITS", (0.1, 0.1))


def test_a_registry_that_is_not_there_is_one_error(image: Path, command: Command) -> None:
    """At once, and with exit code 1."""
    name = f"localhost:{free_port()}/beats:latest"
    done = command("push", image, name, "--insecure")
    assert (done.returncode, done.stdout) == (1, "")
    text = "cannot be pushed: nobody listens there"
    assert done.stderr == f"gadget: error: {name}: {text}\n"


def test_a_host_that_is_not_there_is_one_error(image: Path) -> None:
    """Its name leads nowhere."""
    with pytest.raises(EmbedderError, match=r"cannot be pushed: there is no such host$"):
        push(image, "registry.invalid/beats")


def test_a_registry_that_never_answers_is_left(image: Path) -> None:
    """After as many seconds as it is given."""
    with Relay(None) as relay:
        begin = time.monotonic()
        with pytest.raises(EmbedderError, match="cannot be pushed: it does not answer in time"):
            push(image, f"localhost:{relay.port}/beats", insecure=True, seconds=0.5)
        assert time.monotonic() - begin < 10


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_to_wait_is_more_than_none(image: Path, seconds: float) -> None:
    """And comes to an end."""
    with pytest.raises(EmbedderError, match="to wait for an answer"):
        push(image, "localhost:1/beats", seconds=seconds)


def test_a_registry_that_stops_answering_is_left(image: Path, registry: str) -> None:
    """In the middle of a layer, too."""
    with Relay(int(registry.rpartition(":")[2]), most=300_000) as relay:
        with pytest.raises(EmbedderError, match="cannot be pushed: it does not answer in time"):
            push(image, f"localhost:{relay.port}/beats", insecure=True, seconds=1)
        assert relay.reached.is_set()


def test_a_connection_that_breaks_is_tried_again(image: Path, registry: str) -> None:
    """Whoever looks is told so, and the image arrives."""
    notes: list[str] = []
    with Relay(int(registry.rpartition(":")[2]), most=300_000, breaks=1) as relay:
        name = f"localhost:{relay.port}/beats"
        digest = push(image, name, insecure=True, note=notes.append)
    assert [note.partition(": the connection broke: ")[0] for note in notes] == [name.removesuffix("/beats")]
    assert notes[0].endswith("; trying again in 0.1 s")
    assert fetch(f"http://{registry}/v2/beats/manifests/{digest}", INDEX)


def test_a_connection_that_always_breaks_is_one_error(image: Path, registry: str) -> None:
    """After the third try."""
    notes: list[str] = []
    with Relay(int(registry.rpartition(":")[2]), most=300_000, breaks=99) as relay:
        with pytest.raises(EmbedderError, match="cannot be pushed: the connection broke: ") as caught:
            push(image, f"localhost:{relay.port}/beats", insecure=True, note=notes.append)
        assert "\n" not in str(caught.value)
    assert len(notes) == 2


def test_what_is_interrupted_leaves_no_image_and_can_be_repeated(image: Path, registry: str) -> None:
    """Ctrl-C ends it with exit code 130 and one word; the name is not there before everything is."""
    with Relay(int(registry.rpartition(":")[2]), most=300_000) as relay:
        command = [
            sys.executable,
            "-m",
            "gadget_abi.cli",
            "push",
            str(image),
            f"localhost:{relay.port}/beats",
        ]
        process = subprocess.Popen(
            [*command, "--insecure"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert relay.reached.wait(60)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "gadget: error: interrupted\n")
    with pytest.raises(urllib.error.HTTPError, match="404"):
        fetch(f"http://{registry}/v2/beats/manifests/latest")
    assert push(image, f"{registry}/beats", insecure=True).startswith("sha256:")


@pytest.fixture
def fickle() -> Iterator[tuple[list[int], str]]:
    """A server that answers with these codes, one after the other and then 404; and its address."""
    codes: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            code = codes.pop(0) if codes else 404
            body = json.dumps({"errors": [{"code": "TOOMANYREQUESTS", "message": "later\x1b[31m"}]}).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 (http.server calls them so)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield codes, f"localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_is_no_registry_is_quoted(image: Path, fickle: tuple[list[int], str]) -> None:
    """What it says is shown without what a terminal would take for commands."""
    with pytest.raises(
        EmbedderError, match=r"no registry: GET /v2/ is answered with 404 .* later\\x1b\[31m$"
    ):
        push(image, f"{fickle[1]}/beats", insecure=True)


def test_a_busy_registry_is_tried_again(image: Path, fickle: tuple[list[int], str]) -> None:
    """Three times in all, and then quoted."""
    codes, host = fickle
    codes += [
        200,
        *(404, 503),
        503,
        *(404, 429),
    ]  # where to log in; three times whether it is there, and the push
    notes: list[str] = []
    with pytest.raises(
        EmbedderError, match=r"latest: the registry answers 429 Too Many Requests TOOMANYREQUESTS: "
    ):
        push(image, f"{host}/beats", insecure=True, note=notes.append)
    assert [note.split("answers ")[1][:3] for note in notes] == ["503", "503"]
