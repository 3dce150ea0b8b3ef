"""Wrong answers of an adapter: each changes what it says in one way."""

from collections.abc import Callable
from typing import Any

from gadget_conformance.adapter import Adapter, Hello
from gadget_conformance.layout import DATA, ENTRY, JOURNAL

Answer = dict[str, Any]
Lie = Callable[[str, Answer, Answer], Answer]


class Lying(Adapter):
    """An adapter that spoils the answers of another."""

    def __init__(self, honest: Adapter, lie: Lie) -> None:
        super().__init__(honest.words)
        self._honest, self._lie = honest, lie

    @property
    def hello(self) -> Hello:
        """What the other says."""
        return self._honest.hello

    def ask(self, do: str, **more: Any) -> Answer:
        """The spoilt answer."""
        return self._check(do, self._lie(do, more, self._honest.ask(do, **more)))


def truth(do: str, more: Answer, answer: Answer) -> Answer:
    """No lie."""
    return answer


def _spoil(answer: Answer, at: int) -> Answer:
    data = bytearray.fromhex(answer["bytes"])
    data[at] ^= 1
    return {"bytes": data.hex()}


def _reading(at: int, address: int) -> Lie:
    """Another byte where memory at `address` is read, `at` bytes further."""
    return lambda do, more, answer: _spoil(answer, at) if more.get("address") == address else answer


def _blank(do: str, more: Answer, answer: Answer) -> Answer:
    return {"bytes": "00" * more["length"]} if more.get("address") == JOURNAL else answer


def _buffer(do: str, more: Answer, answer: Answer) -> Answer:
    if more.get("address") != DATA:
        return answer
    return _spoil(answer, bytes.fromhex(answer["bytes"]).rindex(b"bash"))


def _with(do_: str, **changes: Any) -> Lie:
    """Other values under some keys of the answer to a request; those that are callable are told the old one."""

    def lie(do: str, more: Answer, answer: Answer) -> Answer:
        if do != do_:
            return answer
        return answer | {key: new(answer[key]) if callable(new) else new for key, new in changes.items()}

    return lie


def _events(**changes: Any) -> Lie:
    return _with("emit", events=lambda events: [event | changes for event in events])


def _logs(**changes: Any) -> Lie:
    return _with("init", logs=lambda lines: [line | changes for line in lines])


def _source(**changes: Any) -> Lie:
    return _with("sources", sources=lambda found: [source | changes for source in found])


LIES: dict[str, tuple[Lie, str]] = {
    "result": (_reading(3 * ENTRY + 8, JOURNAL), "gadgetInit: dataSourceIsReferenced: expected 1, found 0"),
    "not returned": (_reading(3 * ENTRY + 4, JOURNAL), "gadgetInit: dataSourceIsReferenced: did not return"),
    "no calls": (_blank, "gadgetInit: dataSourceIsReferenced: never called"),
    "between data": (_reading(0, DATA), "memory at 0x10000: written to, although nothing is there"),
    "null": (_reading(0, 0), "memory of address 0: expected"),
    "buffer": (_buffer, "memory of buffer of 8 bytes: expected b'bash????', found b'cash????'"),
    "event lost": (_with("emit", events=[]), "events: expected 1, found 0: none"),
    "event twice": (
        _with("emit", events=lambda events: 2 * events),
        "events: expected 1, found 2: events, events",
    ),
    "event's value": (_events(packet=[{"pid": "ff000000"}]), "event 0: field pid: expected 5, found b'\\xff"),
    "event's width": (_events(packet=[{"pid": "050000"}]), "event 0: field pid: expected 5, found b'\\x05"),
    "event's source": (_events(source="others"), "event 0: expected one of events, found one of others"),
    "event's field": (_events(packet=[{}]), "event 0: field pid is missing"),
    "event's elements": (_events(packet=[]), "event 0: expected 1 elements, found 0"),
    "log lost": (
        _with("init", logs=[]),
        "log: expected {'level': 'Info', 'message': 'ready'}, found nothing",
    ),
    "log's level": (_logs(level=0), "log: expected {'level': 'Info', 'message': 'ready'}, found 0 'ready'"),
    "log's text": (_logs(message="no"), "log: expected {'level': 'Info', 'message': 'ready'}, found 2 'no'"),
    "failure": (_with("start", failed="tired"), "start: failed: tired"),
    "handles": (_with("handles", handles=9), "open handles: expected 2, found 9"),
    "source lost": (_with("sources", sources=[]), "source events is missing"),
    "source's type": (_source(type="array"), "source events: type: expected single, found array"),
    "field lost": (_source(fields=[]), "source events: field comm is missing"),
    "tag lost": (
        _source(fields=[{"name": "comm"}]),
        "source events: field comm: tags: expected ['mine'], found None",
    ),
}
"""Name -> a lie, and the finding that it must lead to."""

MISSHAPEN: dict[str, tuple[Lie, str]] = {
    "no bytes": (lambda do, more, answer: {} if do == "read" else answer, "read: the answer has no 'bytes'"),
    "few bytes": (_with("read", bytes="00"), "read: 2080 bytes were asked for, and 1 given"),
    "no hexadecimal": (_with("read", bytes="zz"), "read: not hexadecimal digits: 'zz'"),
    "no failed": (
        lambda do, more, answer: {"logs": [], "events": []} if do == "start" else answer,
        "start: the answer has no 'failed'",
    ),
    "no words": (_with("start", failed=1), "start: 'failed' is 1, which is no str"),
    "no logs": (_with("start", logs=None), "start: the answer has no 'logs'"),
    "no lines": (_with("start", logs=["hello"]), "start: 'logs' has more than objects in it"),
    "no number": (_with("handles", handles="two"), "handles: 'handles' is 'two', which is no int"),
    "no event": (_events(packet=None), "emit: the answer has no 'packet'"),
    "a number as bytes": (_events(packet=[{"pid": 5}]), "emit: not hexadecimal digits: 5"),
    "error": (_with("emit", error="no idea"), "emit: the adapter reports an error: no idea"),
}
"""Name -> a lie that has not the shape of an answer, and what is said of the adapter."""
