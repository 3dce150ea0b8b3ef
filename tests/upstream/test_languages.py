"""The guests of the round-trip contract, in every language, on this host and on the real Inspektor Gadget."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from gadget_abi.table import SignatureSet, version_key
from gadget_host.schema import SourceSchema
from tests.roundtrip.contract import (
    ABI,
    BIG,
    CALLS,
    LAST,
    LISTS,
    OWN,
    PARAMS,
    RECORDS,
    SETS,
    ZERO,
    schema,
    transcript,
)
from tests.roundtrip.languages import LANGUAGES, NotHereError
from tests.upstream.build import RELEASES
from tests.upstream.sides import Answer, Ours, Theirs, differences, packet, source_setup

SOURCES: Final = [schema("in", "single"), schema("rows", "array"), CALLS, LISTS]
LEVELS: Final = ["error", "warn", "info", "debug", "trace"]
WARNING: Final = {"level": LEVELS.index("warn"), "message": "level 1"}
"""The only one that a guest has; others are the host's own, in its own words."""

DELETED: Final = "delete 1: no"
"""Next a guest looks the key up, which upstream finds (quirk missing-key-found), and careful hosts do not."""


def cells() -> Iterator[tuple[str, str]]:
    """Releases, each with the signature sets whose guests it runs."""
    for release in RELEASES:
        for signatures in SETS.values():
            family = ABI.family_of(release) == signatures.family
            if family and version_key(signatures.releases[0]) <= version_key(release):
                yield release, signatures.name


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Builds guests, each once."""

    @cache
    def built(language: str, name: str) -> Path:
        return LANGUAGES[language](SETS[name], tmp_path_factory.mktemp(language))

    return built


@pytest.mark.parametrize(("release", "name"), list(cells()), indirect=["release"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guest_does_the_same_on_both_hosts(
    language: str,
    release: str,
    name: str,
    theirs: Theirs,
    build: Callable[[str, str], Path],
    tell: Callable[[str], None],
) -> None:
    """In every phase, careful and strict, a guest says and emits what it does upstream, in the same order and with the
    same bytes in every field, and that is what the contract lays down."""
    try:
        module = build(language, name)
    except NotHereError as reason:
        pytest.skip(str(reason))
    careful, strict, said, emitted = Ours(strict=False), Ours(strict=True), [], 0
    for request in requests(module, SETS[name], release):
        expected = guests_own(theirs.ask(**request))
        assert not expected.get("failed")
        cautious = carefully(expected)
        found = list(differences(guests_own(strict.ask(**request)), expected))
        if request["do"] != "handles":  # Python keeps the exception of a failed lookup, and with it a map
            found += differences(guests_own(careful.ask(**request)), cautious)
        assert found == []
        said += [f"{LEVELS[line['level']]}: {line['message']}" for line in cautious.get("logs", ())]
        emitted += len(expected.get("events", ()))
    assert said == spoken(SETS[name], release)
    tell(f"{language} {name} on {release}: {len(said)} lines, {emitted} events, the same on both hosts")


def requests(module: Path, signatures: SignatureSet, release: str) -> Iterator[Answer]:
    """The world of tests.roundtrip.world, as the protocol has it, and a gadget's life in it."""
    setup = {
        "sources": [source_setup(each) for each in (*SOURCES, schema(signatures.name, "single"))],
        "params": PARAMS,
        "config": {},
        "maps": [
            {"name": "numbers", "type": "Hash", "key_size": 4, "value_size": 8, "max_entries": 4}
            | {"entries": {_digits(1, 4): _digits(BIG, 8)}},
            {"name": "events", "type": "PerfEventArray", "records": [record.hex() for record in RECORDS]},
        ],
        "kallsyms": ["round_trip"],
        "syscalls": "x86_64",
        "mntns": ["u64:1"],
        "log_level": "Debug",
    }
    yield {"do": "load", "module": str(module), "release": release, "setup": setup, "memory": []}
    yield from ({"do": "init"}, {"do": "start"})
    single, rows = [[ZERO], [OWN]], [[], [ZERO, OWN]]
    last, lists = [[{"n": LAST - 1, "text": "äöü"}]], [[{"n": 1}, {"n": 2}]]
    for source, packets in zip(SOURCES, (single, rows, last, lists), strict=True):
        yield from (emission(source, events) for events in packets)
    yield from ({"do": "handles"}, {"do": "stop"}, {"do": "close"})


def emission(source: SourceSchema, events: Sequence[dict[str, object]]) -> Answer:
    """The request that emits a packet."""
    return {"do": "emit", "source": source.name, "packet": packet(source, events), "count": 1}


def guests_own(answer: Answer) -> Answer:
    """An answer with what the guest said, and not the host."""
    if "logs" not in answer:
        return answer
    lines = [line for line in answer["logs"] if line["level"] != WARNING["level"] or line == WARNING]
    return {**answer, "logs": lines}


def carefully(answer: Answer) -> Answer:
    """What a guest would say on a host without upstream's quirks."""
    lines = list(answer.get("logs", ()))
    for number, (before, line) in enumerate(pairwise(lines), 1):
        if before["message"] == DELETED:
            lines[number] = {**line, "message": "value 1: no"}
    return {**answer, "logs": lines} if lines else answer


def spoken(signatures: SignatureSet, release: str) -> list[str]:
    """The lines of the contract's transcript that are said; the others are events."""
    return [line for line in transcript(signatures, release) if line.partition(":")[0] in LEVELS]


def _digits(number: int, size: int) -> str:
    return number.to_bytes(size, "little").hex()
