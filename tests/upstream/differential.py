"""The same generated gadgets on this host, strict, and on the real Inspektor Gadget: whatever differs is printed.

python -m tests.upstream.differential                          1,000 gadgets on every release
python -m tests.upstream.differential --cases 20000 --seed 7 --release v0.55.0
python -m tests.upstream.differential --seed 7 --case 12 --release v0.55.0

Both hosts are asked through the conformance protocol, with the very same requests; compared are which steps fail,
what every call of the guest returned (its trace), its memory, the events, and the number of open handles.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gadget_abi import Profile
from gadget_conformance.adapter import Adapter, AdapterError
from tests.fuzz import layout as at
from tests.fuzz.generate import Case, Generator
from tests.fuzz.guest import ABI, functions, guest
from tests.fuzz.layout import Entry, Kind, Special, Value, decode, encode
from tests.fuzz.world import (
    ADDRESSES,
    DYNAMIC,
    IMAGE,
    KIND_NAMES,
    MAPS,
    MEMBERS,
    MNTNS,
    PARAMS,
    SOURCES,
    TEXTS_AT,
)
from tests.upstream.build import RELEASES, adapter

OURS: Final = [sys.executable, "-m", "gadget_host.conformance"]
NOT_ASKED: Final = {"perfReaderRead", "newPerfReader", "getSyscallDeclaration", "kallsymsSymbolExists"}
"""Functions whose answer is the machine's and not the host's, or that wait for ever without an eBPF program."""

Request = dict[str, Any]


@dataclass
class Summary:
    """Figures of a session."""

    cases: int = 0
    scripts: int = 0
    whole: int = 0
    calls: int = 0
    differences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.cases:,} gadgets ({self.whole:,} to their end), {self.scripts:,} call sequences run, {self.calls:,} host calls, "
            f"{len(self.differences)} differences"
        )


def pack(text: str) -> int:
    """The packed pointer to one of the texts in the guest's memory."""
    address, size = ADDRESSES[text]
    return size << 32 | address


def make(seed: int, number: int, release: str) -> Case:
    """A case that both hosts can be asked: strict, for one release."""
    rng = random.Random(f"{seed}:{number}:{release}")
    profile = Profile(ABI, release, strict=True)
    names = functions(profile)
    case = Generator(rng, profile, names, wild=False).case()
    if rng.random() < 0.9:  # most are to live long: before gadgetInit upstream traps at the first opportunity
        case.hooks.update({name: [] for name in ("_start", "_initialize") if name in case.hooks})
    return replace(
        case,
        hooks={name: _asked(ops, names) for name, ops in case.hooks.items()},
        callbacks=[_asked(ops, names) for ops in case.callbacks],
    )


_OTHERS: Final = {
    Value(at.SOURCE_SLOT, 0): Value(0, 1),  # the source a callback is given: garbage upstream
    Value(0, pack("tick")): Value(0, pack("mine")),  # or the embedder's source would have two owners
}


def _asked(ops: Sequence[at.Op], names: Sequence[str]) -> list[at.Op]:
    """What both hosts can be asked."""
    return [
        replace(op, args=tuple(_OTHERS.get(arg, arg) for arg in op.args))
        for op in ops
        if op.code >= Special.END or names[op.code] not in NOT_ASKED
    ]


# ------------------------------------------------------------------------------------------- what is asked


def setup(case: Case) -> Request:
    """The world of tests.fuzz.world, as the protocol has it."""
    members = [{"name": n, "kind": KIND_NAMES[k], "offset": o, "size": s} for n, k, o, s in MEMBERS]
    fields = [{"name": name, "kind": KIND_NAMES[kind]} for name, kind in DYNAMIC.items()]
    sources = [
        {
            "name": name,
            "type": "array" if is_array else "single",
            "structs": [{"size": _struct_size(), "members": members}],
            "fields": fields,
        }
        for name, is_array in SOURCES.items()
    ]
    maps = [
        {"name": name, "type": type_, "key_size": key, "value_size": value, "max_entries": most}
        for name, (type_, _, key, value, most) in MAPS.items()
        if type_ != "PerfEventArray"
    ]
    levels = list(ABI.enums["LogLevel"].members)
    level = levels[min(max(case.log_level, 0), len(levels) - 1)]
    found = {"sources": sources, "maps": maps, "params": PARAMS, "config": {}, "log_level": level}
    return found | ({"mntns": [f"u64:{inode}" for inode in sorted(MNTNS)]} if case.filtered else {})


def _struct_size() -> int:
    return max(offset + size for _, _, offset, size in MEMBERS)


