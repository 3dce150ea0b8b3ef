"""What cases can say: each way of saying it holds where it should, and fails where it should not."""

from typing import Any

import pytest

from gadget_abi import Abi, EmbedderError
from gadget_conformance.case import Case, runs_of
from gadget_conformance.runner import Runner

LOG = {"call": "gadgetLog", "args": ["Info", "a"]}
NEW = {"call": "newDataSource", "args": ["mine", "Single"], "as": "mine"}
SOURCE = {"sources": [{"name": "events", "type": "single", "fields": [{"name": "n", "kind": "Uint32"}]}]}
SUBSCRIBE = {"call": "dataSourceSubscribe", "args": ["$events", "Data", 0, 1], "expect": "ok"}
BIND = {"bind": {"events": "events", "n": "events/n"}, "setup": SOURCE}
EMIT = {"emit": "events", "event": {"n": 5}}
LIFE = ["init", "start", EMIT, "stop"]


def findings(runner: Runner, abi: Abi, **data: Any) -> list[str]:
    """What is found in a case, as the newest release of the newest set that it applies to."""
    case = Case("language/one", {"id": "one", "title": "A case of the tests.", "rule": "gadgetLog", **data})
    run = runs_of(case, abi, ("careful",), releases=[release.name for release in abi.releases])[-1]
    return list(runner.run(run).findings)


@pytest.mark.parametrize(
    ("script", "finding"),
    [
        ([{**NEW, "expect": "handle"}], ""),
        ([{**NEW, "expect": 0}], "newDataSource: expected 0, found 1"),
        ([{**NEW, "expect": {"not": 0}}], ""),
        ([{**NEW, "expect": {"not": 1}}], "newDataSource: expected not 1, found 1"),
        ([{**NEW, "args": ["mine", 9], "expect": "error"}], ""),
        ([{**NEW, "expect": "error"}], "newDataSource: expected error (0), found 1"),
        ([NEW, {"note": "$mine", "expect": 1}], ""),
        ([NEW, {"note": "$mine+0x10", "expect": 17}], ""),
        ([NEW, {"note": "$mine-2", "expect": "i64:-1"}], ""),
        ([NEW, {"note": "$mine", "expect": 2}], "note: expected 2, found 1"),
        ([NEW, {"note": 1, "expect": "$mine"}], ""),
        ([NEW, {"note": 2, "expect": "$mine"}], "note: expected $mine (1), found 2"),
        ([{"repeat": 5, "do": [NEW]}, {"note": "$mine", "expect": 5}], ""),
        ([{"repeat": 2, "do": [{"repeat": 3, "do": [NEW]}]}, {"note": "$mine", "expect": 6}], ""),
        ([{"repeat": 5, "do": [{**NEW, "expect": 5}]}], ""),
        ([{"repeat": 5, "do": [{**NEW, "expect": 1}]}], "newDataSource: expected 1, found 5"),
        ([{"grow": 1, "expect": 8}, {"grow": 1, "expect": 9}], ""),
        ([{"grow": 1, "expect": 1}], "grow: expected 1, found 8"),
        ([{"load": {"end": -8}, "expect": 0}], ""),
        ([{"load": {"address": "room"}, "expect": "bytes:3f3f3f3f3f3f3f3f"}], ""),
        ([{"load": {"address": "text"}, "expect": "bytes:6162633f3f3f3f3f"}], ""),
        (
            [{"load": {"address": "text", "offset": 1}, "expect": 0}],
            "load64: expected 0, found 0x3f3f3f3f3f3f6362",
        ),
        ([{"load": {"end": -7}, "expect": "trap"}], ""),
        ([{"load": {"end": -7}, "expect": 0}], "load64: did not return"),
        ([{"load": {"end": -8}, "expect": "trap"}], "load64: expected a trap, found 0"),
        ([{"trap": True}, {**LOG, "expect": "unreached"}], ""),
        ([{"trap": True}, LOG], ""),
        ([{"trap": True}, {"note": 1, "expect": 1}], "note: never called"),
        ([{**LOG, "expect": "unreached"}], "gadgetLog: called, although nothing should have come so far"),
        ([{"return": 1}], ""),
        ([{"return": 0}], ""),
        ([{"poke": "room", "value": "x"}], "memory of buffer room: expected b'????????', found b'x???????'"),
        (
            [{"poke": "room", "offset": 9, "value": "x"}],
            "memory at 0x10019: written to, although nothing is there",
        ),
    ],
)
def test_steps(script: list[Any], finding: str, runner: Runner, abi: Abi) -> None:
    """Steps do what they say, and what is expected of them is compared."""
    found = findings(runner, abi, script={"gadgetInit": script}, buffers={"room": 8, "text": "abc"})
    steps = [
        text.removeprefix("gadgetInit: ") for text in found if not text.startswith(("init: ", "start: "))
    ]
    assert steps == ([finding] if finding else [])


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        ({"called": [1]}, ""),
        ({"called": []}, "callbacks: expected [], found [1]"),
        ({"called": [1, 1]}, "callbacks: expected [1, 1], found [1]"),
        ({"events": [{"source": "events", "event": {"n": 5}}]}, ""),
        ({"events": []}, "events: expected 0, found 1: events"),
        ({"logs": [{"level": "Info", "message": "a"}]}, ""),
        ({"logs": [{"contains": "a"}, {"contains": "a"}]}, "log: expected {'contains': 'a'}, found 2 'a'"),
        ({"silent": True}, "log: expected nothing, found 'a'"),
        ({"callbacks": {"1": [{"note": "$callback", "expect": 1}]}}, ""),
        ({"callbacks": {"1": [{"note": "$data", "expect": {"each": ["handle"]}}]}}, ""),
        (
            {"callbacks": {"1": [{"note": "$data", "expect": {"each": ["handle", "handle"]}}]}},
            "dataSourceCallback 1: note: called 1 times, expected 2",
        ),
        ({"callbacks": {"2": [{"note": 1, "expect": 1}]}}, "dataSourceCallback 2: note: never called"),
        ({"callbacks": {"2": [{"note": 1, "expect": "unreached"}]}}, ""),
        ({"callbacks": {"1": {"quiet": True, "do": [LOG]}}, "called": []}, ""),
        ({"callbacks": {"1": [{"fetch": "field", "args": ["$n", "$data", "Uint32"], "expect": 5}]}}, ""),
        (
            {"callbacks": {"1": [{"fetch": "field", "args": ["$n", "$data", "Uint32"], "expect": "fails"}]}},
            "memory of buffer of 4 bytes: expected b'\\x01\\x00\\x00\\x00', found b'????'",
        ),
        ({"steps": [*LIFE[:2], {**EMIT, "fails": True}]}, "emit: expected it to fail"),
        ({"steps": ["init", {"handles": 2}]}, ""),
        ({"steps": ["init"], "script": {"gadgetStart": [LOG]}}, "gadgetStart: gadgetLog: never called"),
    ],
)
def test_observations(data: dict[str, Any], finding: str, runner: Runner, abi: Abi) -> None:
    """What a case says of callbacks, events, the log and the steps is compared."""
    script = {"gadgetInit": [SUBSCRIBE], "gadgetStart": [LOG], **data.get("script", {})}
    found = findings(runner, abi, **{"steps": LIFE, **BIND, **data, "script": script})
    assert [text for text in found if "gadgetStart" not in text or finding] == ([finding] if finding else [])


