"""The examples as both hosts are asked to run them: built for a release, over the events that were recorded."""

from __future__ import annotations

import struct
from functools import cache, partial
from pathlib import Path
from typing import Final

import yaml

import gadget_abi
from gadget_build.program import find_program
from gadget_build.release import choose_release
from gadget_host.schema import schema_from_json
from tests.examples.conftest import SOURCE
from tests.examples.reference import EXAMPLES, stream
from tests.linker.components import linker_of
from tests.upstream.sides import Answer, Packet, packet, source_setup

__all__ = ["Examples", "again", "load", "recorded"]

PAUSE: Final = 10_000_000_000
"""Nanoseconds between the last of the recorded events and their coming again."""


class Examples:
    """Builds examples.

    Args:
        directory: where the modules go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory, self._abi = directory, gadget_abi.load()
        self._linkers = {name: cache(partial(linker_of, EXAMPLES / name)) for name in SOURCE}

    def build(self, name: str, release: str) -> Path:
        """The module of an example for a release.

        Raises:
            BuildError: it uses what the release has not.
        """
        choose_release(find_program(EXAMPLES / name), self._abi, release=release)
        module = self._directory / f"{name}-{release}.wasm"
        if not module.exists():
            module.write_bytes(self._linkers[name]()(release))
        return module


def load(name: str, module: Path, release: str) -> Answer:
    """The request that loads an example: with its source, and its parameters as gadget.yaml has them."""
    metadata = yaml.safe_load((EXAMPLES / name / "gadget.yaml").read_text("utf-8"))
    params = metadata.get("params", {}).get("wasm", {}).values()
    setup = {
        "sources": [source_setup(schema_from_json(stream(SOURCE[name])[0]))],
        "config": {},
        "params": {param["key"]: param["defaultValue"] for param in params},
        "log_level": "Debug",
    }
    return {"do": "load", "module": str(module), "release": release, "setup": setup, "memory": []}


@cache
def recorded(source: str) -> list[Packet]:
    """The events of a source that were recorded, a packet each."""
    schema, events = stream(source)
    return [packet(schema_from_json(schema), [event]) for event in events]


def again(source: str, number: int) -> list[Packet]:
    """The recorded events as if they came once more, for the given time: the clock has gone on."""
    times = [_number(element["timestamp_raw"]) for (element,) in recorded(source)]
    later = number * (max(times) - min(times) + PAUSE)
    return [
        [{**element, "timestamp_raw": struct.pack("<Q", time + later).hex()}]
        for (element,), time in zip(recorded(source), times, strict=True)
    ]


def _number(digits: str) -> int:
    return int.from_bytes(bytes.fromhex(digits), "little")
