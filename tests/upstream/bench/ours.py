"""This host as the benchmark asks it: a process that answers as the adapter of the real Inspektor Gadget does.

Requests, a line of JSON each: hello, begin, bench, hold (README.md).
"""

from __future__ import annotations

import gc
import json
import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from gadget_abi import GadgetError
from gadget_host import Collector, Gadget, Source
from gadget_host.conformance.observer import Observer
from gadget_host.conformance.setup import source_schema

Answer = dict[str, Any]
PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


class Process:
    """One gadget at a time, and those that only take memory."""

    def __init__(self) -> None:
        self._gadget: Gadget | None = None
        self._observer: Observer | None = None
        self._collector: Collector | None = None
        self._held: list[Gadget] = []
        self._requests: dict[str, Callable[[Answer], Answer]] = {
            "hello": self._hello,
            "begin": self._begin,
            "bench": self._bench,
            "hold": self._hold,
        }

    def answer(self, request: Answer) -> Answer:
        """The answer to a request."""
        try:
            return self._requests[request["do"]](request)
        except (GadgetError, OSError, LookupError, AssertionError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _hello(self, _: Answer) -> Answer:
        return {"name": "gadget-host", "version": "", "releases": [], "modes": ["careful"]}

    def _begin(self, request: Answer) -> Answer:
        if self._gadget is not None:
            self._gadget.close()
        began = perf_counter()
        self._gadget = begin(request)
        seconds = perf_counter() - began
        self._observer = None
        self._collector = self._gadget.collect() if request.get("way") == "into dicts" else None
        if not request["plain"]:
            self._observer = Observer(self._gadget)
            self._observer.watch(self._gadget.sources.values())
        return {"seconds": seconds}

    def _bench(self, request: Answer) -> Answer:
        assert self._gadget is not None, "nothing was begun"
        emit, collector = emitter(self._gadget, request), self._collector
        before = self._gadget.stats
        began = perf_counter()
        for _ in range(request["count"]):
            emit()
            if collector is not None:
                collector.drain()
        seconds = perf_counter() - began
        after = self._gadget.stats
        assert not after.errors, f"the gadget failed: {self._gadget.errors[-1]}"
        return {
            "seconds": seconds,
            "seen": after.guest_calls - before.guest_calls,
            "calls": after.host_calls - before.host_calls,
            "events": self._observer.take() if self._observer else None,
        }

    def _hold(self, request: Answer) -> Answer:
        before = memory_in_use()
        for _ in range(request["count"]):
            gadget = begin(request)
            self._held.append(gadget)
            emitter(gadget, request)()
        return {"bytes": memory_in_use() - before}

    def close(self) -> None:
        """Close what is open."""
        for gadget in (*self._held, *([self._gadget] if self._gadget else [])):
            gadget.close()


def begin(request: Answer) -> Gadget:
    """A gadget from its module to its start."""
    setup = request["setup"]
    gadget = Gadget.load(request["module"], params=setup["params"], log_level=setup["log_level"])
    for source in setup["sources"]:
        gadget.add_source(source_schema(source))
    gadget.start()
    return gadget


def emitter(gadget: Gadget, request: Answer) -> Callable[[], object]:
    """What emits the records of a file once."""
    source, data = gadget.sources[request["source"]], Path(request["file"]).read_bytes()
    if request.get("way") == "from dicts":
        events = dicts(source, data)
        return lambda: source.emit_batch(events)
    return lambda: source.emit_records(data, elements=request["elements"])


def dicts(source: Source, data: bytes) -> list[dict[str, Any]]:
    """The records of a single source as Python has them."""
    pid, text = source.fields
    form = struct.Struct(f"<I{text.size}s")
    return [{pid.full_name: number, text.full_name: raw.decode()} for number, raw in form.iter_unpack(data)]


def memory_in_use() -> int:
    """Bytes of the machine's memory that the process has, pages that it shares in parts, without garbage."""
    gc.collect()
    found = PSS.search(Path("/proc/self/smaps_rollup").read_text())
    assert found, "/proc/self/smaps_rollup has no Pss"
    return int(found[1]) << 10


def main() -> int:
    """Answer requests until standard input ends."""
    process = Process()
    for line in sys.stdin:
        print(json.dumps(process.answer(json.loads(line))), flush=True)
    process.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
