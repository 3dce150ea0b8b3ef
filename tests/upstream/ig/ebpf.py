"""Builds the eBPF program of the tests with the C compiler in the wheel ziglang."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tests.upstream.build import NotHereError

__all__ = ["compile_object"]

SOURCE = Path(__file__).with_name("open.bpf.c")


def compile_object(target: Path) -> None:
    """Write the eBPF object, the same for every architecture, with the types that ig reads.

    Raises:
        NotHereError: there is no compiler.
    """
    if find_spec("ziglang") is None:
        raise NotHereError("no compiler for eBPF: the wheel ziglang is not installed (nox -s ig installs it)")
    zig = [sys.executable, "-m", "ziglang", "cc", "-target", "bpfel-freestanding"]
    options = ["-O2", "-g", "-Wall", "-Werror", f"-ffile-prefix-map={SOURCE.parent}=."]
    done = subprocess.run(
        [*zig, *options, "-c", str(SOURCE), "-o", str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