def memory(case: Case) -> Iterator[tuple[int, bytes]]:
    """Scripts and texts, by address."""
    yield TEXTS_AT, IMAGE
    place = at.SCRIPTS.start + at.OP_SIZE
    for name, ops in case.hooks.items():
        yield at.HOOK_TABLE + 4 * at.HOOKS.index(name), struct.pack("<I", place)
        yield place, encode(ops)
        place += len(encode(ops))
    places = []
    for ops in case.callbacks:
        places.append(place)
        yield place, encode(ops)
        place += len(encode(ops))
    table = [places[number % len(places)] for number in range(at.CALLBACKS)]
    yield at.CALLBACK_TABLE, struct.pack(f"<{at.CALLBACKS}I", *table)
    for number, (mode, answer) in enumerate(case.mallocs):
        yield at.MALLOC_TABLE + 8 * number, struct.pack("<II", mode, answer)


def packet(seed: int, *, is_array: bool) -> list[dict[str, str]]:
    """The elements of an event."""
    rng = random.Random(seed)
    return [_element(rng) for _ in range(rng.randrange(4) if is_array else 1)]


def _element(rng: random.Random) -> dict[str, str]:
    found = {name: rng.randbytes(size).hex() for name, _, _, size in MEMBERS}
    for name, kind in DYNAMIC.items():
        width = ABI.enums["Kind"].widths.get(KIND_NAMES[kind])
        found[name] = rng.randbytes(rng.randrange(20) if width is None else width).hex()
    return found | {"flag": rng.choice(["00", "01"])}


def requests(case: Case, module: str) -> Iterator[Request]:
    """The steps of a gadget's life."""
    pieces = [{"address": address, "bytes": data.hex()} for address, data in memory(case)]
    load = {"do": "load", "module": module, "release": case.release, "strict": True, "memory": pieces}
    yield {**load, "setup": setup(case)}
    yield {"do": "init"}
    yield {"do": "start"}
    for source, seed in case.steps:
        yield {"do": "emit", "source": source, "packet": packet(seed, is_array=SOURCES[source]), "count": 1}
    yield {"do": "stop"}


# ------------------------------------------------------------------------------------------- what is compared


@dataclass(frozen=True)
class Seen:
    """What was observed in a step, without what hosts may word as they like."""

    failed: bool
    events: Any
    trace: tuple[Entry, ...]
    windows: tuple[bytes, ...]
    handles: int
    reason: str = ""


class Host:
    """One of the two, asked step by step."""

    def __init__(self, process: Adapter) -> None:
        self.process = process

    def step(self, request: Request) -> Seen:
        """Take a step and look at everything."""
        answer = self.process.ask(**request)
        if request["do"] == "load":
            return Seen(answer["failed"] is not None, (), (), (), 0, answer["failed"] or "")
        failed = answer["failed"] is not None
        # A gadget that failed or was stopped has no handles left to count.
        handles = 0 if failed or request["do"] == "stop" else self.process.ask("handles")["handles"]
        windows = tuple(self._read(w.start, len(w)) for w in (at.LOW, at.HIGH))
        return Seen(failed, _events(answer), self._trace(), windows, handles, answer["failed"] or "")

    def _trace(self) -> tuple[Entry, ...]:
        top, overflow = struct.unpack("<II", self._read(at.TRACE_TOP, 8))
        return () if overflow else tuple(decode(self._read(at.TRACE.start, top - at.TRACE.start)))

    def _read(self, address: int, size: int) -> bytes:
        return bytes.fromhex(self.process.ask("read", address=address, length=size)["bytes"])


def _events(answer: Mapping[str, Any]) -> Any:
    return [(event["source"], event["packet"]) for event in answer["events"]]


def compare(case: Case, module: str, ours: Host, theirs: Host) -> tuple[str, Seen | None]:
    """The first difference, "" for none; and what was seen last."""
    seen = None
    for number, request in enumerate(requests(case, module)):
        try:
            mine, other = ours.step(request), theirs.step(request)
        except AdapterError as error:
            ours.process.close()
            theirs.process.close()
            return f"step {number} ({request['do']}): {error}", seen
        if difference := _difference(case, mine, other):
            return f"step {number} ({request['do']}): {difference}", mine
        seen = mine
        if mine.failed:
            break
    return "", seen


