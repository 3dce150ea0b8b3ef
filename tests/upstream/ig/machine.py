"""Runs the real `ig`, away from the rest of the machine, and says where that is not possible."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.upstream.build import NotHereError

__all__ = ["Ig", "Run", "check_machine", "wait_until"]

# What ig mounts stays in a mount namespace of its own: its images and tracefs.
_ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_WITH_STORE = (
    'mount -t tmpfs none /var/lib && mkdir /var/lib/ig && mount --bind "$0" /var/lib/ig && exec "$@"'
)
_LONGEST = 600  # seconds; compiling a module of 12 MB takes a busy machine a minute


def check_machine() -> None:
    """Find out whether eBPF programs can be loaded here.

    Raises:
        NotHereError: they cannot; why.
    """
    if os.geteuid() != 0:
        raise NotHereError("loading eBPF programs needs root")
    if not Path("/sys/kernel/btf/vmlinux").exists():
        raise NotHereError("the kernel does not describe its types: there is no /sys/kernel/btf/vmlinux")
    if not Path("/sys/kernel/tracing").exists():
        raise NotHereError("the kernel has no tracepoints: there is no /sys/kernel/tracing")
    if not shutil.which("unshare"):
        raise NotHereError("no unshare on the PATH (util-linux)")
    done = subprocess.run([*_ALONE, "true"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotHereError(f"no mount namespaces: {done.stderr.strip()}")


@dataclass(frozen=True)
class Run:
    """A gadget that is running.

    Args:
        process: of ig.
        out: what it printed so far.
        err: what it logged.
    """

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def lines(self) -> list[str]:
        """What it printed, as far as lines are whole."""
        return self.out.read_text().splitlines(keepends=True)[: self.out.read_bytes().count(b"\n")]


class Ig:
    """The program, with a store of images of its own.

    Args:
        program: the file.
        directory: an empty one.
        transcript: gets commands, and what they printed.
    """

    def __init__(self, program: Path, directory: Path, transcript: list[str]) -> None:
        self._directory, self._transcript = directory, transcript
        (directory / "store").mkdir()
        inside = ("sh", "-c", _WITH_STORE, str(directory / "store"), str(program), "--auto-mount-filesystems")
        self._command = (*_ALONE, *inside)

    def __call__(self, *arguments: str) -> str:
        """Run a command to its end; returns what it printed."""
        done = subprocess.run(
            [*self._command, *arguments], capture_output=True, text=True, timeout=_LONGEST, check=False
        )
        assert done.returncode == 0, f"ig {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    @contextmanager
    def run(self, image: str, *options: str) -> Iterator[Run]:
        """Run a gadget as long as the block; it is ended as Ctrl-C would."""
        out = self._directory / f"{image}.out"
        arguments = ["run", image, "--verify-image=false", *options]
        with out.open("wb") as printed, out.with_suffix(".err").open("wb") as logged:
            process = subprocess.Popen(
                [*self._command, *arguments], stdout=printed, stderr=logged, start_new_session=True
            )
            try:
                yield Run(process, out, out.with_suffix(".err"))
            finally:
                _interrupt(process)

    def show(self, *arguments: str, printed: str) -> None:
        """Put a command into the transcript, with what it printed."""
        self._transcript.append(f"$ ig {' '.join(arguments)}\n{printed.rstrip()}\n")


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)  # unshare leaves it to the program in it
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(is_done: Callable[[], bool], run: Run) -> None:
    """Wait for something that a run brings about.

    Raises:
        AssertionError: it ended, or nothing came of it.
    """
    end = time.monotonic() + _LONGEST
    while not is_done():
        assert run.process.poll() is None, f"ig ended: {run.err.read_text()}"
        assert time.monotonic() < end, f"ig gave nothing: {run.err.read_text()}"
        time.sleep(0.2)
