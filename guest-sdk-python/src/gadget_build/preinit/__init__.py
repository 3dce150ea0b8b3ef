"""What makes a snapshot reproducible: see preinit.wat and gadget_settle.py, which run inside wasm.

componentize-py takes a snapshot of an interpreter that has imported the gadget. Left alone, no two snapshots are
alike: strings are hashed with a random seed, and clocks, modification times and inode numbers leave traces.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["LIBRARY", "stage"]

LIBRARY = "gadget_preinit.cpython-314-wasm32-wasi.so"
"""File name under which componentize-py takes a wasm library along."""


def stage(directory: Path) -> dict[str, str]:
    """Write the library and gadget_settle.py to a virtual environment in `directory`.

    Returns:
        What to add to componentize-py's environment: it takes VIRTUAL_ENV's site-packages along, and with it set
        looks for no other.
    """
    import wasmtime

    source = files("gadget_build.preinit")
    packages = directory / "venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    library = wasmtime.wat2wasm((source / "preinit.wat").read_text(encoding="utf-8"))
    (packages / LIBRARY).write_bytes(library)
    settle = (source / "gadget_settle.py").read_text(encoding="utf-8")
    (packages / "gadget_settle.py").write_text(settle, encoding="utf-8")
    return {"VIRTUAL_ENV": str(directory / "venv")}
