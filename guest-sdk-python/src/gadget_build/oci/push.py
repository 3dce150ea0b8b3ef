"""Push an image from a tar to a registry, byte for byte, so that its digest stays what it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from gadget_abi import EmbedderError
from gadget_abi.oci import Descriptor, Layout, Platform, full_name, read_image
from gadget_abi.oci.names import EBPF, WASM
from gadget_build.oci.answers import explain
from gadget_build.oci.registry import Registry

__all__ = ["SECONDS", "push"]

SECONDS: Final = 60.0
"""To wait for each answer, unless told otherwise; registries look at what they got before they answer."""
_LONGEST: Final = 86_400  # seconds
_CALLED: Final = {WASM: "the module", EBPF: "the eBPF object"}


def _silent(text: str) -> None:
    """Say nothing."""


def push(
    path: Path,
    name: str,
    *,
    tag: str | None = None,
    insecure: bool = False,
    ca: Path | None = None,
    seconds: float = SECONDS,
    progress: Callable[[str], None] = _silent,
    note: Callable[[str], None] = _silent,
) -> str:
    """Push an image; credentials are those that docker and podman keep. Returns its digest.

    What is there already is not sent again, and the name is given last, so a push that was interrupted leaves nothing
    that could be taken for the image, and can be repeated.

    Args:
        path: a tar with an image layout.
        name: where to and under which name: REGISTRY/NAME:TAG, completed as ig does.
        tag: which image of a tar with several.
        insecure: speak HTTP instead of HTTPS.
        ca: a file of certificates, in PEM: of the authorities to trust, instead of the usual ones.
        seconds: to wait for each answer.
        progress: told each step as it begins.
        note: told what should be seen and does no harm, such as a second try.

    Raises:
        EmbedderError: the image is broken, the name is none, oras is not installed, or the registry refuses.
    """
    whole = full_name(name)
    if not 0 < seconds <= _LONGEST:
        raise EmbedderError(
            f"{seconds:g} seconds to wait for an answer: it is more than 0 and at most {_LONGEST}"
        )
    image = read_image(path, tag)
    platforms = {platform.manifest.digest: platform for platform in image.platforms.values()}
    try:
        with Layout(path) as layout, Registry(whole, insecure, ca, seconds, note) as registry:
            for platform in platforms.values():
                for part, what in _parts(platform):
                    progress(f"pushing {what} for {platform.architecture}")
                    registry.blob(part, layout.blob(part, what))
                manifest = layout.blob(platform.manifest, "a manifest")
                registry.manifest(platform.manifest, manifest, platform.manifest.digest)
            progress("pushing the index")
            index = layout.blob(image.descriptor, "the image index")
            registry.manifest(image.descriptor, index, whole.rpartition(":")[2])
    except EmbedderError as error:
        raise EmbedderError(f"{whole}: {error}") from None
    except ImportError as error:
        raise EmbedderError(f"gadget push needs oras ({error}): pip install 'gadget-sdk[push]'") from None
    except Exception as error:  # requests', urllib3's and oras' own, which have no common base
        raise EmbedderError(f"{whole}: cannot be pushed: {explain(error)}") from None
    return image.descriptor.digest


def _parts(platform: Platform) -> list[tuple[Descriptor, str]]:
    """What a manifest speaks of, and what to call it."""
    layers = [(layer, _CALLED.get(layer.media_type, "a layer")) for layer in platform.layers]
    return [(platform.config, "gadget.yaml"), *layers]
