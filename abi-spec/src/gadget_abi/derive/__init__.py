"""What is derived from the table and committed; `python -m gadget_abi.derive --check` finds stale files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gadget_abi.derive.guest import guest_module
from gadget_abi.derive.reference import reference_page
from gadget_abi.derive.wit import wit_world
from gadget_abi.table import Abi

__all__ = ["derived_files", "stale_files", "write_files"]


def derived_files(abi: Abi) -> Mapping[Path, str]:
    """Path below the workspace's root -> text, for every derived file."""
    return {
        Path("abi-spec/src/gadget_abi/data/gadget.wit"): wit_world(abi),
        Path("guest-sdk-python/src/gadget/_abi.py"): guest_module(abi),
        Path("docs/REFERENCE.md"): reference_page(abi),
    }


def stale_files(abi: Abi, root: Path) -> list[Path]:
    """The derived files below `root` that are missing or differ from the table."""
    return [
        path
        for path, text in derived_files(abi).items()
        if not (root / path).is_file() or (root / path).read_text(encoding="utf-8") != text
    ]


def write_files(abi: Abi, root: Path) -> list[Path]:
    """Write the stale derived files below `root`; returns their paths."""
    stale = stale_files(abi, root)
    for path in stale:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(derived_files(abi)[path], encoding="utf-8")
    return stale
