"""The constants a Python gadget needs, as a module without imports beyond the standard library."""

from __future__ import annotations

from gadget_abi.table import Abi, Enum, Layout

__all__ = ["guest_module"]

_HEAD = '''"""Numbers of the ABI. Derived from the ABI table; do not edit: python -m gadget_abi.derive."""

from enum import IntEnum, IntFlag
'''


def guest_module(abi: Abi) -> str:
    """The text of gadget/_abi.py: enums, widths of scalar kinds, limits, the syscall declaration."""
    enums = [enum for enum in abi.enums.values() if enum.type]
    constants = [*_limits(abi), "KIND_WIDTHS", "SYSCALL_DECLARATION", "SYSCALL_DECLARATION_SIZE"]
    names = sorted(constants) + sorted(enum.name for enum in enums)
    listing = "".join(f'    "{name}",\n' for name in names)
    parts = [_HEAD, f"__all__ = [\n{listing}]\n"]
    parts += [_enum(enum) for enum in enums]
    parts.append(_widths(abi.enums["Kind"]))
    parts.append("\n".join(f"{name} = {value}" for name, value in _limits(abi).items()) + "\n")
    parts.append(_layout(abi.layouts["syscall declaration"]))
    return "\n".join(parts)


def _limits(abi: Abi) -> dict[str, int]:
    return {f"MAX_{limit.name.upper()}": limit.value for limit in abi.limits.values()}


def _enum(enum: Enum) -> str:
    base = "IntFlag" if enum.name.endswith("Flags") else "IntEnum"
    members = "".join(f"    {name} = {value}\n" for name, value in enum.members.items())
    return f'\nclass {enum.name}({base}):\n    """{enum.doc}"""\n\n{members}'


def _widths(kind: Enum) -> str:
    members = "".join(
        f"    {kind.members[name]}: {width},  # {name}\n" for name, width in kind.widths.items()
    )
    return f'\nKIND_WIDTHS = {{\n{members}}}\n"""Bytes of each scalar kind."""\n'


def _layout(layout: Layout) -> str:
    members = "".join(
        f'    "{m.name}": ({m.offset}, {m.size}, {m.count}),  # {m.doc}\n' for m in layout.members
    )
    return (
        f"SYSCALL_DECLARATION_SIZE = {layout.size}\n\nSYSCALL_DECLARATION = {{\n{members}}}\n"
        f'"""Offset, size and count of each member, in bytes."""\n'
    )
