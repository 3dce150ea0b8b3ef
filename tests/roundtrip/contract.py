"""The round-trip contract: what a guest in any language does, and the transcript it leaves of it.

A guest of signature set N runs the steps of the sets 1 to N, in that order in every phase of its life; what a set
lacks, its guests leave out. It tells what it sees by gadgetLog at level info, in lines of four forms:

    TEXT                say
    TEXT: yes, no       answer
    TEXT: NUMBER        count, in decimal
    TEXT: TEXT          tell

The host side is the `world`: sources, parameters, maps and so on that every guest finds. The transcript is what
the guest logged and what came out of the sources, in the order of its happening.

What the sets cannot say:

* before sig-6 a failed read of a scalar cannot be told from 0, so "wrong width" is asked from there on;
* in the malloc sets an empty text of the host is 0, as a failure is, so no parameter here is empty;
* gadgetPostStop is left to the `ig` sets: before, it was called too late, and always counted as failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gadget_abi
from gadget_abi import Profile
from gadget_abi.table import SignatureSet
from gadget_host.schema import FieldSchema, SourceSchema

__all__ = [
    "ABI",
    "BIG",
    "CALLS",
    "KINDS",
    "LAST",
    "LISTS",
    "OWN",
    "PARAMS",
    "RECORDS",
    "SETS",
    "ZERO",
    "emitted",
    "flags",
    "leftovers",
    "number_of",
    "schema",
    "transcript",
]

ABI = gadget_abi.load()
SETS = {each.name: each for each in ABI.signature_sets}
KINDS = [name for name in ABI.enums["Kind"].members if name != "Invalid"]

ZERO: dict[str, Any] = dict.fromkeys(KINDS, 0) | {
    "Bool": False,
    "Float32": 0.0,
    "Float64": 0.0,
    "String": "",
    "CString": "",
    "Bytes": b"",
}
"""An event with every field at its zero."""

OWN: dict[str, Any] = {
    "Bool": True,
    "Int8": -(1 << 7),
    "Int16": -(1 << 15),
    "Int32": -(1 << 31),
    "Int64": -(1 << 63),
    "Uint8": (1 << 8) - 1,
    "Uint16": (1 << 16) - 1,
    "Uint32": (1 << 32) - 1,
    "Uint64": (1 << 64) - 1,
    "Float32": 1.5,
    "Float64": -0.0,
    "String": "own \0 ä€😀",
    "CString": "of C",
    "Bytes": b"\x00\xff\x00",
}
"""The event that the guest itself makes; it holds these values as constants."""

PARAMS = {
    "text": "värde €",
    "long": "0123456789abcdef" * 256,
}  # as long as the guests' buffer: no NUL after it
LAST = (1 << 64) - 1
BIG = (1 << 63) + 5
RECORDS = (b"record one..", b"record two..")  # with their length of four bytes a multiple of 8: no padding
CALLS = SourceSchema("calls", "single", (FieldSchema("n", "Uint64"), FieldSchema("text", "String")))
LISTS = SourceSchema("lists", "array", (FieldSchema("n", "Uint64"),))

Lines = list[tuple[int, list[str]]]
"""For a phase, lines by the number of the set that brings them."""


def schema(name: str, type_: str) -> SourceSchema:
    """A source with one field of every kind, named by it."""
    return SourceSchema(name, type_, tuple(FieldSchema(kind, kind) for kind in KINDS))  # type: ignore[arg-type]


def number_of(signatures: SignatureSet) -> int:
    """3 of sig-3."""
    return int(signatures.name.removeprefix("sig-"))


def flags(signatures: SignatureSet) -> list[str]:
    """What a guest of a set is compiled with: set1 to setN, and malloc where the host allocates in the guest."""
    upto = [f"set{number}" for number in range(1, number_of(signatures) + 1)]
    return [*upto, "malloc"] if signatures.family.name == "env-malloc" else upto


def emitted(source: str, packet: object) -> str:
    """The line of a packet that came out of a source."""
    return f"{source} {packet!r}"


def _info(*texts: str) -> list[str]:
    return [f"info: {text}" for text in texts]


INIT: Lines = [
    (1, _info("init", "missing source: no", "missing field: no", "second field: no")),
    (2, _info("config set: yes")),
    (3, _info("referenced: yes", "referenced: no", "hidden source: no")),
    (7, _info("discard 2: no")),  # nothing is discarded before the start
]

PRE_START: Lines = [(2, _info("pre-start"))]

START: Lines = [
    (
        1,
        [
            *_info("start"),
            *("error: level 0", "warn: level 1", "info: level 2", "debug: level 3"),  # the run has no level 4
            *_info("", "ä€😀"),
            emitted("out", OWN),
            *_info("rows made: 2"),
            emitted("rows_out", [ZERO | {"Int32": 1}, ZERO | {"Int32": 2}]),
        ],
    ),
    (2, _info(f"text: {PARAMS['text']}", f"long: {PARAMS['long']}", "missing parameter: no")),
    (
        3,
        _info(
            *(f"value 1: {BIG}", "update 2: yes", "create 2: no", "replace 9: no", "delete 1: yes"),
            *("delete 1: no", "value 1: no", "missing map: no", "made 3: 33", "map released: yes"),
        ),
    ),
    (
        4,
        _info(
            *("handle released: yes", "syscall 0: read", "syscall 4095: syscall_fff", "declared: read"),
            *("parameters: 3", "value: fd", "pointer: buf", "value: count", "missing declaration: no"),
            *("symbol round_trip: yes", "symbol nothing: no"),
            *("record: record two..", "record: record one..", "third record: no", "reader closed: yes"),
        ),
    ),
    (5, _info("id of openat: 257", "id of nothing: no")),
    (7, _info("discard 1: no", "discard 2: yes")),
    (8, _info("debug wanted: yes", "trace wanted: no")),
]

COPIES: Lines = [
    (
        1,
        [
            emitted("out", ZERO),
            emitted("out", OWN),
            emitted("rows_out", []),
            emitted("rows_out", [ZERO, OWN]),
        ],
    ),
]

CALLBACKS: Lines = [
    (1, _info(f"packet: {LAST - 1}", f"middle: {LAST - 1}")),
    (6, _info("wrong width: no")),
]
AFTER_CALLBACKS: Lines = [
    (
        1,
        [
            *_info(f"data: {LAST}"),
            emitted("calls", {"n": LAST, "text": "äöü"}),
            *_info("packet of: 2", "element: 1", "element: 2", "array of: 2"),
            emitted("lists", [{"n": 2}, {"n": 3}, {"n": 99}]),
        ],
    )
]

STOP: Lines = [(1, [*_info("stop"), emitted("out", ZERO | {"Int64": -1})])]

POST_STOP: Lines = [(6, _info("post-stop"))]


def transcript(signatures: SignatureSet, release: str) -> list[str]:
    """What a guest of a set must leave behind on a release."""
    profile = Profile(ABI, release)
    phases = [INIT, PRE_START, START, COPIES, CALLBACKS, AFTER_CALLBACKS, STOP]
    if profile.changed("post-stop-called-again"):
        phases.append(POST_STOP)
    return [line for phase in phases for line in _of(phase, number_of(signatures))]


def _of(phase: Lines, number: int) -> Iterator[str]:
    for since, lines in phase:
        if since <= number:
            yield from lines


def leftovers(signatures: SignatureSet) -> Mapping[str, object]:
    """What the world looks like afterwards, where a guest of a set has changed it."""
    number = number_of(signatures)
    found: dict[str, object] = {"tags": ["round:trip"] if number >= 3 else []}
    if number >= 2:
        found["config"] = "värde"
    if number >= 3:
        found |= {"numbers": {2: 22}, "hidden": False, "maps made": 0}
    return found
