"""Compares what was observed with what a case expects. Every finding is a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .answers import Packet
from .journal import Called, Entry, Malloc, Returned
from .program import Content, Program, Step
from .values import MASK, bits_of, bytes_of, is_tagged, matches, shortened

__all__ = ["Observed", "judge", "judge_sources"]


@dataclass
class Observed:
    """What an adapter saw while a case was run.

    Args:
        entries: the journal.
        null_zone: the bytes at address 0.
        image: the bytes at DATA.
        blocks: what packed results point to, by packed pointer.
        events: source and packet, in order.
        logs: level and message, in order.
    """

    entries: list[Entry] = field(default_factory=list)
    null_zone: bytes = b""
    image: bytes = b""
    blocks: dict[int, bytes] = field(default_factory=dict)
    events: list[tuple[str, Packet]] = field(default_factory=list)
    logs: list[tuple[int, str]] = field(default_factory=list)


def judge(data: Mapping[str, Any], program: Program | None, seen: Observed) -> list[str]:
    """What is not as the case says; empty when all is well. `program` is None for a guest of its own."""
    findings = [*_events(data, seen), *_logs(data, seen, program)]
    if program is not None:
        findings += [*_steps(program, seen), *_callbacks(data, seen), *_mallocs(data, seen)]
        findings += program.data.differences(seen.null_zone, seen.image)
    return findings


# -------------------------------------------------------------------------------------------------- results


def _steps(program: Program, seen: Observed) -> Iterator[str]:
    by_step: dict[int, list[Returned]] = {}
    values: dict[str, int] = {}
    for entry in seen.entries:
        if isinstance(entry, Returned):
            by_step.setdefault(entry.step.number, []).append(entry)
            if entry.result is not None and entry.step.slot:
                values[program.name(entry.step.slot)] = entry.result
    for step in program.steps:
        for finding in _step(program, step, by_step.get(step.number, []), values, seen):
            yield f"{step.where}: {step.name}: {finding}"


def _step(
    program: Program, step: Step, found: Sequence[Returned], values: Mapping[str, int], seen: Observed
) -> Iterator[str]:
    expect = step.expect
    if expect == "unreached" or not found:
        if found:
            yield "called, although nothing should have come so far"
        elif expect not in (None, "unreached") or (expect is None and _is_due(program, step)):
            yield "never called"
        return
    each = expect["each"] if isinstance(expect, Mapping) and "each" in expect else [expect] * len(found)
    if len(each) != len(found):
        yield f"called {len(found)} times, expected {len(each)}"
    for wanted, entry in zip(each, found, strict=False):
        if finding := _result(program, entry, wanted, values, seen):
            yield finding


def _is_due(program: Program, step: Step) -> bool:
    """Whether a step must come even though nothing is expected of it: in a phase, before anything that traps."""
    if step.where not in program.run.profile.abi.exports:
        return False
    before = (other for other in program.steps[: step.number] if other.where == step.where)
    return all(other.expect not in ("trap", "ends", "unreached") for other in before)


def _result(
    program: Program, entry: Returned, expect: Any, values: Mapping[str, int], seen: Observed
) -> str | None:
    if expect == "ends":
        return None  # some hosts end the guest in the call, some just after it
    if expect == "trap":
        return None if entry.result is None else f"expected a trap, found {_show(entry.result)}"
    if entry.result is None:
        return "did not return"
    if expect in (None, "any"):
        return None
    if isinstance(expect, Content):
        actual = seen.blocks.get(entry.result, b"")
        return (
            None if actual == expect.data else f"expected {shortened(expect.data)}, found {shortened(actual)}"
        )
    negated = isinstance(expect, Mapping)
    if negated:
        expect = expect["not"]
    wanted = _wanted(program, entry, expect, values)
    if (entry.result in wanted) is not negated:
        return None
    word = "not " if negated else ""
    return f"expected {word}{_describe(expect, wanted)}, found {_show(entry.result)}"


class _Handles:
    """Every number a handle can have."""

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int) and 0 < value < 1 << 32


def _wanted(program: Program, entry: Returned, expect: Any, values: Mapping[str, int]) -> Any:
    form, mask = entry.step.form, MASK
    if form is not None and form.result is not None and form.result.core == "i32":
        mask = 0xFFFFFFFF
    if expect == "handle":
        return _Handles()
    if expect == "error":
        assert form is not None
        return (0 if form.error is None else form.error & mask,)
    if expect == "ok":
        old = form is not None and form.function == "fieldSet"
        old = old and not program.run.profile.changed("field-set-returns-zero")
        return (entry.args[0] if old else 0,)
    if isinstance(expect, str) and expect.startswith("$"):
        return (values.get(expect[1:], -1),)
    if isinstance(expect, str) and expect.startswith("bytes:"):
        return (int.from_bytes(bytes_of(expect), "little"),)
    return (bits_of(expect) & mask,)


def _describe(expect: Any, wanted: Any) -> str:
    numbers = isinstance(expect, int) or is_tagged(expect)
    if numbers or not isinstance(wanted, tuple):
        return str(expect)
    return f"{expect} ({_show(wanted[0])})"


def _show(value: int) -> str:
    return str(value) if value < 1 << 16 else f"{value:#x}"


# ------------------------------------------------------------------------------------------ what it was called


def _callbacks(data: Mapping[str, Any], seen: Observed) -> Iterator[str]:
    if "called" in data:
        found = [entry.callback for entry in seen.entries if isinstance(entry, Called)]
        expected = [bits_of(value) for value in data["called"]]
        if found != expected:
            yield f"callbacks: expected {expected}, found {found}"


def _mallocs(data: Mapping[str, Any], seen: Observed) -> Iterator[str]:
    if "mallocs" in data:
        found = [entry.size for entry in seen.entries if isinstance(entry, Malloc)]
        if found != data["mallocs"]:
            yield f"calls of malloc: expected {data['mallocs']}, found {found}"


# ------------------------------------------------------------------------------------------- events and logs


def _events(data: Mapping[str, Any], seen: Observed) -> Iterator[str]:
    if "events" not in data:
        return
    expected = data["events"]
    if len(expected) != len(seen.events):
        found = ", ".join(source for source, _ in seen.events) or "none"
        yield f"events: expected {len(expected)}, found {len(seen.events)}: {found}"
    for number, (wanted, (source, packet)) in enumerate(zip(expected, seen.events, strict=False)):
        if wanted["source"] != source:
            yield f"event {number}: expected one of {wanted['source']}, found one of {source}"
            continue
        elements = wanted["event"] if isinstance(wanted["event"], list) else [wanted["event"]]
        if len(elements) != len(packet):
            yield f"event {number}: expected {len(elements)} elements, found {len(packet)}"
        for element, fields in zip(elements, packet, strict=False):
            yield from (f"event {number}: {finding}" for finding in _element(element, fields))


def _element(expected: Mapping[str, Any], fields: Mapping[str, bytes]) -> Iterator[str]:
    for name, value in expected.items():
        if name not in fields:
            yield f"field {name} is missing"
        elif not matches(value, fields[name]):
            yield f"field {name}: expected {shortened(value)}, found {shortened(fields[name])}"


def _logs(data: Mapping[str, Any], seen: Observed, program: Program | None) -> Iterator[str]:
    if data.get("silent"):
        yield from (f"log: expected nothing, found {shortened(message)}" for _, message in seen.logs)
    rest = iter(seen.logs)
    for wanted in data.get("logs", ()):
        if not any(_is(line, wanted) for line in rest):
            lines = "; ".join(f"{level} {shortened(text)}" for level, text in seen.logs[:_SHOWN]) or "nothing"
            yield f"log: expected {wanted}, found {lines}"
            return


_SHOWN = 10  # lines of the log
_LEVELS = ("Error", "Warn", "Info", "Debug", "Trace")


def _is(line: tuple[int, str], wanted: Mapping[str, str]) -> bool:
    level, message = line
    if "level" in wanted and wanted["level"] != _LEVELS[level]:
        return False
    if "message" in wanted and wanted["message"] != message:
        return False
    return wanted.get("contains", "") in message


# ------------------------------------------------------------------------------------------------- sources


def judge_sources(expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What is not as a case says of the data sources; keys it does not name are not compared."""
    for wanted in expected:
        name = f"source {wanted['name']}"
        source = next((item for item in found if item["name"] == wanted["name"]), None)
        if wanted.get("absent"):
            if source is not None:
                yield f"{name} is there"
        elif source is None:
            yield f"{name} is missing"
        else:
            yield from _properties(name, wanted, source)
            yield from _fields(name, wanted.get("fields", ()), source["fields"])


def _fields(
    source: str, expected: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    for wanted in expected:
        name = f"{source}: field {wanted['name']}"
        field_ = next((item for item in found if item["name"] == wanted["name"]), None)
        if field_ is None:
            yield f"{name} is missing"
        else:
            yield from _properties(name, wanted, field_)


def _properties(what: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(expected.keys() - {"name", "fields", "annotations"}):
        if found.get(key) != expected[key]:
            yield f"{what}: {key}: expected {expected[key]}, found {found.get(key)}"
    annotations = found.get("annotations", {})
    for key, text in expected.get("annotations", {}).items():
        if annotations.get(key) != text:
            yield f"{what}: annotation {key}: expected {text!r}, found {annotations.get(key)!r}"
