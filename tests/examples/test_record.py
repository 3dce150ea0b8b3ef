"""The recorder sees what a process does."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.reference import EXAMPLES, Event, stream

RECORDER = {**os.environ, "PYTHONPATH": str(EXAMPLES / "data")}

linux = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="the recorder is for Linux on x86_64 and arm64",
)
root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="tracing this way needs root"
)

TRACE = """
import json, os, sys
from record import ptrace
from record.tracer import Tracer

ready, go = os.pipe()
child = os.fork()
if not child:
    os.read(ready, 1)
    ptrace.install_filter()
    os.execv(sys.argv[1], sys.argv[1:])
ptrace.seize(child)
os.write(go, b"!")
Tracer(lambda source, event: print(json.dumps([source, event]))).run()
"""


def trace(*command: str) -> list[tuple[str, Event]]:
    """What the recorder reports of a command and its children: (source, event)."""
    done = subprocess.run(
        [sys.executable, "-c", TRACE, *command], env=RECORDER, capture_output=True, text=True, check=False
    )
    if "PermissionError" in done.stderr:
        pytest.skip("tracing is forbidden here")
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines() if line.startswith("[")]


@linux
@root
def test_opens_of_children_are_seen_with_their_outcome(tmp_path: Path) -> None:
    """An open that succeeds has its descriptor, one that fails its error; flags and mode are those passed."""
    script = f'cat "{tmp_path}/missing" 2> /dev/null; umask 027; echo x >> "{tmp_path}/new"; exec 7< "{tmp_path}/new"'
    opens = {event["fname"]: event for source, event in trace("/bin/sh", "-c", script) if source == "open"}
    missing, new = opens[f"{tmp_path}/missing"], opens[f"{tmp_path}/new"]
    assert (missing["error"], missing["error_raw"], missing["fd"], missing["proc"]["comm"]) == (
        "ENOENT",
        2,
        0,
        "cat",
    )
    assert missing["proc"]["parent"] == {"comm": "sh", "pid": new["proc"]["pid"]}
    assert new["error"] == ""
    assert new["fd"] >= 3
    assert new["proc"]["mntns_id"] == int(Path("/proc/self/ns/mnt").readlink().name[5:-1])
    assert opens["/dev/null"]["flags"] == "O_WRONLY|O_CREAT|O_TRUNC"
    assert opens["/dev/null"]["mode"] == "-rw-rw-rw-"


@linux
@root
def test_execs_are_seen_with_their_arguments() -> None:
    """A start is the new program's, with path and arguments; a failed one is still the old program's."""
    execs = [
        event for source, event in trace("/usr/bin/env", "-", "/bin/echo", "a b", "ü") if source == "exec"
    ]
    assert [(event["proc"]["comm"], event["args"], event["args_count"]) for event in execs] == [
        ("env", "/usr/bin/env - /bin/echo a b ü", 5),
        ("echo", "/bin/echo a b ü", 3),
    ]
    (_, failed) = (event for source, event in trace("/usr/bin/env", "/no/such") if source == "exec")
    assert (failed["proc"]["comm"], failed["error"], failed["args"]) == ("env", "ENOENT", "/no/such")


@linux
def test_the_streams_have_the_recorders_schema() -> None:
    """The schema lines of the committed streams are those the recorder writes now."""
    program = (
        "import json, record.events as e; print(json.dumps([e.schema_line(s) for s in ('open', 'exec')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=RECORDER, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [{"gadget.schema": stream(source)[0]} for source in ("open", "exec")]
