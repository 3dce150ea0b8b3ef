"""The two hosts through the same requests: this one, in this process, and the real one, behind its adapter."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, Protocol

import gadget_abi
from gadget_conformance.adapter import Adapter
from gadget_host.conformance.adapter import Adapter as OurAdapter
from gadget_host.schema import SourceSchema
from gadget_host.values import FORMATS, to_bytes

__all__ = ["Answer", "Ours", "Packet", "Side", "Theirs", "differences", "packet", "source_setup"]

Answer = dict[str, Any]
Packet = list[dict[str, str]]

ABI: Final = gadget_abi.load()
DEBUG: Final = ABI.enums["LogLevel"].members["Debug"]
FUNCTION: Final = re.compile(rf"({'|'.join(ABI.functions)}): ")
"""What such a line begins with: the host function that it is about."""


class Side(Protocol):
    """A host, asked one thing at a time."""

    def ask(self, do: str, **more: Any) -> Answer:
        """Its answer to a request of the suite's protocol; `emit` takes `packets`, too."""


class Theirs:
    """The real Inspektor Gadget.

    Args:
        process: its adapter.
    """

    def __init__(self, process: Adapter) -> None:
        self._process = process

    def ask(self, do: str, **more: Any) -> Answer:
        """Its answer to a request."""
        return self._process.ask(do, **more)


class Ours:
    """This host, careful or strict, as the suite sees it."""

    def __init__(self, *, strict: bool) -> None:
        self._strict, self._adapter = strict, OurAdapter()

    def ask(self, do: str, **more: Any) -> Answer:
        """Its answer to a request."""
        if do == "load":
            more["strict"] = self._strict
        packets: list[Packet] | None = more.pop("packets", None)
        if packets is None:
            return self._ask(do, more)
        return _together([self._ask(do, {**more, "packet": packet}) for packet in packets])

    def close(self) -> None:
        """End the gadget."""
        self._adapter.close()

    def _ask(self, do: str, more: Mapping[str, Any]) -> Answer:
        answer = self._adapter.answer({"do": do, **more})
        assert not {"error", "unsupported"} & {*answer}, answer
        if "logs" in answer:
            answer["logs"] = [line for line in answer["logs"] if not _is_hint(line)]
        return answer


def _is_hint(line: Answer) -> bool:
    """Whether this host helps somebody who debugs a gadget; upstream says nothing there."""
    return line["level"] == DEBUG and bool(FUNCTION.match(line["message"]))


def _together(observations: Sequence[Answer]) -> Answer:
    """Several observations as one."""
    reasons = (each["failed"] for each in observations if each["failed"])
    joined: Answer = {"failed": next(reasons, None)}
    return joined | {key: [item for each in observations for item in each[key]] for key in ("logs", "events")}


# -------------------------------------------------------------------------------------------- what is compared


def differences(ours: Answer, theirs: Answer) -> Iterator[str]:
    """Where answers differ, in words: of every list that they have, the first item."""
    for what in sorted({*ours, *theirs}):
        mine, other = _listed(ours.get(what)), _listed(theirs.get(what))
        pairs = enumerate(zip_longest(mine, other))
        found = ((number, pair) for number, pair in pairs if pair[0] != pair[1])
        for number, (here, there) in list(found)[:1]:
            yield f"{what} {number}: {here}, upstream {there}"


def _listed(value: Any) -> Sequence[Any]:
    """Items that are compared one by one; data sources have no order."""
    if not isinstance(value, list):
        return [value]
    named = all(isinstance(item, dict) and "name" in item for item in value)
    return sorted(value, key=lambda item: str(item["name"])) if named else value


# ------------------------------------------------------------------------------------ as the protocol has it


def source_setup(schema: SourceSchema) -> Answer:
    """A data source of a set-up."""
    fields = [{"name": field.name, "kind": field.kind} for field in schema.fields]
    return {"name": schema.name, "type": schema.type, "fields": fields}


def packet(schema: SourceSchema, events: Iterable[Mapping[str, Any]]) -> Packet:
    """A packet of these events; of a single source there is one."""
    return [
        {field.name: _bytes(field.kind, _value(event, field.name)).hex() for field in schema.fields}
        for event in events
    ]


def _value(event: Mapping[str, Any], name: str) -> Any:
    value: Any = event
    for part in name.split("."):
        value = value[part]
    return value


def _bytes(kind: str, value: Any) -> bytes:
    return struct.pack(f"<{FORMATS[kind]}", value) if kind in FORMATS else to_bytes(value)
