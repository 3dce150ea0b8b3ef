"""The host side of the contract: a gadget with everything around it, and what came of its run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gadget_abi.table import SignatureSet
from gadget_host import Gadget
from gadget_host.backends import KernelSymbols, MapRegistry, MountNsFilter, SyscallTable
from tests.roundtrip.contract import (
    BIG,
    CALLS,
    LAST,
    LISTS,
    OWN,
    PARAMS,
    RECORDS,
    ZERO,
    emitted,
    schema,
)

__all__ = ["Running", "World"]

WATCHED = ("out", "rows_out", "calls", "lists")


class World:
    """A guest with everything it finds, and the transcript of its run.

    Args:
        module: the guest.
        signatures: its signature set.
        release: as which release of Inspektor Gadget the host behaves; the newest that suits the guest unless given.
    """

    def __init__(self, module: Path, signatures: SignatureSet, release: str | None = None) -> None:
        self.transcript: list[str] = []
        self.gadget = Gadget.load(
            module,
            release=release,
            params=PARAMS,
            log_level="debug",
            maps=_maps(),
            kallsyms=KernelSymbols(["round_trip"]),
            mntns=MountNsFilter([1]),
            syscalls=SyscallTable("x86_64"),
            on_log=lambda record: self.transcript.append(str(record)) if record.origin == "gadget" else None,
        )
        for name, type_ in (("in", "single"), ("rows", "array")):
            self.gadget.add_source(schema(name, type_))
        self.gadget.add_source(CALLS)
        self.gadget.add_source(LISTS)
        # A program that is compiled once and linked for every set has to ask which one it is in.
        self.gadget.add_source(schema(signatures.name, "single"))

    def start(self, *, watch: bool = True) -> None:
        """Run the gadget up to the point where events come.

        Args:
            watch: enter the packets that come out of it into the transcript.
        """
        self.gadget.init()
        for name in WATCHED if watch else ():
            self.gadget.sources[name].subscribe(self._watcher(name), kind="packet", priority=10_000)
        self.gadget.perf.create("events", max_entries=1)
        self.gadget.perf.feed("events", RECORDS)
        self.gadget.start()

    def feed(self) -> None:
        """Emit the events of the contract."""
        sources = self.gadget.sources
        sources["in"].emit_batch([ZERO, OWN])
        sources["rows"].emit_batch([[], [ZERO, OWN]])
        sources["calls"].emit({"n": LAST - 1, "text": "äöü"})
        sources["lists"].emit([{"n": 1}, {"n": 2}])

    def leftovers(self, names: set[str]) -> dict[str, object]:
        """What the world looks like now."""
        gadget = self.gadget
        looks: dict[str, Callable[[], object]] = {
            "tags": lambda: next(
                list(f.tags) for f in gadget.sources["out"].fields if f.full_name == "String"
            ),
            "config": lambda: gadget.config.get("round.trip"),
            "numbers": lambda: {_number(k): _number(v) for k, v in gadget.maps["numbers"].items()},
            "hidden": lambda: gadget.sources["hidden"].referenced,
            "maps made": lambda: len(gadget.maps.created),
        }
        return {name: look() for name, look in looks.items() if name in names}

    def _watcher(self, name: str) -> Callable[[Any], None]:
        def watch(packet: Any) -> None:
            whole = packet.to_list() if name in ("rows_out", "lists") else packet.to_dict()
            self.transcript.append(emitted(name, whole))

        return watch


def _maps() -> MapRegistry:
    maps = MapRegistry(cpus=1)
    maps.create("numbers", type="Hash", key_size=4, value_size=8, max_entries=4).put(1, BIG)
    return maps


def _number(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


class Running:
    """A guest of the contract that runs, for values to go through."""

    def __init__(self, gadget: Gadget) -> None:
        self.gadget = gadget
        self._out = {"in": gadget.collect("out"), "rows": gadget.collect("rows_out")}

    def through(self, source: str, events: list[Any]) -> list[Any]:
        """What comes out of the guest's copy of a source for these events."""
        self.gadget.sources[source].emit_batch(events)
        return self._out[source].drain()
