from __future__ import annotations

import pytest

from gadget_abi import EmbedderError
from gadget_abi.oci import full_name

WHOLE = {
    "redact": "ghcr.io/inspektor-gadget/gadget/redact:latest",
    "redact:v1": "ghcr.io/inspektor-gadget/gadget/redact:v1",
    "me/redact": "ghcr.io/me/redact:latest",
    "localhost/redact": "localhost/redact:latest",
    "localhost:5000/a/b:c": "localhost:5000/a/b:c",
    "registry.example.org/trace_open:V1.0-x": "registry.example.org/trace_open:V1.0-x",
    "[::1]:5000/redact": "[::1]:5000/redact:latest",
    "ghcr.io/redact": "ghcr.io/inspektor-gadget/gadget/redact:latest",
    "docker.io/redact": "docker.io/library/redact:latest",
}


@pytest.mark.parametrize(("name", "whole"), WHOLE.items())
def test_names_are_completed_as_by_ig(name: str, whole: str) -> None:
    """Registry, place and tag are those that ig looks an image up by."""
    assert full_name(name) == whole
    assert full_name(whole) == whole


@pytest.mark.parametrize(
    "name",
    ["", ":", "a:", ":a", "A", "trace open", "a//b", "/a", "a/", "a..b", "-a", "a___b", "a@sha256:0", "a:b:c", "a:b/c",
     "a:.b", "a" * 256, f"a:{'b' * 129}", "x_y.z/a", "a\n", "ä"],
)  # fmt: skip
def test_what_is_no_name(name: str) -> None:
    """What no registry would take is refused with what is wrong."""
    with pytest.raises(EmbedderError, match="is no name for an image: "):
        full_name(name)
