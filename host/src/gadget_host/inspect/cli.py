"""`gadget inspect`: what a gadget is, from the command line."""

from __future__ import annotations

import argparse
import json
from typing import Any

__all__ = ["register"]

DESCRIPTION = """\
Show what a gadget is: name and digest of its image and what is in it for which architecture, its
module, the releases of Inspektor Gadget it runs on, the host functions it calls (upcalls), its
parameters, and the data sources there are after its gadgetInit, which is run once.

GADGET is an image in a tar, a .wasm file or a gadget directory. The data sources of an image's
eBPF program are read from the types in its object. What ig's own operators add to them (times and
errors as text, users, containers) is not known here, and a gadget that needs it cannot finish its
gadgetInit: --schema says what all of it looks like."""

EPILOG = """\
With --show-datasources and -o json it prints what `ig image inspect` prints so, which --schema of
`gadget run` reads.

examples:
  gadget inspect top_files.tar --schema open.json
  gadget inspect top_files.wasm -o json"""

MODES = ("columns", "json", "jsonpretty", "yaml")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `inspect` to the sub-commands of `gadget`."""
    parser = commands.add_parser(
        "inspect",
        help="show what a gadget or its image is",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("gadget", metavar="GADGET", help="image tar, .wasm file or gadget directory")
    parser.add_argument("--output", "-o", metavar="MODE", choices=MODES, default="columns",
        help="columns (the default), json, jsonpretty or yaml",
    )  # fmt: skip
    parser.add_argument("--tag", metavar="NAME", help="which image of a tar with several")
    parser.add_argument("--schema", metavar="FILE", action="append", default=[],
        help="data sources that are there before it: what `ig image inspect --show-datasources -o json` "
        "prints, or schema lines",
    )  # fmt: skip
    parser.add_argument("--show-datasources", action="store_true", help="print the data sources alone")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace) -> int:
    """Find out and print; 1 when its gadgetInit failed although all its sources are known."""
    # wasmtime and the rest take a tenth of a second to import.
    from gadget_host._target import find_gadget
    from gadget_host._terminal import Console
    from gadget_host.inspect.document import data_sources, document
    from gadget_host.inspect.facts import inspect
    from gadget_host.inspect.text import NOT_SHOWN, text
    from gadget_host.streams import read_schema_file

    console = Console()
    given = [schema for path in args.schema for schema in read_schema_file(path)[0]]
    target = find_gadget(args.gadget, console.note, args.tag)
    facts = inspect(target, given, on_log=console.log)
    if args.show_datasources:
        print(_as(args.output, data_sources(facts)))
        for problem in filter(None, [facts.failure, facts.trouble, NOT_SHOWN if facts.lacks_fields else ""]):
            console.note(problem)
    elif args.output == "columns":
        print(text(facts))
    else:
        print(_as(args.output, document(facts)))
    return 1 if facts.failure and not facts.lacks_fields else 0


def _as(mode: str, found: Any) -> str:
    if mode == "yaml":
        import yaml

        return yaml.safe_dump(found, sort_keys=False, allow_unicode=True).rstrip()
    return json.dumps(found, indent=None if mode == "json" else 2, default=str)
