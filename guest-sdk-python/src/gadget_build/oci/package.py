"""From a gadget's directory to an image that `ig` runs. The image is that of upstream's pkg/oci/build.go."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import gadget_abi
from gadget_abi import EmbedderError
from gadget_abi.files import write_whole
from gadget_abi.oci import full_name
from gadget_abi.oci.names import ARCHITECTURES, BUILDER, CONFIG, CREATED, EBPF, WASM
from gadget_abi.report import Report, check_bytes
from gadget_build.build import build
from gadget_build.errors import BuildError
from gadget_build.oci.layout import LayoutWriter
from gadget_build.oci.metadata import read_metadata
from gadget_build.oci.objects import find_objects
from gadget_build.program import MAIN, find_program

__all__ = ["PackageResult", "package"]

_FROM_METADATA: Final = {
    "name": "org.opencontainers.image.title",
    "description": "org.opencontainers.image.description",
    "homepageURL": "org.opencontainers.image.url",
    "documentationURL": "org.opencontainers.image.documentation",
    "sourceURL": "org.opencontainers.image.source",
}
_SHOWN = 10  # problems listed in one message


@dataclass(frozen=True)
class PackageResult:
    """What was packaged.

    Args:
        output: the tar.
        size: of it, in bytes.
        digest: of the image.
        names: of the image, whole.
        architectures: it is for.
        ebpf: those with an eBPF object.
        verdict: where the module runs, in words.
    """

    output: Path
    size: int
    digest: str
    names: tuple[str, ...]
    architectures: tuple[str, ...]
    ebpf: tuple[str, ...]
    verdict: str


def _silent(text: str) -> None:
    """Say nothing."""


def package(
    directory: Path,
    *,
    output: Path | None = None,
    names: Sequence[str] = (),
    wasm: Path | None = None,
    ebpf: Sequence[str] = (),
    progress: Callable[[str], None] = _silent,
    warn: Callable[[str], None] = _silent,
) -> PackageResult:
    """Package a gadget.

    The same content gives the same bytes: everything is dated by SOURCE_DATE_EPOCH, or by the newest of the
    gadget's own files.

    Args:
        directory: of the gadget, with gadget.yaml, and a program.py, which is built, or else one module.
        output: the tar to write; DIR/NAME.tar unless given.
        names: of the image, completed as ig does; the `name` of gadget.yaml unless given.
        wasm: a module to take instead of building one.
        ebpf: eBPF objects: see find_objects.
        progress: told each step as it begins.
        warn: told what looks wrong in gadget.yaml without being so.

    Raises:
        BuildError: something is missing, is not fit for an image, or the module runs on no release of ig.
        EmbedderError: a name is none.
    """
    directory = Path(directory)
    if not directory.is_dir():
        raise BuildError("no gadget's directory", file=directory)
    yaml_path = directory / "gadget.yaml"
    metadata, content = read_metadata(yaml_path, warn)
    whole = _names(names, content, yaml_path)
    objects = find_objects(directory, ebpf)
    module, sources = _module(directory, wasm, progress)
    data = module.read_bytes()
    report = _checked(data, module)
    epoch = _epoch([*sources, yaml_path, *objects.values()])
    progress("packaging")
    writer = LayoutWriter(epoch)
    digest = _compose(writer, metadata, data, objects, _annotations(content, epoch), whole)
    path = output or directory / f"{directory.resolve().name}.tar"
    tar = writer.tar()
    try:
        write_whole(path, tar)
    except OSError as error:
        raise BuildError(f"cannot be written: {error.strerror or error}", file=path) from error
    architectures = tuple(objects) or ARCHITECTURES
    return PackageResult(path, len(tar), digest, whole, architectures, tuple(objects), report.verdict)


def _compose(
    writer: LayoutWriter,
    metadata: bytes,
    module: bytes,
    objects: dict[str, Path],
    annotations: dict[str, str],
    names: Sequence[str],
) -> str:
    """Put the image together; returns its digest. With eBPF objects, it is for the architectures that have one."""
    config, wasm = writer.blob(CONFIG, metadata), writer.blob(WASM, module)
    manifests = []
    for architecture in sorted(objects) or ARCHITECTURES:
        own = [writer.blob(EBPF, objects[architecture].read_bytes())] if architecture in objects else []
        manifests.append(writer.manifest(architecture, config, [*own, wasm], annotations))
    digest: str = writer.image(manifests, annotations, names)["digest"]
    return digest


def _names(given: Sequence[str], content: dict[str, Any], yaml_path: Path) -> tuple[str, ...]:
    if given:
        return tuple(dict.fromkeys(map(full_name, given)))
    try:
        return (full_name(str(content["name"])),)
    except EmbedderError as error:
        raise BuildError(f"name: {error}", file=yaml_path, hint="give the image one with --tag") from None


def _module(
    directory: Path, given: Path | None, progress: Callable[[str], None]
) -> tuple[Path, tuple[Path, ...]]:
    """The module to take, and the files that it is as old as."""
    if given is not None:
        if not given.is_file():
            raise BuildError("no such file", file=given)
        return given, (given,)
    if (directory / MAIN).is_file():
        return build(directory, progress=progress).output, find_program(directory).files
    found = sorted(directory.glob("*.wasm"))
    if len(found) != 1:
        names = ", ".join(path.name for path in found)
        reason = f"which module? There are {names}" if found else f"no {MAIN} and no .wasm in it"
        raise BuildError(reason, file=directory, hint="name the module with --wasm")
    return found[0], (found[0],)


def _checked(data: bytes, module: Path) -> Report:
    """What `gadget check` says of the module, which has to run somewhere."""
    report = check_bytes(data, gadget_abi.load())
    if not report.releases:
        reasons = [str(problem) for problem in report.problems[:_SHOWN]]
        raise BuildError("\n  ".join([f"{report.verdict}:", *reasons]), file=module)
    return report


def _epoch(files: Sequence[Path]) -> int:
    """When the image was made, in seconds since 1970."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if text is None:
        return int(max(file.stat().st_mtime for file in files))
    if not text.isascii() or not text.isdigit() or int(text) >= 1 << 33:  # what a tar's header holds
        raise BuildError(f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds since 1970")
    return int(text)


def _annotations(content: dict[str, Any], epoch: int) -> dict[str, str]:
    """What the image says of itself; the annotations of gadget.yaml come last, as with ig."""
    found = {name: _text(content.get(key)) for key, name in _FROM_METADATA.items() if content.get(key)}
    # ig compares this with its own version, and warns if it is another version of ig or missing. The builder was
    # not ig, and where the module runs is known from checking it.
    found[BUILDER] = f"gadget-sdk-{version('gadget-sdk')}"
    found |= {key: _text(value) for key, value in (content.get("annotations") or {}).items()}
    found[CREATED] = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
