"""`gadget run` while its input still comes and its output is being read: pipes, signals, endless streams."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from tests.cli.conftest import COMMAND, event, lines


@pytest.fixture
def process(guest: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that reads a pipe and prints JSON into one."""
    command = [
        *COMMAND,
        str(guest),
        "-i",
        "-",
        "-o",
        "json",
        "--stats",
        str(tmp_path / "s"),
        "-p",
        "every=1000000",
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )
    with process:
        yield process
        process.kill()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """A pipe that is there."""
    assert stream is not None
    return stream


def send(process: subprocess.Popen[bytes], *events: Any, schema: bool = False) -> None:
    """Write events into the run."""
    pipe(process.stdin).write(lines(*events, schema=schema).encode())


def receive(process: subprocess.Popen[bytes]) -> Any:
    """Read one event of the run."""
    text = b""
    while not text.endswith(b"\n"):
        byte = os.read(pipe(process.stdout).fileno(), 1)
        assert byte, f"the run ended after {text!r}"
        text += byte
    return json.loads(text)


def test_events_come_at_once(process: subprocess.Popen[bytes]) -> None:
    """Each event of a live pipe is printed before the next one is written."""
    send(process, schema=True)
    for number in range(1, 6):
        send(process, event(number))
        assert receive(process)["seen"] == number
    pipe(process.stdin).close()
    assert receive(process) == [{"count": 5}]
    assert process.wait(10) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stop_while_waiting(
    process: subprocess.Popen[bytes], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """A signal while the run waits for input ends it: gadgetStop runs, the rest is printed and written."""
    send(process, event(1), schema=True)
    assert receive(process)["seen"] == 1
    process.send_signal(number)
    assert receive(process) == [{"count": 1}]
    assert process.wait(10) == code
    assert b"INFO gadget: stopped\n" in pipe(process.stderr).read()
    assert json.loads((tmp_path / "s").read_text())["events_in"] == 1


def test_stop_before_the_first_event(guest: Path) -> None:
    """Ctrl-C while the run waits for a first line, to learn the kinds from, ends it at once."""
    command = [*COMMAND, str(guest), "-i", "open=-"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        time.sleep(2)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert b"Traceback" not in pipe(process.stderr).read()


def test_stop_amid_a_stream(guest: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle of a stream ends it between two events; what was read has been printed."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    out = tmp_path / "out"
    with out.open("wb") as file:
        command = [*COMMAND, str(guest), "-i", str(fifo), "-o", "json", "--stats", str(tmp_path / "s")]
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.PIPE)
    chunk = lines(*map(event, range(100, 1100)), schema=False).encode()
    with process, fifo.open("wb") as writer:
        writer.write(lines().encode())
        for number in range(10_000):
            if number == 20:
                process.send_signal(signal.SIGINT)
            try:
                writer.write(chunk)
                writer.flush()
            except BrokenPipeError:
                break
        assert process.wait(20) == 130
    stats = json.loads((tmp_path / "s").read_text())
    printed = out.read_bytes().splitlines()
    assert 0 < stats["events_in"] == len(printed) < 10_000_000
    assert json.loads(printed[-1])["seen"] == len(printed)


def test_second_interrupt(guest: Path, tmp_path: Path) -> None:
    """A gadget that does not come back does not survive a second Ctrl-C for longer than its deadline."""
    command = [*COMMAND, str(guest), "-i", "-", "-o", "json", "--deadline", "2"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with process:
        send(process, event(1), schema=True)
        pipe(process.stdin).flush()
        assert receive(process)["seen"] == 1
        send(process, event(14))
        pipe(process.stdin).flush()
        began = time.monotonic()
        for _ in range(2):
            time.sleep(0.3)
            process.send_signal(signal.SIGINT)
        assert process.wait(20) in (1, 130)
        assert time.monotonic() - began < 15
        assert b"Traceback" not in pipe(process.stderr).read()


def test_nobody_reads(process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """When the reader of the output goes away the run ends without a word, after gadgetStop."""
    send(process, event(1), schema=True)
    assert receive(process)["seen"] == 1
    pipe(process.stdout).close()
    send(process, event(2))
    assert process.wait(10) == 0
    text = pipe(process.stderr).read().decode()
    assert "INFO gadget: stopped\n" in text
    assert "error" not in text
    assert "Traceback" not in text
    assert json.loads((tmp_path / "s").read_text())["events_in"] == 2


def most_memory(guest: Path, events: int) -> int:
    """The most memory, in KiB, that a run over so many events takes."""
    command = [*COMMAND, str(guest), "-i", "-", "-o", "json"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    chunk = lines(*map(event, range(100, 1100)), schema=False).encode()
    writer = pipe(process.stdin)
    writer.write(lines().encode())
    for _ in range(events // 1000):
        writer.write(chunk)
    writer.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


def test_constant_memory(guest: Path) -> None:
    """A stream twenty times as long does not take more memory."""
    short, long = most_memory(guest, 10_000), most_memory(guest, 200_000)
    assert long < short + 8 * 1024
