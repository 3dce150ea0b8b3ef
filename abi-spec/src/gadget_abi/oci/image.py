"""What is in a gadget's image: for each architecture a module, perhaps an eBPF object, and the gadget.yaml.

    index.json -> image index -> manifest of an architecture -> config: the bytes of gadget.yaml
                                                             -> layers: eBPF object, wasm module, ...

Source: upstream's pkg/oci/build.go (what `ig image build` writes) and oci.go (what `ig run` reads).
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gadget_abi.errors import EmbedderError
from gadget_abi.oci.layout import Descriptor, Layout, texts
from gadget_abi.oci.names import CONFIG, EBPF, EMPTY, INDEX, MANIFEST, REF_NAME, WASM, full_name

__all__ = ["Image", "Platform", "read_image"]

_MOST_METADATA: Final = 2**20
_MOST_PARTS: Final = 100
_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Platform:
    """The gadget for one architecture.

    Args:
        architecture: "amd64", "arm64".
        manifest: of this architecture.
        config: of gadget.yaml.
        layers: eBPF object, module, and whatever else, in order.
        annotations: of the manifest.
        document: the manifest as it was read.
    """

    architecture: str
    manifest: Descriptor
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]
    document: Mapping[str, Any]

    def layer(self, media_type: str) -> Descriptor | None:
        """The first layer of a type."""
        return next((layer for layer in self.layers if layer.media_type == media_type), None)


@dataclass(frozen=True)
class Image:
    """One image of a layout.

    Args:
        path: the tar it came from.
        tags: its names; none for an image without.
        descriptor: of its index.
        annotations: of its index.
        platforms: by architecture, in order of the index.
        chosen: the one whose module and metadata these are: this machine's, or else the first with a module.
        metadata: the bytes of gadget.yaml, None when there is none.
        module: the wasm module, None when there is none.
        program: the eBPF object, None when there is none.
    """

    path: Path
    tags: tuple[str, ...]
    descriptor: Descriptor
    annotations: Mapping[str, str]
    platforms: Mapping[str, Platform]
    chosen: Platform
    metadata: bytes | None
    module: bytes | None = field(repr=False, default=None)
    program: bytes | None = field(repr=False, default=None)

    @property
    def ebpf(self) -> bool:
        """Whether a program in the kernel belongs to it."""
        return self.program is not None


def read_image(path: Path, tag: str | None = None) -> Image:
    """Read an image from a tar.

    Args:
        path: an OCI image layout, such as `gadget package` and `ig image export` write.
        tag: which image, when there are several; names are completed as ig completes them.

    Raises:
        EmbedderError: there is no such file or no such image in it, or it is broken; what and where.
    """
    with Layout(path) as layout:
        try:
            return _read(layout, tag)
        except EmbedderError as error:
            text = str(error)
            raise EmbedderError(text if text.startswith(str(path)) else f"{path}: {text}") from None


def _read(layout: Layout, tag: str | None) -> Image:
    descriptor, tags = _choose(layout, tag)
    if descriptor.media_type != INDEX:
        raise EmbedderError(
            f"image {_called(tags)} is {descriptor.media_type}, not {INDEX}: ig takes an index of manifests only"
        )
    document = layout.document(descriptor, "the image index")
    platforms: dict[str, Platform] = {}
    for n, row in enumerate(_rows(document, "manifests", "the image index")):
        found = _platform(layout, row, n)
        platforms.setdefault(found.architecture, found)  # of two, ig takes the first
    if not platforms:
        raise EmbedderError("the image index lists no manifest")
    chosen = _best(platforms)
    wasm, ebpf = chosen.layer(WASM), chosen.layer(EBPF)
    return Image(
        layout.path,
        tags,
        descriptor,
        texts(document.get("annotations"), "the image index"),
        platforms,
        chosen,
        None if chosen.config.media_type == EMPTY else _metadata(layout, chosen.config),
        layout.blob(wasm, "the wasm module") if wasm else None,
        layout.blob(ebpf, "the eBPF object") if ebpf else None,
    )


def _choose(layout: Layout, tag: str | None) -> tuple[Descriptor, tuple[str, ...]]:
    """The image that is asked for, or the only one; and its names."""
    images: dict[str, Descriptor] = {}
    names: dict[str, list[str]] = {}
    for n, row in enumerate(_rows(layout.index(), "manifests", "index.json")):
        found = Descriptor.read(row, f"index.json: manifests[{n}]")
        name = found.annotations.get(REF_NAME)
        if name is not None and name.endswith(".sig"):
            continue  # a signature of an image, which lies beside it
        images.setdefault(found.digest, found)
        names.setdefault(found.digest, []).extend([name] if name else [])
    # `ig image export` lists the manifests of an image beside it, without names.
    named = [digest for digest in images if names[digest]]
    digests = (named or list(images)) if tag is None else _tagged(names, tag)
    known = ", ".join(name for of_one in names.values() for name in of_one) or "none with a name"
    if not images:
        raise EmbedderError("there is no image in it")
    if not digests:
        raise EmbedderError(f"there is no image {tag!r} in it; the images are: {known}")
    if len(digests) > 1:
        raise EmbedderError(f"which image? There are {known}; choose with --tag")
    return images[digests[0]], tuple(names[digests[0]])


def _tagged(names: Mapping[str, list[str]], tag: str) -> list[str]:
    exact = [digest for digest, of_one in names.items() if tag in of_one]
    if exact:
        return exact
    whole = full_name(tag)
    return [digest for digest, of_one in names.items() if whole in of_one]


def _rows(document: Mapping[str, Any], key: str, where: str) -> list[Any]:
    rows = document.get(key)
    if not isinstance(rows, list) or len(rows) > _MOST_PARTS:
        raise EmbedderError(f"{where}: {key} is no list of at most {_MOST_PARTS}")
    return rows


def _platform(layout: Layout, row: object, number: int) -> Platform:
    where = f"the image index: manifests[{number}]"
    descriptor = Descriptor.read(row, where)
    if descriptor.media_type != MANIFEST:
        raise EmbedderError(f"{where} is {descriptor.media_type}, not {MANIFEST}")
    architecture = (descriptor.platform or {}).get("architecture")
    if not isinstance(architecture, str) or not architecture:
        raise EmbedderError(f"{where} has no platform.architecture, without which ig fails")
    where = f"the manifest of {architecture}"
    document = layout.document(descriptor, where)
    config = Descriptor.read(document.get("config"), f"{where}: config")
    if config.media_type not in (CONFIG, EMPTY):
        raise EmbedderError(f"{where}: config is {config.media_type}: the image is of no gadget")
    layers = tuple(
        Descriptor.read(layer, f"{where}: layers[{n}]")
        for n, layer in enumerate(_rows(document, "layers", where))
    )
    annotations = texts(document.get("annotations"), where)
    return Platform(architecture, descriptor, config, layers, annotations, document)


def _best(platforms: Mapping[str, Platform]) -> Platform:
    own = platforms.get(_MACHINES.get(platform.machine().lower(), ""))
    if own is not None:
        return own
    return next((p for p in platforms.values() if p.layer(WASM)), next(iter(platforms.values())))


def _metadata(layout: Layout, config: Descriptor) -> bytes:
    return layout.blob(config, "gadget.yaml", _MOST_METADATA)


def _called(tags: tuple[str, ...]) -> str:
    return ", ".join(tags) or "without a name"
