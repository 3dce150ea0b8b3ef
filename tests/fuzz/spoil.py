"""Spoils files: cuts them off, flips bits, overwrites lengths, and puts odd values into structured ones."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

LENGTHS: Final = [
    b"\x00",
    b"\x7f",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\x7f",
    b"\x80\x80\x80\x80\x08",
    b"\xff\xff\xff\x07",
    b"\x80" * 12,
    b"\xff" * 4,
]
"""Numbers in LEB128 that are too large, too long, or not what was meant."""

ODD: Final[list[Any]] = [
    *(None, True, False, 0, -1, 1, 255, 1 << 31, 1 << 63, 1 << 64, -(1 << 63), 1.5, -0.0, 1e308, "", "x"),
    *([], {}, [[]], [None], {"": None}, {"a": {"b": []}}, "\0", "\u2028", "a.b", ".", "..", "x" * 5000, "é"),
    *("Uint32", "String", "single", "array", "v0.34.0", "i32", [1, "a", {}], 12, 0x1000000C),
]
"""What stands in structured files in place of what is meant."""

WORDS: Final = [
    *(b"null", b"true", b"-1", b"1e999", b"[]", b"{}", b'""', b"[[", b"99999999999999999999", b'"\\ud800"'),
    *(b"\xff\xfe", b"\0", b"---", b"&a [*a]", b"!!python/none", b"2020-01-01", b"0x7fffffffffffffff", b"= ="),
]
"""What stands in texts in place of what is meant."""


@dataclass(frozen=True)
class Edit:
    """One change.

    Args:
        how: which of the changes, modulo their number.
        at: where, as a fraction of 1 << 16.
        much: how much of it.
    """

    how: int
    at: int
    much: int


def edits(rng: random.Random) -> list[Edit]:
    """Some edits, mostly few."""
    count = rng.choice([1, 1, 1, 2, 3, 8])
    return [
        Edit(rng.randrange(1 << 16), rng.randrange(1 << 16), rng.randrange(1 << 16)) for _ in range(count)
    ]


def spoiled(data: bytes, some: Sequence[Edit], *, text: bool = False) -> bytes:
    """The bytes with edits made, at most twice as many and a little."""
    most = 2 * len(data) + 8192
    for edit in some:
        ways = [*_BINARY, *(_TEXT if text else [])]
        data = ways[edit.how % len(ways)](data, edit.at * len(data) >> 16, edit.much)[:most]
    return data


def _put(words: Sequence[bytes]) -> Callable[[bytes, int, int], bytes]:
    def put(data: bytes, at: int, much: int) -> bytes:
        word = words[much % len(words)]
        return data[:at] + word + data[at + (much >> 8) % (len(word) + 1) :]

    return put


def _flip(data: bytes, at: int, much: int) -> bytes:
    return data[:at] + bytes(byte ^ 1 << much % 8 for byte in data[at : at + 1]) + data[at + 1 :]


def _word_at(data: bytes, at: int, much: int) -> bytes:
    """A word of the text gives way to another."""
    start = end = at
    while start > 0 and data[start - 1 : start].isalnum():
        start -= 1
    while data[end : end + 1].isalnum():
        end += 1
    return data[:start] + WORDS[much % len(WORDS)] + data[end:]


_BINARY: Final[list[Callable[[bytes, int, int], bytes]]] = [
    _flip,
    _flip,
    lambda data, at, much: data[:at],
    lambda data, at, much: data[:at] + bytes([much & 255]) + data[at + 1 :],
    lambda data, at, much: data[:at] + data[at + much % 16 :],
    lambda data, at, much: data[:at] + data[at : at + much % 64] * 2 + data[at + much % 64 :],
    _put(LENGTHS),
    _put(LENGTHS),
]
_TEXT: Final[list[Callable[[bytes, int, int], bytes]]] = [_put(WORDS), _word_at, _word_at, _word_at]


def odd(value: Any, some: Sequence[Edit]) -> Any:
    """A structure of dicts and lists with odd values in some places."""
    value = copy.deepcopy(value)
    for edit in some:
        places = list(_places(value))
        if not places:
            return ODD[edit.much % len(ODD)]
        holder, key = places[edit.at * len(places) >> 16]
        match edit.how % 4:
            case 0 | 1:
                holder[key] = copy.deepcopy(ODD[edit.much % len(ODD)])
            case 2:
                del holder[key]
            case _ if isinstance(holder, dict):
                holder[str(ODD[edit.much % len(ODD)])[:20]] = copy.deepcopy(holder[key])
            case _:
                holder.append(copy.deepcopy(holder[key]))
    return value


def _places(value: Any) -> Any:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _places(value[key])
