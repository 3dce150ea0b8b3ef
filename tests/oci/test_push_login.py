"""Pushing to registries that ask who is there: by password, and by tokens that somebody else gives out."""

from __future__ import annotations

import base64
import importlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gadget_abi import EmbedderError
from gadget_build.oci import package, registry
from gadget_build.oci.push import push
from tests.oci.conftest import Command
from tests.oci.registry import serve

USER, PASSWORD = "me", "correct-horse"
# What `htpasswd -nbB me correct-horse` prints.
HTPASSWD = "me:$2y$05$ALsvNrGUBi9eOHzIS6NmiuDA/3NfLZCa34viFLLprX68v9/6O8VX.\n"

SIGNING = [
    "cryptography.x509",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.utils",
    "cryptography.hazmat.primitives.hashes",
]
"""What a web token is signed with; trustme, which makes the certificates, brings it."""


def log_in(host: str, password: str = PASSWORD, file: str = ".docker/config.json") -> None:
    """Write what docker login writes."""
    path = Path.home() / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {host: {"auth": secret(password)}}}))


def secret(password: str) -> str:
    """User and password as they are sent and kept."""
    return base64.b64encode(f"{USER}:{password}".encode()).decode()


@pytest.fixture
def locked(binary: Path, oras: None, tmp_path: Path) -> Iterator[str]:
    """A registry that asks for a password."""
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "the example's", "path": str(tmp_path / "htpasswd")}}
    with serve(binary, tmp_path / "registry", {"auth": auth}) as port:
        yield f"localhost:{port}"


@pytest.mark.parametrize(
    ("file", "variable", "value"),
    [
        (".docker/config.json", "", ""),
        ("elsewhere/config.json", "DOCKER_CONFIG", "elsewhere"),
        ("run/containers/auth.json", "XDG_RUNTIME_DIR", "run"),
        (".config/containers/auth.json", "", ""),
        ("mine.json", "REGISTRY_AUTH_FILE", "mine.json"),
    ],
)
def test_credentials_are_found_where_docker_and_podman_keep_them(
    gadget: Path, locked: str, monkeypatch: pytest.MonkeyPatch, file: str, variable: str, value: str
) -> None:
    """Each of their files will do."""
    if variable:
        monkeypatch.setenv(variable, str(Path.home() / value))
    log_in(locked, file=file)
    result = package(gadget)
    assert push(result.output, f"{locked}/beats", insecure=True) == result.digest