def _difference(case: Case, ours: Seen, theirs: Seen) -> str:
    names = functions(Profile(ABI, case.release))
    for number, (mine, other) in enumerate(zip(ours.trace, theirs.trace, strict=False)):
        if mine != other and not _same_but_garbage(mine, other, names):
            before = "\n".join(
                f"    {_text(entry, names)}" for entry in ours.trace[max(0, number - 5) : number]
            )
            return f"entry {number}: {_text(mine, names)}, upstream {_text(other, names)}; before:\n{before}"
    if _closed(ours, names) and ours.failed and theirs.failed:
        return ""
    if len(ours.trace) != len(theirs.trace):
        before = "\n".join(f"    {_text(entry, names)}" for entry in ours.trace[-4:])
        longer = max(ours.trace, theirs.trace, key=len)
        at_ = min(len(ours.trace), len(theirs.trace))
        who = "ours" if longer is ours.trace else "upstream"
        return f"the trace ends at entry {at_}, {who} goes on with {_text(longer[at_], names)}; before:\n{before}"
    if ours.failed != theirs.failed:
        return f"failed: {ours.reason or 'not'}, upstream {theirs.reason or 'not'}"
    if not _same_events(ours.events, theirs.events):
        return f"events: {ours.events}, upstream {theirs.events}"
    if ours.windows != theirs.windows:
        return "memory differs"
    return f"{ours.handles} handles, upstream {theirs.handles}" if ours.handles != theirs.handles else ""


def _same_events(ours: Any, theirs: Any) -> bool:
    """Whether events are equal in every field that upstream has: it leaves out what the data has no room for."""
    return [name for name, _ in ours] == [name for name, _ in theirs] and all(
        len(mine) == len(other) and all(_same_fields(a, b) for a, b in zip(mine, other, strict=True))
        for (_, mine), (_, other) in zip(ours, theirs, strict=True)
    )


def _same_fields(ours: Mapping[str, str], theirs: Mapping[str, str]) -> bool:
    return all(ours.get(name) == value for name, value in theirs.items())


def _closed(seen: Seen, names: Sequence[str]) -> bool:
    """Whether the last thing in a trace is a fieldGetScalar whose error pointer closed the module. Upstream's guest
    goes on after it, up to the next place where wazero looks whether it is closed.
    """
    last = seen.trace[-1] if seen.trace else None
    if last is None or last.kind != Kind.CALL or names[last.code] != "fieldGetScalar":
        return False
    return last.values[3] & 0xFFFFFFFF > at.PAGES * at.PAGE - 4


def _same_but_garbage(ours: Entry, theirs: Entry, names: Sequence[str]) -> bool:
    """Whether entries differ only in what upstream leaves to chance: the source of a callback, and the upper half of
    what a failing fieldGetScalar gives: the slot of its first parameter, an i32 of which wazero writes the lower half.
    """
    if (ours.kind, ours.code) != (theirs.kind, theirs.code):
        return False
    if ours.kind == Kind.CALLBACK:
        return (ours.values[0], ours.values[2]) == (theirs.values[0], theirs.values[2])
    low = 0xFFFFFFFF
    scalar = ours.kind == Kind.RESULT and names[ours.code] == "fieldGetScalar"
    return scalar and ours.values[0] == theirs.values[0] & low


def _text(entry: Entry, names: Sequence[str]) -> str:
    kind = Kind(entry.kind)
    name = names[entry.code] if kind in (Kind.CALL, Kind.RESULT) else str(entry.code)
    return f"{kind.name} {name} {', '.join(f'{value:#x}' for value in entry.values)}"


# ------------------------------------------------------------------------------------------------- sessions


def session(release: str, seed: int, numbers: Sequence[int], directory: str) -> Summary:
    """Compare cases of one release."""
    summary = Summary()
    module = f"{directory}/{release}.wasm"
    with open(module, "wb") as file:
        file.write(guest(release))
    with Adapter(OURS) as mine, Adapter([str(adapter(release))]) as other:
        ours, theirs = Host(mine), Host(other)
        for number in numbers:
            difference, seen = compare(make(seed, number, release), module, ours, theirs)
            summary.cases += 1
            if seen is not None:
                kinds = [entry.kind for entry in seen.trace]
                summary.calls += kinds.count(Kind.CALL)
                summary.scripts += kinds.count(Kind.HOOK) + kinds.count(Kind.CALLBACK)
                summary.whole += not difference and not seen.failed
            if difference:
                summary.differences.append(f"{release} seed {seed} case {number}: {difference}")
    return summary


def main() -> int:
    """Run a session; the exit code."""
    import tempfile

    parser = argparse.ArgumentParser(prog="python -m tests.upstream.differential", description=__doc__)
    parser.add_argument("--cases", type=int, default=1000, help="gadgets for each release (1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="run just this case")
    parser.add_argument("--release", choices=RELEASES, action="append", help="all of them unless given")
    options = parser.parse_args()
    numbers = range(options.cases) if options.case is None else [options.case]
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        for release in options.release or RELEASES:
            summary = session(release, options.seed, numbers, directory)
            print(f"{release}: {summary} (seed {options.seed})", flush=True)
            for text in summary.differences[:10]:
                print(f"  {text}")
            failed = failed or bool(summary.differences)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