@pytest.mark.parametrize(
    ("mode", "expect", "sizes", "finding"),
    [
        ("ok", {"packed": "12"}, [2], ""),
        ("grow", {"packed": "12"}, [2], ""),
        ("zero", "error", [2], ""),
        ("garbage", "error", [2], ""),
        ("trap", "error", [], ""),
        ("ok", {"packed": "13"}, [2], "gadgetInit: getParamValue: expected b'13', found b'12'"),
        ("ok", {"packed": "12"}, [3], "calls of malloc: expected [3], found [2]"),
        ("zero", {"packed": "12"}, [2], "gadgetInit: getParamValue: expected b'12', found b''"),
    ],
)
def test_malloc(mode: str, expect: Any, sizes: list[int], finding: str, runner: Runner, abi: Abi) -> None:
    """The guest's malloc behaves as it is told, and what the host asked of it is compared."""
    call = {"call": "getParamValue", "args": ["limit"], "expect": expect}
    found = findings(
        runner,
        abi,
        malloc=mode,
        setup={"params": {"limit": "12"}},
        script={"gadgetInit": [call]},
        mallocs=sizes,
    )
    assert found == ([finding] if finding else [])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"script": {"gadgetInit": [{"note": "$nobody"}]}}, "nothing is called $nobody yet"),
        ({"script": {"gadgetInit": [{"load": {"address": "nowhere"}}]}}, "there is no buffer 'nowhere'"),
        (
            {"script": {"gadgetInit": [{**NEW, "args": ["mine", "Double"]}]}},
            "there is no SourceType 'Double'",
        ),
        ({"script": {"gadgetInit": [{**LOG, "writes": "x"}]}}, "`writes` without a buffer"),
        ({"buffers": {"b": 2}, "memory": {"b": "abc"}}, "3 bytes are expected in buffer b, of 2"),
        ({"buffers": {"b": 65536}}, "more than 65536 bytes"),
        ({"bind": {"n": "events/n"}}, "bind the source 'events' before its field 'n'"),
        ({"callbacks": {"1": {"quiet": True, "do": [{"note": 1, "expect": 1}]}}}, "callback 1 is quiet"),
        ({"script": {"run": [LOG] * 2000}}, "the scripts are too long"),
        ({"script": {"gadgetInit": [{**NEW, "as": f"n{n}"} for n in range(260)]}}, "more than 256 names"),
    ],
)
def test_nonsense(data: dict[str, Any], said: str, runner: Runner, abi: Abi) -> None:
    """A case that cannot be is named, with what is wrong in it."""
    with pytest.raises(EmbedderError, match="language/one: ") as caught:
        findings(runner, abi, **data)
    assert said in str(caught.value)
