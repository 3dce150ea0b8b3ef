"""Pushing over HTTPS to a registry whose certificate was signed by an authority of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gadget_abi import EmbedderError
from gadget_build.oci import package
from gadget_build.oci.push import push
from tests.oci.conftest import Command
from tests.oci.registry import serve


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The certificate of an authority, and beside it one that it signed, with its key."""
    trustme = pytest.importorskip("trustme", reason="certificates are made with trustme: nox -s registry")
    made = trustme.CA()
    signed = made.issue_cert("localhost")
    signed.private_key_pem.write_to_path(tmp_path / "key.pem")
    signed.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    made.cert_pem.write_to_path(tmp_path / "authority.pem")
    return tmp_path / "authority.pem"


@pytest.fixture
def secure(authority: Path, binary: Path, oras: None, tmp_path: Path) -> Iterator[str]:
    """A registry that speaks HTTPS."""
    tls = {"certificate": str(tmp_path / "certificate.pem"), "key": str(tmp_path / "key.pem")}
    with serve(binary, tmp_path / "registry", {"http": {"tls": tls}}) as port:
        yield f"localhost:{port}"


def test_the_authority_is_given_with_the_command(
    gadget: Path, secure: str, authority: Path, command: Command
) -> None:
    """--ca FILE."""
    result = package(gadget)
    done = command("push", result.output, f"{secure}/beats:v1", "--ca", authority)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{secure}/beats:v1@{result.digest}\n"


def test_the_authority_is_found_in_the_environment(
    gadget: Path, secure: str, authority: Path, command: Command
) -> None:
    """SSL_CERT_FILE, which Go's programs look at, too."""
    done = command("push", package(gadget).output, f"{secure}/beats:v1", SSL_CERT_FILE=str(authority))
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_authority_is_not_trusted(gadget: Path, secure: str, command: Command) -> None:
    """The message says what to do about it."""
    done = command("push", package(gadget).output, f"{secure}/beats:v1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"gadget: error: {secure}/beats:v1: cannot be pushed: its certificate is not "
    )
    assert done.stderr.endswith("name the authority that signed it with --ca FILE, or in SSL_CERT_FILE\n")
    assert done.stderr.count("\n") == 1


def test_a_certificate_for_another_host_is_not_trusted(gadget: Path, secure: str, authority: Path) -> None:
    """It is for localhost and not for its address."""
    with pytest.raises(EmbedderError, match=r"certificate is not trusted \(IP address mismatch"):
        push(package(gadget).output, f"{secure.replace('localhost', '127.0.0.1')}/beats", ca=authority)


@pytest.mark.parametrize(
    ("content", "text"), [(None, "No such file"), ("not one", "no certificate in PEM in it")]
)
def test_a_file_without_certificates_is_named(
    gadget: Path, oras: None, tmp_path: Path, content: str | None, text: str
) -> None:
    """It is looked at before the registry is."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(EmbedderError, match=f"{path}: {text}"):
        push(package(gadget).output, "localhost:1/beats", ca=path)


def test_speaking_https_to_one_that_does_not(gadget: Path, registry: str) -> None:
    """The message names the option for it."""
    with pytest.raises(EmbedderError, match=r"it does not speak HTTPS \(.*\); --insecure speaks HTTP$"):
        push(package(gadget).output, f"{registry}/beats")


def test_speaking_http_to_one_that_does_not(gadget: Path, secure: str) -> None:
    """It says so itself."""
    text = "no registry: .* 400 Bad Request Client sent an HTTP request to an HTTPS server"
    with pytest.raises(EmbedderError, match=text):
        push(package(gadget).output, f"{secure}/beats", insecure=True)
