"""gadget check: which releases a module runs on."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gadget_abi
from gadget_abi.commands.check_json import as_json
from gadget_abi.commands.check_text import as_text
from gadget_abi.commands.files import read_file
from gadget_abi.releases import find_release
from gadget_abi.report import check_bytes

__all__ = ["register"]

_DESCRIPTION = """\
Say which releases of Inspektor Gadget a wasm module runs on, and why not on the others: from its imports, exports,
memory, start functions and the instructions of its code. Nothing is run, and types inside the code are not checked.

Exit code 0: it runs on at least one release, or on all that --release and --at-least ask for; 1: it does not, or the
file cannot be read; 2: wrong usage."""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "check",
        help="say which releases of ig a module runs on",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE.wasm")
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")
    parser.add_argument(
        "--release",
        action="append",
        default=[],
        type=release,
        metavar="VERSION",
        help="exit with 1 unless it runs on this release (v0.40.0, newest); may be given several times",
    )
    parser.add_argument(
        "--at-least",
        type=release,
        metavar="VERSION",
        help="exit with 1 unless it runs on this release and every later one that is known",
    )
    parser.set_defaults(run=run)


def release(text: str) -> str:
    """The full name of a release given on the command line."""
    try:
        return find_release(gadget_abi.load(), text).name
    except gadget_abi.EmbedderError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 when the module does not run where it should."""
    abi = gadget_abi.load()
    report = check_bytes(read_file(args.file), abi)
    asked = tuple(dict.fromkeys([*args.release, *_since(abi, args.at_least)]))
    if args.json:
        print(json.dumps(as_json(str(args.file), report, asked), indent=2))
    else:
        print(as_text(str(args.file), report, asked))
    return 0 if report.releases and set(asked) <= set(report.releases) else 1


def _since(abi: gadget_abi.Abi, oldest: str | None) -> list[str]:
    names = [known.name for known in abi.releases]
    return names[names.index(oldest) :] if oldest else []
