"""The WIT world a Python gadget is componentized against."""

from __future__ import annotations

from gadget_abi.canonical import canonical_functions
from gadget_abi.table import Abi, Export

__all__ = ["wit_world"]


def wit_world(abi: Abi) -> str:
    """The text of the WIT world, with each function's documentation."""
    imports = "".join(f"  /// {f.function.doc}\n  import {f.wit};\n" for f in canonical_functions(abi))
    exports = "".join(f"  /// {e.doc}\n  export {_export(e)};\n" for e in world_exports(abi))
    return (
        "// Derived from the ABI table; do not edit: python -m gadget_abi.derive\n"
        f"package {abi.wit_package};\n\nworld {abi.wit_world} {{\n{imports}\n{exports}}}\n"
    )


def world_exports(abi: Abi) -> list[Export]:
    """The exports Python implements: the lifecycle hooks and the callback of the newest release."""
    return [e for e in abi.exports.values() if e.hook or e.name == "dataSourceCallback"]


def _export(export: Export) -> str:
    params = ", ".join(f"{p.name}: {'u64' if p.type.core == 'i64' else 'u32'}" for p in export.params)
    return f"{export.kebab}: func({params})" + (" -> u32" if export.result else "")
