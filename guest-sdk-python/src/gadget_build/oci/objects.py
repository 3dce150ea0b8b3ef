"""The compiled eBPF programs that go into an image, by architecture."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from gadget_abi.oci.names import ARCHITECTURES
from gadget_build.errors import BuildError

__all__ = ["find_objects"]

_EM_BPF = 247  # machine of an ELF file (linux/elf-em.h)
_HEADER = struct.Struct("<4sBB10xHH")  # magic, class, byte order, type, machine


def find_objects(directory: Path, given: Sequence[str]) -> dict[str, Path]:
    """The eBPF object for each architecture.

    Args:
        directory: of the gadget; when none is given, its amd64.bpf.o and arm64.bpf.o are taken, as
            `ig image build` calls them, or its program.bpf.o for all architectures.
        given: FILE for all architectures, FILE:ARCH for one.

    Raises:
        BuildError: one is missing, is for two files, or is no eBPF object.
    """
    found = _given(given) if given else _beside(directory)
    for path in set(found.values()):
        _check(path)
    return found


def _beside(directory: Path) -> dict[str, Path]:
    found = {name: directory / f"{name}.bpf.o" for name in ARCHITECTURES}
    found = {name: path for name, path in found.items() if path.is_file()}
    shared = directory / "program.bpf.o"
    if shared.is_file():
        found = dict.fromkeys(ARCHITECTURES, shared) | found
    return found


def _given(given: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for text in given:
        path, colon, architecture = text.rpartition(":")
        names: Sequence[str] = (architecture,) if colon else ARCHITECTURES
        if colon and architecture not in ARCHITECTURES:
            known = " or ".join(ARCHITECTURES)
            raise BuildError(f"--ebpf {text}: no architecture {architecture!r}; it is {known}")
        for name in names:
            if name in found:
                raise BuildError(f"--ebpf {text}: there is one for {name} already, {found[name]}")
            found[name] = Path(path or text)
    return found


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
    except OSError as error:
        raise BuildError(f"cannot be read: {error.strerror}", file=path) from None
    if len(start) < _HEADER.size or start[:4] != b"\x7fELF":
        raise BuildError("no eBPF object: not an ELF file", file=path)
    _, bits, order, _, machine = _HEADER.unpack(start)
    if (bits, order, machine) != (2, 1, _EM_BPF):
        hint = "compile it with clang -target bpf -mlittle-endian"
        raise BuildError("no eBPF object: an ELF file for another machine", file=path, hint=hint)
