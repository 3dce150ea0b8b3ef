"""What happened in a guest, as people read it::

==> dataSourceSubscribe(1, Data, 0, 7)
<== 0
--> dataSourceCallback(7, 1, 4)
==> fieldGetBuffer(2, 4, String, buffer of 8 bytes)
<== 4
"""

from __future__ import annotations

from collections.abc import Iterable

from gadget_abi import Abi, Param

from .journal import Called, Entry, Malloc, Returned
from .program import Program

__all__ = ["transcript"]


def transcript(program: Program, entries: Iterable[Entry]) -> str:
    """Every call and callback in a line, results in lines of their own."""
    data = {area.packed: area.name for area in program.data.areas if area.initial}
    return "\n".join(_line(entry, data, program.run.profile.abi) for entry in entries)


def _line(entry: Entry, data: dict[int, str], abi: Abi) -> str:
    match entry:
        case Called():
            return f"--> dataSourceCallback({entry.callback}, {entry.source}, {entry.data})"
        case Malloc():
            return f"--> malloc({entry.size}) = {_number(entry.address)}"
        case Returned():
            result = "did not return" if entry.result is None else _number(entry.result)
            return f"==> {entry.step.name}({', '.join(_arguments(entry, data, abi))})\n<== {result}"


def _arguments(entry: Returned, data: dict[int, str], abi: Abi) -> Iterable[str]:
    if entry.step.form is None:
        return map(_number, entry.args)
    return (_argument(*item, data, abi) for item in zip(entry.step.form.params, entry.args, strict=True))


def _argument(param: Param, value: int, data: dict[int, str], abi: Abi) -> str:
    """A name where the parameter is of an enum, what is there where it points to data of the case."""
    enum = next((enum for enum in abi.enums.values() if enum.type == param.type.name), None)
    names = {number: name for name, number in enum.members.items()} if enum else data
    if param.type.core == "i32":
        value &= 0xFFFFFFFF
    return names.get(value, _number(value))


def _number(value: int) -> str:
    return str(value) if value < 1 << 16 else hex(value)
