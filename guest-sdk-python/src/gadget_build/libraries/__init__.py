"""What is linked in beside CPython and the gadget: two wasm libraries, and a module that runs inside wasm.

* preinit.wat and gadget_settle.py make a snapshot reproducible. componentize-py takes a snapshot of an interpreter that
  has imported the gadget. Left alone, no two snapshots are alike: strings are hashed with a random seed, and clocks,
  modification times and inode numbers leave traces.
* native.wat is the short way between Python and the host for what happens with every event.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from gadget_abi import load

__all__ = ["HOST", "NATIVE", "PREINIT", "stage"]

_SUFFIX = (
    ".cpython-314-wasm32-wasi.so"  # of file names under which componentize-py takes a wasm library along
)
PREINIT = f"gadget_preinit{_SUFFIX}"
"""The library that is done when the snapshot has been taken."""
NATIVE = f"gadget_native{_SUFFIX}"
"""The library that the export dataSourceCallback leads to."""
HOST = "host."
"""What precedes the names of the canonical functions in what that library imports."""


def stage(directory: Path) -> dict[str, str]:
    """Write the libraries and gadget_settle.py to a virtual environment in `directory`.

    Returns:
        What to add to componentize-py's environment: it takes VIRTUAL_ENV's site-packages along, and with it set
        looks for no other.
    """
    import wasmtime

    source = files("gadget_build.libraries")
    packages = directory / "venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    string = str(load().enums["Kind"].members["String"])
    for library, name in ((PREINIT, "preinit.wat"), (NATIVE, "native.wat")):
        wat = (source / name).read_text(encoding="utf-8").replace("{String}", string)
        (packages / library).write_bytes(wasmtime.wat2wasm(wat))
    settle = (source / "gadget_settle.py").read_text(encoding="utf-8")
    (packages / "gadget_settle.py").write_text(settle, encoding="utf-8")
    return {"VIRTUAL_ENV": str(directory / "venv")}
