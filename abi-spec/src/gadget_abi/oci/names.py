"""The names of an image's parts, and of the image.

Sources: upstream's pkg/oci/build.go and oci.go, the OCI image spec v1.1, the reference grammar of distribution.
"""

from __future__ import annotations

import re
from typing import Final

from gadget_abi.errors import EmbedderError

__all__ = [
    "ARCHITECTURES",
    "ARTIFACT",
    "BUILDER",
    "CONFIG",
    "CREATED",
    "EBPF",
    "EMPTY",
    "INDEX",
    "MANIFEST",
    "REF_NAME",
    "WASM",
    "full_name",
]

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
"""Type of the config of an image without gadget.yaml; its bytes are `{}`."""

ARTIFACT: Final = "application/vnd.gadget.v1+binary"
CONFIG: Final = "application/vnd.gadget.config.v1+yaml"
EBPF: Final = "application/vnd.gadget.ebpf.program.v1+binary"
WASM: Final = "application/vnd.gadget.wasm.program.v1+binary"

REF_NAME: Final = "org.opencontainers.image.ref.name"
CREATED: Final = "org.opencontainers.image.created"
BUILDER: Final = "io.inspektor-gadget.builder.version"
"""ig compares it with its own version, and warns when it is another version or not there."""

ARCHITECTURES: Final = ("amd64", "arm64")
"""Those ig runs on."""

_HOME: Final = "ghcr.io"
_OFFICIAL: Final = "inspektor-gadget/gadget/"
_PART: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_PART}(?:/{_PART})*")
_DOMAIN_PART: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = re.compile(rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LONGEST: Final = 255


def full_name(name: str) -> str:
    """The whole name that ig makes of an image's name, and looks an image up by.

    `redact` is `ghcr.io/inspektor-gadget/gadget/redact:latest`, `me/redact:v1` is `ghcr.io/me/redact:v1`.

    Raises:
        EmbedderError: it is no name of an image; the text says which part is wrong.
    """
    if "@" in name:
        raise EmbedderError(f"{name!r} is no name for an image: a digest cannot be chosen, give NAME:TAG")
    rest, tag = name, "latest"
    colon = name.rfind(":")
    if colon > name.rfind("/"):
        rest, tag = name[:colon], name[colon + 1 :]
    domain, repository = _split(rest)
    if not _DOMAIN.fullmatch(domain):
        raise EmbedderError(f"{name!r} is no name for an image: {domain!r} is no registry's host")
    if not _REPOSITORY.fullmatch(repository) or len(domain) + 1 + len(repository) > _LONGEST:
        raise EmbedderError(
            f"{name!r} is no name for an image: {repository!r} is not lower-case letters and digits with "
            "single '.', '_', '-' or '/' between"
        )
    if not _TAG.fullmatch(tag):
        raise EmbedderError(f"{name!r} is no name for an image: {tag!r} is no tag")
    return f"{domain}/{repository}:{tag}"


def _split(name: str) -> tuple[str, str]:
    """Domain and repository: the first part is a domain when it looks like a host, else it is ghcr.io."""
    first, slash, rest = name.partition("/")
    if not slash or not (set(first) & set(".:") or first == "localhost" or first != first.lower()):
        first, rest = _HOME, name
    if first == _HOME and "/" not in rest:
        rest = _OFFICIAL + rest
    if first in ("docker.io", "index.docker.io"):
        first, rest = "docker.io", rest if "/" in rest else f"library/{rest}"
    return first, rest
