"""Run componentize-py over a program, hermetically, and put its complaints into the author's terms."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

import gadget
from gadget_build import libraries
from gadget_build.adapters.raw import RUNTIME
from gadget_build.errors import BuildError
from gadget_build.program import Program

__all__ = ["componentize"]

# The module componentize-py wraps: it imports the program, whose declarations become part of the snapshot, and
# brings the interpreter into a state that does not depend on the machine.
_ENTRY = """\
import gadget_native
import gadget_settle
import wit_world
import {program}
from gadget import _runtime

class WitWorld(wit_world.WitWorld):
    gadget_init = staticmethod(gadget_settle.waking(_runtime.gadget_init))
    gadget_pre_start = staticmethod(_runtime.gadget_pre_start)
    gadget_start = staticmethod(_runtime.gadget_start)
    gadget_stop = staticmethod(_runtime.gadget_stop)
    gadget_post_stop = staticmethod(_runtime.gadget_post_stop)
    data_source_callback = staticmethod(_runtime.data_source_callback)

gadget_settle.settle({lazy})
"""
_ENTRY_NAME = "gadget_entry"
# In the order of --python-path: what componentize-py calls /0 and /1.
_APP, _SDK = "app", "sdk"
_FRAME = re.compile(r'File "/(\d)/([^"]+)", line (\d+)')
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")


def componentize(program: Program, world: str) -> bytes:
    """The component of a program; `world` is the text of the WIT world.

    Raises:
        BuildError: the program cannot be imported, with file and line; or componentize-py is another version
            than the linker knows.
    """
    if (found := version("componentize-py")) != RUNTIME:
        raise BuildError(
            f"componentize-py {found} is installed", hint=f"pip install componentize-py=={RUNTIME}"
        )
    with tempfile.TemporaryDirectory(prefix="gadget-build-") as directory:
        stage = Path(directory)
        _lay_out(stage, program, world)
        done = _run(stage, libraries.stage(stage))
        if done.returncode:
            raise _explain(program, done.stderr)
        return (stage / "component.wasm").read_bytes()


def _lay_out(stage: Path, program: Program, world: str) -> None:
    for name in (_APP, _SDK):
        (stage / name).mkdir()
    program.copy_to(stage / _APP)
    with as_file(files(gadget)) as package:
        shutil.copytree(
            package, stage / _SDK / "gadget", ignore=shutil.ignore_patterns("__pycache__", "py.typed")
        )
    (stage / _SDK / f"{_ENTRY_NAME}.py").write_text(
        _ENTRY.format(program=program.module, lazy=program.lazy_imports())
    )
    (stage / "world.wit").write_text(world, encoding="utf-8")


def _run(stage: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    paths = [word for name in (_APP, _SDK) for word in ("--python-path", name)]
    world = ["--wit-path", "world.wit", "--world", "gadget"]
    target = ["componentize", "--stub-wasi", *paths, "--output", "component.wasm", _ENTRY_NAME]
    return subprocess.run(
        [sys.executable, "-c", "import componentize_py; componentize_py.script()", *world, *target],
        cwd=stage,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _explain(program: Program, stderr: str) -> BuildError:
    """The last line of the guest's traceback, and the innermost of its frames that is the author's."""
    text = stderr.partition("AssertionError: ")[2].partition("\n\n\nCaused by:")[0].rstrip()
    frames = [(name, int(line)) for path, name, line in _FRAME.findall(text) if path == "0"]
    file, line = (program.root / frames[-1][0], frames[-1][1]) if frames else (program.main, None)
    if not text:
        if "I32Exit" in stderr:
            reason = "ends the process when it is imported"
            return BuildError(reason, file=file, hint="remove exit() and sys.exit() at module level")
        return BuildError(f"componentize-py failed: {_first_cause(stderr)}", file=file)
    reason = text.splitlines()[-1].strip()
    if missing := _MISSING.search(text):
        return BuildError(reason, file=file, line=line, hint=_why_missing(program.root, missing[1]))
    return BuildError(reason, file=file, line=line)


def _first_cause(stderr: str) -> str:
    causes = stderr.partition("Caused by:")[2] or stderr
    return next((line.strip() for line in causes.splitlines() if line.strip()), "it gave no reason")


def _why_missing(root: Path, name: str) -> str:
    top = name.partition(".")[0]
    if any(root.glob(f"{top}*.so")) or any(root.glob(f"{top}*.pyd")):
        return f"{top} is a C extension: native code of this machine cannot run in wasm"
    return (
        f"a gadget has the standard library and the modules beside its program; copy {top} there if it is pure "
        "Python; C extensions cannot run in wasm"
    )
