"""The floor under WASI 0.2 (floor.wat): which import it answers, and traps where no call can get to."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from gadget_build.wasm.module import CoreModule, FuncType, Import, Kind, ValueType

__all__ = ["floor_name", "floor_wat", "is_wasi"]


def is_wasi(item: Import) -> bool:
    """Tell whether an import of a library is a function of WASI."""
    return item.kind == Kind.FUNC and item.module.partition(":")[0] in ("wasi", "wasi_snapshot_preview1")


def floor_name(item: Import) -> str:
    """The export of the floor that answers an import: the interface without its version, and the function."""
    return f"{item.module.partition('@')[0]} {item.name}"


def floor_wat(libraries: Iterable[CoreModule]) -> str:
    """The floor, completed for what libraries import.

    Dropping a handle does nothing. What floor.wat does not have traps: a method of something that cannot exist
    here, or `exit`, after which a program must not go on.
    """
    text = (files("gadget_build.adapters") / "floor.wat").read_text(encoding="utf-8")
    rest = {}
    for module in libraries:
        for item in filter(is_wasi, module.imports):
            name = floor_name(item)
            if f"(export {_quoted(name)}" not in text:
                assert isinstance(item.type, int)
                rest[name] = module.types[item.type]
    stubs = [_stub(name, kind) for name, kind in sorted(rest.items())]
    return "\n".join((text.rstrip().removesuffix(")"), *stubs, ")"))


def _stub(name: str, kind: FuncType) -> str:
    params, results = (" ".join(ValueType(c).name.lower() for c in codes) for codes in kind)
    body = "" if "[resource-drop]" in name else " unreachable"
    return f"(func (export {_quoted(name)}) (param {params}) (result {results}){body})"


def _quoted(name: str) -> str:
    """A name as WAT has it."""
    plain = all(" " <= c <= "~" and c not in '"\\' for c in name)
    return f'"{name}"' if plain else '"' + "".join(f"\\{byte:02x}" for byte in name.encode()) + '"'
