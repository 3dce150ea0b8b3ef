"""What a run was measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from tests.upstream.build import RELEASES, SOURCE

__all__ = ["describe"]


def describe(release: str) -> dict[str, str]:
    """The machine, and the versions of what runs on it.

    Args:
        release: of Inspektor Gadget.
    """
    return {
        "machine": f"{platform.machine()}, {_processor()}, {os.cpu_count()} processors, {_memory():.0f} GiB",
        "Inspektor Gadget": f"{release} (wazero {_required(release, 'github.com/tetratelabs/wazero')})",
        "Go": _go(),
        "gadget-host": f"{version('gadget-host')} (wasmtime {version('wasmtime')})",
        "Python": platform.python_version(),
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", _text(Path("/proc/cpuinfo")), re.MULTILINE)
    return found[1] if found else "unknown processor"


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _required(release: str, module: str) -> str:
    found = re.search(
        rf"^\s*{re.escape(module)} (\S+)", (SOURCE / RELEASES[release]).read_text(), re.MULTILINE
    )
    return found[1] if found else "?"


def _go() -> str:
    return (
        subprocess.run(["go", "version"], capture_output=True, text=True, check=True)
        .stdout.split()[2]
        .removeprefix("go")
    )


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