def test_a_helper_that_keeps_credentials_is_asked(
    gadget: Path, locked: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A credential helper is a program on the PATH, as with docker."""
    helper = tmp_path / "docker-credential-example"
    helper.write_text(f"""#!/bin/sh\necho '{{"Username": "{USER}", "Secret": "{PASSWORD}"}}'\n""")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    path = Path.home() / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"credHelpers": {locked: "example"}}))
    result = package(gadget)
    assert push(result.output, f"{locked}/beats", insecure=True) == result.digest


def test_docker_hub_has_another_address_than_name(
    gadget: Path, locked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And docker keeps its credentials under a third one."""
    monkeypatch.setitem(registry._HUB, "docker.io", locked)
    log_in("https://index.docker.io/v1/")
    result = package(gadget)
    assert push(result.output, "docker.io/me/beats", insecure=True) == result.digest


def test_without_credentials_the_way_to_get_some_is_named(
    gadget: Path, locked: str, command: Command
) -> None:
    """One message, exit code 1."""
    done = command("push", package(gadget).output, f"{locked}/beats", "--insecure")
    assert (done.returncode, done.stdout) == (1, "")
    hint = f"the registry asks for a password: docker login {locked}"
    assert done.stderr == f"gadget: error: {locked}/beats:latest: {hint}\n"


def test_a_wrong_password_is_refused_and_not_shown(gadget: Path, locked: str, command: Command) -> None:
    """The message names the file the credentials are from, and has nothing of what is in it."""
    log_in(locked, "wrong-horse")
    done = command("push", package(gadget).output, f"{locked}/beats", "--insecure")
    assert (done.returncode, done.stdout) == (1, "")
    path = Path.home() / ".docker" / "config.json"
    assert f": the registry refuses the credentials in {path}: 401 Unauthorized UNAUTHORIZED: " in done.stderr
    assert done.stderr.count("\n") == 1
    for kept in ("wrong-horse", secret("wrong-horse")):
        assert kept not in done.stderr


def test_a_password_goes_to_the_registry_only(gadget: Path, oras: None) -> None:
    """Not to another host that it has blobs sent to."""
    seen: list[tuple[int, str, bool]] = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            seen.append((self.server.server_port, self.command, "Authorization" in self.headers))  # type: ignore[attr-defined]
            is_pinged = self.path == "/v2/" and "Authorization" not in self.headers
            self.send_response(
                401 if is_pinged else {"HEAD": 404, "POST": 202, "PUT": 201}.get(self.command, 200)
            )
            self.send_header("Www-Authenticate", 'Basic realm="example"')
            self.send_header("Location", f"http://localhost:{storage.server_port}/upload")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 (http.server calls them so)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    registry, storage = (ThreadingHTTPServer(("localhost", 0), Handler) for _ in range(2))
    for server in (registry, storage):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        log_in(f"localhost:{registry.server_port}")
        push(package(gadget).output, f"localhost:{registry.server_port}/beats", insecure=True)
    finally:
        for server in (registry, storage):
            server.shutdown()
            server.server_close()
    assert {(command, known) for port, command, known in seen if port == storage.server_port} == {
        ("PUT", False)
    }
    assert {known for port, command, known in seen if port == registry.server_port and command != "GET"} == {
        True
    }


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": []}'])
def test_a_broken_file_of_credentials_is_named(gadget: Path, locked: str, text: str) -> None:
    """It is not taken for one without credentials."""
    path = Path.home() / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(EmbedderError, match=f"latest: {path}: no"):
        push(package(gadget).output, f"{locked}/beats", insecure=True)


class Tokens:
    """Gives out tokens, as large registries have it done: to `me`, and to push to me/... only.

    Args:
        certificate: whose key signs them.
        seconds: that a token is good for.
    """

    def __init__(self, certificate: Any, seconds: int = 60) -> None:
        self._certificate, self.seconds = certificate, seconds
        self.scopes: list[str] = []
        tokens = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.headers.get("Authorization") == f"Basic {secret(PASSWORD)}"
                scope = parse_qs(urlsplit(self.path).query).get("scope", [""])[0]
                body = json.dumps({"token": tokens.token(scope)} if known else {}).encode()
                self.send_response(200 if known else 401)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("localhost", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, scope: str) -> str:
        """A JSON web token for what is asked for, as far as it is allowed."""
        self.scopes.append(scope)
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        access = (
            [{"type": kind, "name": name, "actions": actions.split(",")}] if name.startswith("me/") else []
        )
        x509, keys, ec, utils, hashes = map(importlib.import_module, SIGNING)
        chain = [x509.load_pem_x509_certificate(blob.bytes()) for blob in self._certificate.cert_chain_pems]
        encoded = [c.public_bytes(keys.Encoding.DER) for c in chain]
        now = int(time.time())
        head = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(c).decode() for c in encoded]}
        claims: dict[str, Any] = {"iss": "tokens", "sub": USER, "aud": "registry", "access": access}
        claims |= {"exp": now + self.seconds, "nbf": now - 5, "iat": now, "jti": "1"}
        text = b".".join(_url(json.dumps(part).encode()) for part in (head, claims))
        key = keys.load_pem_private_key(self._certificate.private_key_pem.bytes(), None)
        r, s = utils.decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        return b".".join([text, _url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))]).decode()


def _url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


@pytest.fixture
def tokens() -> Iterator[tuple[Tokens, bytes]]:
    """A service that gives out tokens, and the certificate to know them by."""
    trustme = pytest.importorskip("trustme", reason="certificates are made with trustme: nox -s registry")
    authority = trustme.CA()
    found = Tokens(authority.issue_cert("tokens.example.org"))
    yield found, authority.cert_pem.bytes()
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def guarded(tokens: tuple[Tokens, bytes], binary: Path, oras: None, tmp_path: Path) -> Iterator[str]:
    """A registry that asks for tokens."""
    service, certificate = tokens
    bundle = tmp_path / "tokens.pem"
    bundle.write_bytes(certificate)
    realm = f"http://localhost:{service.server.server_port}/token"
    token = {"realm": realm, "service": "registry", "issuer": "tokens", "rootcertbundle": str(bundle)}
    with serve(binary, tmp_path / "registry", {"auth": {"token": token}}) as port:
        yield f"localhost:{port}"


def test_one_token_is_asked_for_and_lets_push(
    gadget: Path, guarded: str, tokens: tuple[Tokens, bytes]
) -> None:
    """It is for reading and writing from the beginning."""
    log_in(guarded)
    result = package(gadget)
    assert push(result.output, f"{guarded}/me/beats", insecure=True) == result.digest
    assert tokens[0].scopes == ["repository:me/beats:pull,push"]


def test_a_token_that_ran_out_is_renewed(gadget: Path, guarded: str, tokens: tuple[Tokens, bytes]) -> None:
    """Pushing takes as long as it takes."""
    log_in(guarded)
    tokens[0].seconds = -120  # run out before it is used; the registry allows a minute
    seen = tokens[0].scopes

    def lengthen(step: str) -> None:
        tokens[0].seconds = 60

    result = package(gadget)
    assert push(result.output, f"{guarded}/me/beats", insecure=True, progress=lengthen) == result.digest
    assert len(seen) == 2


def test_a_password_is_not_sent_without_https_when_the_registry_has_it(
    gadget: Path, tokens: tuple[Tokens, bytes], binary: Path, oras: None, tmp_path: Path
) -> None:
    """Where the registry sends us for a token, it has to be as safe as with itself."""
    trustme = pytest.importorskip("trustme")
    authority, bundle = trustme.CA(), tmp_path / "tokens.pem"
    signed = authority.issue_cert("localhost")
    signed.private_key_pem.write_to_path(tmp_path / "key.pem")
    signed.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    bundle.write_bytes(tokens[1])
    realm = f"http://localhost:{tokens[0].server.server_port}/token"
    config = {
        "auth": {"token": {"realm": realm, "service": "a", "issuer": "b", "rootcertbundle": str(bundle)}},
        "http": {"tls": {"certificate": str(tmp_path / "certificate.pem"), "key": str(tmp_path / "key.pem")}},
    }
    with serve(binary, tmp_path / "registry", config) as port:
        log_in(f"localhost:{port}")
        with pytest.raises(EmbedderError, match=f"credentials sent to {realm}, unencrypted"):
            push(package(gadget).output, f"localhost:{port}/me/beats", ca=tmp_path / "authority.pem")
    assert tokens[0].scopes == []


def test_a_repository_that_is_not_ours_is_refused(gadget: Path, guarded: str, command: Command) -> None:
    """The message says whose credentials do not suffice, and nothing of them."""
    log_in(guarded)
    done = command("push", package(gadget).output, f"{guarded}/others/beats:v1", "--insecure")
    assert (done.returncode, done.stdout) == (1, "")
    who = f"the credentials in {Path.home() / '.docker' / 'config.json'}"
    what = f"the registry does not let {who} push there: 401 Unauthorized"
    assert done.stderr == f"gadget: error: {guarded}/others/beats:v1: {what}\n"
    assert PASSWORD not in done.stderr
    assert secret(PASSWORD) not in done.stderr


def test_without_credentials_there_is_no_token(gadget: Path, guarded: str) -> None:
    """Where nobody may push unasked, the way to get in is named."""
    text = f"the registry refuses somebody without credentials: docker login {guarded}"
    with pytest.raises(EmbedderError, match=text):
        push(package(gadget).output, f"{guarded}/me/beats", insecure=True)


def test_wrong_credentials_get_no_token(gadget: Path, guarded: str) -> None:
    """The message names where they are from."""
    log_in(guarded, "wrong-horse")
    with pytest.raises(EmbedderError, match=r"the registry refuses the credentials in .*config\.json$"):
        push(package(gadget).output, f"{guarded}/me/beats", insecure=True)
