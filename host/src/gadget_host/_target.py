"""What GADGET on the command line stands for: a .wasm file, an image in a tar, or a gadget directory."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gadget_abi import EmbedderError
from gadget_abi.oci import Image, is_tar, read_image
from gadget_host._manifest import Manifest, parse_manifest, read_manifest

__all__ = ["Target", "find_gadget", "find_program"]


@dataclass(frozen=True, slots=True)
class Target:
    """A gadget that can be loaded.

    Args:
        path: of its module or program, or of the image it is in.
        manifest: the gadget.yaml beside it or in the image, if there is one.
        image: what it is in.
    """

    path: Path
    manifest: Manifest | None
    image: Image | None = None

    @property
    def module(self) -> Path | bytes:
        """What Gadget.load takes.

        Raises:
            EmbedderError: there is no module in the image.
        """
        if self.image is None:
            return self.path
        if self.image.module is None:
            raise EmbedderError(f"{self.path}: the image has no wasm module, and only that can be run here")
        return self.image.module

    def params(self, given: dict[str, str]) -> dict[str, str]:
        """The parameters' values; without a gadget.yaml, whatever is given.

        Raises:
            EmbedderError: as Manifest.values.
        """
        return given if self.manifest is None else self.manifest.values(given)


def find_program(name: str) -> Target:
    """The gadget's source instead of its module, to be run natively: a Python file, or a gadget directory.

    Raises:
        EmbedderError: there is no such file.
    """
    path = Path(name)
    program = path / "program.py" if path.is_dir() else path
    if not program.is_file() or program.suffix != ".py":
        raise EmbedderError(f"no program at {name}: neither a Python file nor a directory with a program.py")
    return _with_manifest(program)


def find_gadget(name: str, tell: Callable[[str], None], tag: str | None = None) -> Target:
    """Find the module, building it when its directory has a program.py that is newer.

    Args:
        name: a .wasm file, an image in a tar, or a gadget directory: `program.py`, `gadget.yaml`, `NAME.wasm`.
        tell: called before a build, which takes its time.
        tag: which image of a tar with several.

    Raises:
        EmbedderError: there is no such file, no module in the directory, or no builder for it.
        GadgetError: the build failed.
    """
    path = Path(name)
    if not path.exists():
        raise EmbedderError(
            f"no gadget at {name}: neither a .wasm file nor an image tar nor a gadget directory"
        )
    if is_tar(path):
        return _from_image(read_image(path, tag))
    if tag is not None:
        raise EmbedderError(f"--tag chooses an image of a tar, and {name} is none")
    if path.suffix == ".py":
        raise EmbedderError(
            f"{name} is a program, not a module: build it (gadget build), or run it with --native"
        )
    return _with_manifest(_module_of(path, tell) if path.is_dir() else path)


def _from_image(image: Image) -> Target:
    manifest = None
    if image.metadata is not None:
        manifest = parse_manifest(image.metadata, f"{image.path}: gadget.yaml")
    return Target(image.path, manifest, image)


def _with_manifest(module: Path) -> Target:
    path = module.parent / "gadget.yaml"
    return Target(module, read_manifest(path) if path.exists() else None)


def _module_of(directory: Path, tell: Callable[[str], None]) -> Path:
    module = _prebuilt(directory)
    if not (directory / "program.py").is_file():
        if module is None:
            raise EmbedderError(f"{directory}: no .wasm and no program.py to build one from")
        return module
    if module is not None and _up_to_date(module, directory):
        return module
    if importlib.util.find_spec("gadget_build") is None:
        if module is None:
            raise EmbedderError(f"{directory}: the gadget is not built; to build it: pip install gadget-sdk")
        tell(f"{module} is older than its sources, and gadget-sdk is not installed: running it as it is")
        return module
    tell(f"building {directory}, which takes some seconds")
    built = importlib.import_module("gadget_build").build(directory)
    return Path(built.output)


def _prebuilt(directory: Path) -> Path | None:
    """The directory's module: the one of its name, or the only one."""
    own = directory / f"{directory.resolve().name}.wasm"
    if own.is_file():
        return own
    found = sorted(directory.glob("*.wasm"))
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise EmbedderError(f"{directory}: which one? There are {names}; name the file")
    return found[0] if found else None


def _up_to_date(module: Path, directory: Path) -> bool:
    built = module.stat().st_mtime_ns
    return all(source.stat().st_mtime_ns <= built for source in directory.rglob("*.py"))
