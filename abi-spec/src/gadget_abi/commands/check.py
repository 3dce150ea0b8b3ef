"""gadget check: which releases a module runs on."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import gadget_abi
from gadget_abi.check import Report, check_bytes
from gadget_abi.wasm import External, Kind

__all__ = ["register"]


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "check",
        help="say which releases of ig a module runs on",
        description="Say which releases of Inspektor Gadget a wasm module runs on, from its imports, exports "
        "and memory. Exit code 0: at least one; 1: none.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.wasm")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 when the module runs nowhere."""
    try:
        data = args.file.read_bytes()
    except OSError as error:
        raise gadget_abi.EmbedderError(f"{args.file}: {error.strerror or error}") from error
    report = check_bytes(data, gadget_abi.load())
    print(as_json(args.file, report) if args.json else as_text(args.file, report))
    return 0 if report.releases else 1


def as_text(path: Path, report: Report) -> str:
    """The report for people."""
    lines = [f"{path}: {_mark(report)} {report.verdict}"]
    if report.module is not None:
        lines += [
            f"  signature set  {', '.join(report.signature_sets) or 'none'}",
            f"  imports        {_imports(report.module.imports)}",
            f"  exports        {', '.join(e.name for e in report.module.exports) or 'none'}",
            f"  memory         {_memory(report)}",
        ]
    lines += [f"  problem        {problem}" for problem in report.problems]
    return "\n".join(lines)


def _mark(report: Report) -> str:
    mark, colour = ("ok", 32) if report.releases else ("FAIL", 31)
    return f"\x1b[{colour}m{mark}\x1b[0m" if sys.stdout.isatty() else mark


def _imports(imports: list[External]) -> str:
    counts: dict[str, int] = {}
    for item in imports:
        counts[item.module] = counts.get(item.module, 0) + 1
    return ", ".join(f"{count} of {module}" for module, count in sorted(counts.items())) or "none"


def _memory(report: Report) -> str:
    assert report.module is not None
    cap = report.abi.limits["memory_pages"].value
    return ", ".join(f"{m.min} pages at start, {cap} allowed" for m in report.module.memories) or "none"


def as_json(path: Path, report: Report) -> str:
    """The report for programs: one object, stable keys."""
    module = report.module
    return json.dumps(
        {
            "file": str(path),
            "verdict": report.verdict,
            "abi": report.abi.name,
            "family": report.family,
            "signature_sets": list(report.signature_sets),
            "releases": list(report.releases),
            "imports": [_external(item) for item in module.imports] if module else [],
            "exports": [_external(item) for item in module.exports] if module else [],
            "memory_pages": [memory.min for memory in module.memories] if module else [],
            "problems": [vars(problem) for problem in report.problems],
        },
        indent=2,
    )


def _external(item: External) -> dict[str, str]:
    kind = Kind(item.kind).name.lower()
    named = {"module": item.module} if item.module else {}
    return {**named, "name": item.name, "kind": kind, "type": str(item.type)}
