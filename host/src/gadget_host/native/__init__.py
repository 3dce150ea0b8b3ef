"""Run a gadget's Python source in this process, under a debugger, coverage or a profiler.

The gadget's calls go through the very host functions that a wasm guest calls: a stub module, made from the
ABI table, has the memory they read and write and passes the hooks on to Python. What differs is what Python
itself does: there is no memory limit, no deadline, and the standard library is this machine's.

    gadget = native.load("redact/program.py")
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from gadget_abi import EmbedderError
from gadget_abi import load as load_abi

from .._linker import Provided
from .._runtime import Runtime
from .._settings import Settings
from ..gadget import Gadget
from ._program import Program
from ._stub import MODULE, stub
from ._world import Err, world

__all__ = ["Err", "load"]


def load(program: str | Path, *, name: str | None = None, **settings: Any) -> Gadget:
    """Load a gadget from its source.

    Args:
        program: the Python file, or a directory with a program.py.
        name: what messages call it; the file's name unless given.
        settings: those of Gadget.load; no deadline unless one is given, so that there is time to look around.

    Raises:
        EmbedderError: there is no such file, the gadget SDK is not installed, or a release is asked for.
        Exception: whatever importing the program raises.
    """
    path = Path(program).resolve()
    path = path / "program.py" if path.is_dir() else path
    if not path.is_file():
        raise EmbedderError(f"{path}: no such file")
    if importlib.util.find_spec("gadget") is None:
        raise EmbedderError(f"{path}: the package `gadget` is not installed; pip install gadget-sdk")
    options = Settings(**{"deadline": None, "stop_deadline": None} | settings)
    if options.abi or options.release:
        raise EmbedderError(f"{path.name}: runs natively as the newest release, none else can be asked for")
    abi, source = load_abi(), Program(path)
    provided = Provided(MODULE, source.exports(abi))
    runtime = Runtime(stub(abi), name or path.name, options, provided=provided)
    source.connect(world(abi, runtime))
    return Gadget(runtime)
