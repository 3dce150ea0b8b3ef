"""Push an image from a tar to a registry, byte for byte, so that its digest stays what it is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gadget_abi import EmbedderError
from gadget_abi.oci import Descriptor, Layout, full_name, read_image

__all__ = ["push"]

_SECONDS = 20


def _silent(text: str) -> None:
    """Say nothing."""


def push(
    path: Path,
    name: str,
    *,
    tag: str | None = None,
    insecure: bool = False,
    progress: Callable[[str], None] = _silent,
) -> str:
    """Push an image; credentials are those that docker and podman keep. Returns its digest.

    Args:
        path: a tar with an image layout.
        name: where to and under which name: REGISTRY/NAME:TAG, completed as ig does.
        tag: which image of a tar with several.
        insecure: speak HTTP instead of HTTPS.
        progress: told each step as it begins.

    Raises:
        EmbedderError: the image is broken, the name is none, oras is not installed, or the registry refuses.
    """
    whole = full_name(name)
    image = read_image(path, tag)
    manifests = {platform.manifest.digest: platform for platform in image.platforms.values()}
    with Layout(path) as layout, _talking(whole):
        registry = _Registry(whole, insecure)
        for platform in manifests.values():
            for part in (platform.config, *platform.layers):
                progress(f"pushing {part.media_type}")
                registry.blob(part, layout.blob(part, part.media_type))
            registry.manifest(
                platform.manifest, layout.blob(platform.manifest, "a manifest"), platform.manifest.digest
            )
        index = layout.blob(image.descriptor, "the image index")
        registry.manifest(image.descriptor, index, whole.rpartition(":")[2])
    return image.descriptor.digest


class _Registry:
    """A repository of a registry, through oras."""

    def __init__(self, name: str, insecure: bool) -> None:
        import oras.provider  # an extra of this distribution: gadget-sdk[push]

        self._oras: Any = oras.provider.Registry(insecure=insecure)
        self._container: Any = self._oras.get_container(name)
        self._oras.auth.load_configs(self._container)
        # oras tries for minutes whatever fails; whether anybody is there is known at once.
        self._oras.session.get(f"{self._oras.prefix}://{self._container.registry}/v2/", timeout=_SECONDS)

    def blob(self, part: Descriptor, data: bytes) -> None:
        """Push a blob unless it is there."""
        with tempfile.NamedTemporaryFile() as file:  # oras takes paths
            file.write(data)
            file.flush()
            row = {"digest": part.digest, "size": part.size}
            self._check(self._oras.upload_blob(file.name, self._container, row))

    def manifest(self, part: Descriptor, data: bytes, reference: str) -> None:
        """Push a manifest or an index as it is; oras itself would write it anew, with another digest."""
        url = f"{self._oras.prefix}://{self._container.manifest_url(reference)}"
        headers = {"Content-Type": part.media_type}
        answer = self._oras.do_request(url, "PUT", data=data, headers=headers)
        self._check(answer)
        found = answer.headers.get("Docker-Content-Digest", part.digest)
        if found != part.digest:
            raise EmbedderError(f"the registry made {found} of {part.digest}")

    def _check(self, answer: Any) -> None:
        if answer.status_code not in (200, 201, 202):
            raise EmbedderError(
                f"the registry answers {answer.status_code} {answer.reason}: {answer.text[:300]}"
            )


@contextmanager
def _talking(name: str) -> Iterator[None]:
    """Turn what goes wrong on the way into one message."""
    try:
        yield
    except EmbedderError as error:
        raise EmbedderError(f"{name}: {error}") from None
    except ImportError as error:
        raise EmbedderError(f"gadget push needs oras ({error}): pip install 'gadget-sdk[push]'") from None
    except Exception as error:  # requests', urllib3's and oras' own, which have no common base
        raise EmbedderError(f"{name}: cannot be pushed: {error or type(error).__name__}") from None
