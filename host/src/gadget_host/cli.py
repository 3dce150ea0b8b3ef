"""`gadget run`: a gadget over streams of events, from the command line."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["register"]

DESCRIPTION = """\
Run a gadget over recorded or live events.

GADGET is a .wasm file, a directory with one, or an image in a tar, as `gadget package` and
`ig image export` write it; a directory with a program.py is built first if need be. A gadget.yaml
beside the module or in the image gives parameters, their defaults and the layout of tables.

Events are JSON Lines, plain or gzip'ed. A line
  {"gadget.schema": {"source": "open", "type": "single", "fields": [{"name": "pid", "kind": "Uint32"}]}}
says which data source the following events belong to and what their fields are. Without it, as
in what `ig run -o json` prints, kinds come from --schema or are inferred from the first events.
A line that is no event, or does not fit the schema, is reported and skipped.

Inputs are read one after another. What the gadget emits is printed in that order, whatever
source it is on: with -o json a line per event, as `ig run -o json` prints it."""

EPILOG = """\
exit code: 0; 1 when the gadget failed or something was wrong with the request; 2 for wrong
usage; 130 after Ctrl-C and 143 after SIGTERM, when gadgetStop has run and all is written.

examples:
  gadget run redact.wasm --input open.jsonl.gz
  gadget run top_files/ --input open=events.jsonl --param every=500 -o json
  ig run trace_open -o json | gadget run redact.wasm --input open=- --schema open.json"""


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `run` to the sub-commands of `gadget`."""
    parser = commands.add_parser(
        "run",
        help="run a gadget over streams of events",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("gadget", metavar="GADGET", help=".wasm file, gadget directory or image tar")
    _add_streams(parser)
    _add_gadget(parser)
    parser.set_defaults(run=_run)


def _add_streams(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("streams")
    group.add_argument(
        "--input", "-i", metavar="[SOURCE=]FILE", action="append", default=[], type=_input,
        help="events of the data source SOURCE; - is standard input. Without SOURCE, the stream's schema "
        "line names it. Several are read one after another",
    )  # fmt: skip
    group.add_argument(
        "--schema", metavar="FILE", action="append", default=[],
        help="kinds for streams without schema line: what `ig image inspect --show-datasources -o json` "
        "prints, or schema lines",
    )  # fmt: skip
    group.add_argument(
        "--output", "-o", metavar="MODE", choices=("columns", "json", "jsonpretty", "yaml"),
        help="columns, json, jsonpretty or yaml; columns unless the gadget.yaml asks for another",
    )  # fmt: skip
    group.add_argument(
        "--show", metavar="SOURCE", action="append",
        help="print only this data source; may be repeated. All are printed otherwise",
    )  # fmt: skip
    group.add_argument(
        "--on-error", choices=("continue", "stop"), default="continue",
        help="after a bad line: report it and go on (the default), or stop",
    )  # fmt: skip
    group.add_argument(
        "--stats", metavar="FILE", type=Path,
        help="write the figures of the run as JSON; `errors` counts failed calls of the gadget and bad lines",
    )  # fmt: skip


def _add_gadget(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("gadget")
    group.add_argument(
        "--param",
        "-p",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=_param,
        help="a parameter of the gadget",
    )
    group.add_argument(
        "--tag", metavar="NAME", help="which image of a tar with several",
    )  # fmt: skip
    group.add_argument(
        "--log-level", default="info", choices=("error", "warn", "info", "debug", "trace", "none"),
        help="most verbose level of the gadget's log that is shown, on standard error; info by default",
    )  # fmt: skip
    group.add_argument(
        "--clock", default="fixed", choices=("fixed", "real"),
        help="time and random numbers for the gadget: fixed as under Inspektor Gadget (the default), or real",
    )  # fmt: skip
    group.add_argument(
        "--abi", metavar="FAMILY",
        help="how the module was built to be linked: env-malloc (ig until v0.37), env-dst (v0.38) or ig; "
        "seen from its imports unless given",
    )  # fmt: skip
    group.add_argument(
        "--release", metavar="vX.Y.Z",
        help="release of Inspektor Gadget to behave like; the newest that the module runs on unless given",
    )  # fmt: skip
    group.add_argument(
        "--strict", action="store_true",
        help="show the quirks of Inspektor Gadget that a careful host avoids (see docs/REFERENCE.md)",
    )  # fmt: skip
    group.add_argument(
        "--native", action="store_true",
        help="run the program.py itself in this process, for debugging: no wasm, no sandbox, no deadline",
    )  # fmt: skip
    group.add_argument(
        "--deadline", metavar="SECONDS", default=10.0, type=_deadline,
        help="longest time a single call of the gadget may take; 10 by default, `none` for no end",
    )  # fmt: skip


def _input(text: str) -> tuple[str | None, str]:
    source, equals, path = text.partition("=")
    if not equals:
        return None, text
    if not source or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not [SOURCE=]FILE")
    return source, path


def _param(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _deadline(text: str) -> float | None:
    if text == "none":
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0, nor `none`")
    return seconds


def _run(args: argparse.Namespace) -> int:
    from gadget_host._command import run_command  # wasmtime and the rest take a tenth of a second to import

    return run_command(args)
