"""Where things lie in the data plane's memory: the numbers that stand in braces in the wat files.

Structures, and the constants of the ABI table that the plane needs, are named here once; Python uses the same
objects to read and write the plane's memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from gadget_abi import Abi, Profile, load
from gadget_abi.table import Form

__all__ = [
    "FUNCTIONS",
    "HANDLES_BASE",
    "HANDLE_BITS",
    "HEAP_BASE",
    "HOT",
    "INITIAL_PAGES",
    "OF_GUEST",
    "REASONS",
    "STRUCTS",
    "TARGETS",
    "Status",
    "Stopped",
    "fill",
    "hot",
    "names",
]

HOT: Final = (
    "fieldGet",
    "fieldGetScalar",
    "fieldGetBuffer",
    "fieldSet",
    "dataArrayNew",
    "dataArrayAppend",
    "dataArrayRelease",
    "dataArrayLen",
    "dataArrayGet",
    "dataSourceNewPacketSingle",
    "dataSourceNewPacketArray",
    "dataSourceEmitAndRelease",
    "dataSourceRelease",
    "gadgetShouldLog",
)
"""The functions of the ABI that the plane implements, of all releases; everything else is Python."""

FUNCTIONS: Final = (*HOT, "dataSourceCallback")
"""What a warning of the plane can be about, by number."""

OF_GUEST: Final = ("callback", "malloc")
"""What the plane calls of the guest, by place in its table."""

REASONS: Final = {
    "not_source": "handle {0} is not a data source",
    "not_field": "handle {0} is not a field",
    "not_packet": "handle {0} is not a packet",
    "not_array": "handle {0} is not an array packet",
    "not_data": "handle {0} is not data",
    "not_new_data": "handle {0} is not data made by dataArrayNew",
    "foreign_data": "the data of handle {0} belongs to another data source than the array",
    "foreign_field": "the field belongs to another data source than the data",
    "foreign_packet": "the packet belongs to another data source; collectors of this one cannot read it",
    "older_data": "the data was made before the field was added",
    "not_scalar_kind": "the kind asked for is not a scalar",
    "not_buffer_kind": "the kind asked for is neither String nor Bytes",
    "not_readable_kind": "the kind asked for cannot be read",
    "not_writable_kind": "the kind given cannot be written",
    "width": "the field does not hold as many bytes as the kind has",
    "empty_field": "the field is an empty one and holds no value",
    "no_static": "the field is a member of a structure that this data does not have",
    "static_long": "the value is longer than the field",
    "static_short": "the value is shorter than the field, which is not a text",
    "address": "address and length lie outside the guest's memory",
    "small": "the buffer is too small for {0} bytes",
    "no_element": "there is no element {0}",
    "index": "element {0} cannot be addressed: an element handle has 15 bits of index",
    "source_type": "the data source of handle {0} has packets of the other type",
    "mismatch": "a subscriber of the data source cannot be handed a packet of this type",
    "table_full": "too many open handles",
    "too_deep": "{0} packets are being delivered inside one another",
    "memory": "the host's memory for data is exhausted",
    "single_data": "handle {0} is a single packet, which the real host cannot append",
    "error_pointer": "the error pointer lies outside the guest's memory: the real host closes the module",
    "deadlock": "emitted inside a callback, onto a source the gadget subscribed to: the real host waits for ever",
    "cancelled": "called while stopping, but subscribed while starting: the real host closes the module",
    "over": "the gadget was stopped: an event for it makes the real host panic",
}
"""Why the plane warns; {0} is the number that comes with the warning."""


def hot(profile: Profile) -> Mapping[str, Form]:
    """Those of a release, by name, as they are there."""
    return {name: profile.forms[name] for name in HOT if name in profile.forms}


HANDLE_BITS: Final = {
    "source": 1,
    "field": 2,
    "single": 4,
    "array": 8,
    "data": 16,
    "map": 32,
    "perf-reader": 64,
}
"""What a handle can stand for. A packet is single or array; only single, array and data own their object."""

TARGETS: Final = {"guest": 0, "python": 1, "collector": 2}
"""Who a subscription calls: the guest's callback, a Python function, or nobody (a record is written)."""


