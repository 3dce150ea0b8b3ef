"""The README's examples, each a gadget of its own."""

import re
import struct
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "guest-sdk-python" / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
STRING, U32, I32, U64 = 12, 8, 4, 9


@pytest.fixture
def machine(host: Any) -> Any:
    """A host with all the sources and maps that the examples name."""
    host_map = type(host).__init__.__globals__["HostMap"]
    host.source("open", fname=STRING, proc__pid=U32, error_raw=I32)
    host.source("exec", proc__comm=STRING)
    host.source("dns", name=STRING)
    host.source("blocks", type=2, latency=U64)
    host.maps["counts"] = host_map("counts", 1, 4, 8)
    host.maps["per_cpu"] = host_map("per_cpu", 6, 4, 8, {bytes(4): struct.pack("<QQQ", 1, 2, 3)})
    host.maps["events"] = host_map("events", 4, 4, 4, {b"records": [struct.pack("<IHxxQ", 1, 80, 3)]})
    return host


@pytest.mark.parametrize("example", range(len(EXAMPLES)))
def test_an_example_runs(machine: Any, run: Any, example: int, capsys: Any) -> None:
    """It starts, takes an event of every source it subscribed to, and stops, without an error in the log."""
    gadget = run(EXAMPLES[example])
    for name, row in {
        "open": {
            "fname": b"/home/me/x",
            "proc.pid": struct.pack("<I", 1),
            "error_raw": struct.pack("<i", -2),
        },
        "exec": {"proc.comm": b"nc"},
        "dns": {"name": b"example.org"},
        "blocks": {"latency": struct.pack("<Q", 7)},
    }.items():
        if machine.sources[name].subscriptions:
            machine.emit(machine.sources[name], row)
    assert [gadget.exports.gadget_stop(), gadget.exports.gadget_post_stop()] == [0, 0]
    assert [text for level, text in machine.logs if level == 0] == []


def test_the_first_example_redacts(machine: Any, run: Any) -> None:
    """It does what it is there for."""
    run(EXAMPLES[0])
    (row,) = machine.emit(machine.sources["open"], {"fname": b"/home/me/x"})
    assert row["fname"] == b"/home/***/x"


def test_the_quoted_message_is_the_one_that_is_logged(machine: Any, load: Any) -> None:
    """A field that does not exist fails the start and names its line."""
    assert load(EXAMPLES[0].replace('field("fname"', 'field("fnam"')).init() == 1
    (message,) = [text for level, text in machine.logs if level == 0]
    assert message in README.read_text(encoding="utf-8")
