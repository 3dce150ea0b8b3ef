"""The other side of the protocol: an adapter in a process of its own, asked one thing at a time.

An adapter may crash, hang, or write what is no answer: every such thing is an AdapterError, after which the
process is gone and the next request starts another.
"""

from __future__ import annotations

import contextlib
import json
import queue
import shlex
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

from gadget_abi import EmbedderError

__all__ = ["PROTOCOL", "Adapter", "AdapterError", "Hello", "UnsupportedError"]

PROTOCOL = 1
_LONGEST = 16 << 20  # characters of an answer
_LAST_WORDS = 10  # lines of standard error that are shown


class AdapterError(Exception):
    """The adapter did not answer as it must; the text says what it did."""


class UnsupportedError(Exception):
    """The adapter said that it cannot do this; the text is its reason."""


@dataclass(frozen=True)
class Hello:
    """What an adapter says about its host.

    Args:
        name: of the host.
        version: of the host.
        releases: those it can behave as.
        modes: "careful", "strict" or both.
        writes: it can write to a guest's memory between loading and initialising.
    """

    name: str
    version: str
    releases: tuple[str, ...]
    modes: tuple[str, ...]
    writes: bool = False


class Adapter:
    """An adapter's process; started when it is needed, ended by close().

    Args:
        command: a command line, or its words.
        timeout: seconds that each answer may take.
    """

    def __init__(self, command: str | Sequence[str], timeout: float = 30.0) -> None:
        self.words = shlex.split(command) if isinstance(command, str) else list(command)
        self.timeout, self.starts = timeout, 0
        self._process: subprocess.Popen[str] | None = None
        self._hello: Hello | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def hello(self) -> Hello:
        """What it says about its host.

        Raises:
            EmbedderError: it cannot be started, or is no adapter.
        """
        if self._hello is None:
            try:
                self._ensure()
            except AdapterError as error:
                raise EmbedderError(f"{shlex.join(self.words)}: {error}") from None
        assert self._hello is not None
        return self._hello

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Send a request; the answer.

        Raises:
            AdapterError: it crashed, hung, wrote what is no answer, or reports a failure of its own.
            UnsupportedError: it cannot do this.
        """
        self._ensure()
        return self._check(do, self._exchange({"do": do, **more}))

    @staticmethod
    def _check(do: str, answer: dict[str, Any]) -> dict[str, Any]:
        if "unsupported" in answer:
            raise UnsupportedError(str(answer["unsupported"]))
        if "error" in answer:
            raise AdapterError(f"{do}: the adapter reports an error: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process; a further request starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        self._reader.join()
        for stream in (process.stdin, process.stdout, self._errors):
            if stream is not None:
                _close(stream)

    # ---------------------------------------------------------------------------------------------- process

    def _ensure(self) -> None:
        if self._process is not None:
            return
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - close() does
        try:
            self._process = subprocess.Popen(
                self.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            self._errors.close()
            raise EmbedderError(f"{self.words[0]} cannot be started: {error.strerror or error}") from None
        self.starts += 1
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout, self._lines), daemon=True
        )
        self._reader.start()
        self._hello = self._greet()

    @staticmethod
    def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
        while line := stream.readline(_LONGEST):
            lines.put(line)
        lines.put(None)

    def _greet(self) -> Hello:
        answer = self._exchange({"do": "hello", "protocol": PROTOCOL})
        try:
            hello = Hello(
                answer["name"],
                answer["version"],
                tuple(answer["releases"]),
                tuple(answer["modes"]),
                answer.get("writes") is True,
            )
        except (KeyError, TypeError):
            raise self._broken(f"hello: expected name, version, releases and modes, found {answer}") from None
        if not hello.modes or not set(hello.modes) <= {"careful", "strict"}:
            raise self._broken(f"hello: the modes are careful and strict, not {', '.join(hello.modes)}")
        return hello

    def _exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdin is not None
        do = request["do"]
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._broken(f"{do}: {self._end()}") from None
        try:
            line = self._lines.get(timeout=self.timeout)
        except queue.Empty:
            raise self._broken(f"{do}: no answer within {self.timeout:g} s") from None
        if line is None:
            raise self._broken(f"{do}: {self._end()}")
        return self._parse(do, line)

    def _parse(self, do: str, line: str) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._broken(f"{do}: not an answer: {line.strip()[:200]!r}")
        return answer

    def _end(self) -> str:
        """How the process ended."""
        assert self._process is not None
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "the adapter closed its output"
        self._errors.seek(0)
        said = "\n".join(self._errors.read().strip().splitlines()[-_LAST_WORDS:])
        how = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
        return f"the adapter {how}" + (f": {said}" if said else "")

    def _broken(self, reason: str) -> AdapterError:
        self.close()
        return AdapterError(reason)


def _close(stream: IO[str]) -> None:
    with contextlib.suppress(OSError):  # the rest of a request that nobody read
        stream.close()