@dataclass(frozen=True)
class Struct:
    """A structure of the plane: offsets of its members, its size in bytes."""

    name: str
    offsets: Mapping[str, int]
    size: int

    def __getitem__(self, member: str) -> int:
        return self.offsets[member]


def _struct(name: str, members: str, *, base: int = 0, size: int | None = None) -> Struct:
    """Lay out ``members``: 4 bytes each, or "name:bytes"; "a|b" is one member with two names."""
    offsets, at = {}, base
    for member in members.split():
        alternatives, _, width = member.partition(":")
        offsets.update(dict.fromkeys(alternatives.split("|"), at))
        at += int(width or 4)
    return Struct(name, offsets, size or at - base)


_CONTROL = _struct(
    "control",
    "turns:8 host_calls:8 guest_calls:8 depth guest_depth last_handle live handle_limit heap_top log_level"
    " stopped started no_memory table used output_base output_top output_end record_end mallocs"
    " nothing:24 free:112 shapes:16",
    base=16,  # 0 is nobody's address
)

STRUCTS: Final = {
    struct.name: struct
    for struct in (
        _CONTROL,
        _struct("handle", "number kind object", size=16),
        _struct("source", "type slots table capacity chain"),
        _struct("entry", "width offset blank", size=16),
        _struct("field", "source slot offset size kind flags"),
        _struct("chain", "references count", size=16),
        _struct("subscription", "kind priority target handle callback:8 started", size=32),
        _struct("object", "references source type count batch origin written|items holds|capacity"),
        _struct("slot", "pointer length capacity next inline:8 guest pages"),
        _struct(
            "frame",
            "source packet chain index item left handle object guest_depth nested cursor rows row wire batch"
            " started",
            size=64,
        ),
        _struct("record", "bytes collector type elements origin"),
        _struct("part", "batch origin count"),
        _struct("change", "slot length"),
    )
}
"""The plane's structures by name, as drawn in the wat files."""

