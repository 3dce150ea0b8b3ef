"""gadget build: a Python program becomes a core wasm module."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from gadget_build.progress import Progress

__all__ = ["register"]


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command."""
    parser = commands.add_parser(
        "build",
        help="build a gadget from Python",
        description="Build a gadget: DIR with a program.py, or FILE.py, becomes one core wasm module. Modules beside "
        "the program are taken along when it imports them.",
    )
    parser.add_argument("source", type=Path, metavar="DIR|FILE.py")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="OUT.wasm", help="default: DIR/NAME.wasm or FILE.wasm"
    )
    parser.add_argument(
        "--abi",
        metavar="FAMILY",
        help="link family: ig (v0.39.0 and later; the default), env-dst (v0.38) or env-malloc (v0.30 to v0.37)",
    )
    parser.add_argument(
        "--release",
        metavar="vX.Y.Z",
        help="oldest release of ig to run on (default: the oldest of the family that has what the program uses)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Build, and say what came out."""
    from gadget_build.build import build  # needs wasmtime and componentize-py: only when something is built

    begun = time.monotonic()
    progress = Progress(str(args.source))
    try:
        result = build(
            args.source, output=args.output, family=args.abi, release=args.release, progress=progress.step
        )
    finally:
        progress.clear()
    seconds = time.monotonic() - begun
    print(
        f"{result.output}: {result.size / 1e6:.1f} MB, {result.pages} pages at start, "
        f"for ig {_span(result.release, result.family.until)}, {seconds:.1f} s"
    )
    return 0


def _span(release: str, last: str | None) -> str:
    if last is None:
        return f"{release} and later"
    return f"{release} only" if release == last else f"{release} to {last}"