_TABLE_ENTRIES = 4096
HANDLES_BASE: Final = 1024
"""Where the handle table begins."""
_FRAMES = 16
_HANDLES_END = HANDLES_BASE + _TABLE_ENTRIES * STRUCTS["handle"].size
_FRAMES_BASE = _HANDLES_END + _TABLE_ENTRIES * STRUCTS["handle"].size  # there may be two tables
HEAP_BASE: Final = _FRAMES_BASE + _FRAMES * STRUCTS["frame"].size
"""Where the heap of the plane's memory begins."""
INITIAL_PAGES: Final = -(-HEAP_BASE // 65536)
"""Pages of the plane's memory before the first block is taken from its heap."""


class Status:
    """Answers of a subscriber, and results of a run."""

    GO, DISCARD, ERROR = 0, 1, 2
    DONE, TOO_DEEP, MEMORY = 0, 1, 2


class Stopped:
    """What control.stopped is from the call of gadgetStop on, and from its end on; 0 before."""

    STOPPING, OVER = 1, 2


def names(profile: Profile) -> dict[str, str]:
    """What to put in place of each name in braces."""
    return _names(profile.release, profile.strict)


@cache
def _names(release: str, strict: bool) -> dict[str, str]:
    abi = load()
    profile = Profile(abi, release, strict)
    numbers = {
        **_struct_names(profile),
        **_plane_names(profile),
        **_abi_names(abi),
        **_profile_names(profile),
    }
    return {**{name: str(int(number)) for name, number in numbers.items()}, **_texts(profile)}


def _struct_names(profile: Profile) -> dict[str, int]:
    found: dict[str, int] = {}
    for struct in STRUCTS.values():
        found |= {f"{struct.name}.{member}": offset for member, offset in struct.offsets.items()}
        found[f"{struct.name}.SIZE"] = struct.size
        found[f"{struct.name}.SHIFT"] = struct.size.bit_length() - 1  # where that is a power of two
    entry, slot = STRUCTS["entry"], STRUCTS["slot"]
    return found | {
        "entry.NEXT_OFFSET": entry.size + entry["offset"],
        "slot.INLINE_BYTES": slot["guest"] - slot["inline"],
        "slot.SIZE": slot.size if profile.quirk("bytes-alias-memory") else slot["guest"],
    }


def _plane_names(profile: Profile) -> dict[str, int]:
    bits = HANDLE_BITS
    return {
        "hot.pages": INITIAL_PAGES,
        **{f"of_guest.{name}": number for number, name in enumerate(OF_GUEST)},
        **{f"fn.{name}": number for number, name in enumerate(FUNCTIONS)},
        **{f"why.{name}": number for number, name in enumerate(REASONS, start=1)},
        **{f"kind.{name}": bit for name, bit in bits.items()},
        "kinds.data": bits["single"] | bits["data"],
        "kinds.packet": bits["single"] | bits["array"],
        "handles.OWNING": bits["single"] | bits["array"] | bits["data"],
        "handles.BASE": HANDLES_BASE,
        "handles.END": _HANDLES_END,
        "handles.MOST": _TABLE_ENTRIES,
        "handles.BOTH": HANDLES_BASE + _HANDLES_END,
        "handles.MASK": _TABLE_ENTRIES - 1,
        "frames.BASE": _FRAMES_BASE,
        "frames.LIMIT": _FRAMES,
        "holds.rows": 1,
        "holds.blocks": 2,
        "heap.MOST": (1 << 30) - 1,
        "output.LEAST": 1 << 20,
        **{f"target.{name}": number for name, number in TARGETS.items()},
        "status.go": Status.GO,
        "status.discard": Status.DISCARD,
        "status.error": Status.ERROR,
        "stopped.stopping": Stopped.STOPPING,
        "stopped.over": Stopped.OVER,
        "run.done": Status.DONE,
        "run.too_deep": Status.TOO_DEEP,
        "run.memory": Status.MEMORY,
    }


def _abi_names(abi: Abi) -> dict[str, int]:
    element = abi.encodings["element handle"]
    found = {f"limits.{name}": limit.value for name, limit in abi.limits.items()}
    for enum in abi.enums.values():
        found |= {f"{enum.name}.{name}": number for name, number in enum.members.items()}
        found[f"{enum.name}.LAST"] = max(enum.members.values())
    return found | {
        "element_handle.ELEMENT": element.bits("element").mask,
        "element_handle.INDEX_SHIFT": element.bits("index").shift,
        "element_handle.ARRAY": element.bits("array").mask,
        "handles.LAST": element.bits("array").mask,
    }


def _profile_names(profile: Profile) -> dict[str, int]:
    """What is so in a release, 0 or 1: functions it has, changes in effect, quirks that are shown; error values."""
    abi = profile.abi
    found: dict[str, int] = {f"has.{name}": name in profile.forms for name in HOT}
    found |= {f"change.{change}": profile.changed(change) for change in abi.changes}
    found |= {f"quirk.{quirk}": profile.quirk(quirk) for quirk in abi.quirks}
    forms = {name: profile.forms.get(name, abi.functions[name].newest) for name in HOT}
    return found | {f"error.{name}": form.error for name, form in forms.items() if form.error is not None}


def _texts(profile: Profile) -> dict[str, str]:
    return {
        "kind_shapes": "".join(f"\\{shape:02x}" for shape in _shapes(profile.abi)),
    }


def _shapes(abi: Abi) -> Iterable[int]:
    """Per kind: bytes of a scalar, plus 128 when it is a signed integer; 0 when it is not a scalar."""
    kinds = abi.enums["Kind"]
    for number in range(max(kinds.members.values()) + 1):
        name = next(name for name, value in kinds.members.items() if value == number)
        yield kinds.widths.get(name, 0) | (128 if name.startswith("Int") else 0)


def fill(text: str, profile: Profile) -> str:
    """The text with every name in braces replaced.

    Raises:
        KeyError: a name that is not defined here.
    """
    numbers = names(profile)

    def number(match: re.Match[str]) -> str:
        if match[1] not in numbers:
            raise KeyError(f"no such name: {match[1]}")
        return numbers[match[1]]

    return re.sub(r"\{([\w.-]+)\}", number, text)
