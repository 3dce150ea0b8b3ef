"""The `gadget` command. Sub-commands come from whichever distributions are installed."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points, version

from gadget_abi.errors import EmbedderError, GadgetError

__all__ = ["build_parser", "main"]

# Sub-commands of distributions that may not be installed: a typo and a missing package are different errors.
_ELSEWHERE = {
    "build": "gadget-sdk",
    "package": "gadget-sdk",
    "push": "gadget-sdk",
    "run": "gadget-host",
    "inspect": "gadget-host",
}

EXIT_FAILURE, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def build_parser() -> argparse.ArgumentParser:
    """The parser with every installed sub-command."""
    parser = argparse.ArgumentParser(
        prog="gadget", description="Build, run and check Inspektor Gadget wasm modules."
    )
    parser.add_argument("--version", action="version", version=f"gadget {version('gadget-abi')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for entry in sorted(entry_points(group="gadget.commands"), key=_order):
        _load(entry)(commands)
    return parser


def _load(entry: EntryPoint) -> Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None]:
    try:
        register: Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None] = entry.load()
    except (ImportError, AttributeError) as error:
        owner = entry.dist.name if entry.dist else "its distribution"
        raise EmbedderError(f"gadget {entry.name} cannot be loaded: {error}; reinstall {owner}") from error
    return register


def _order(entry: EntryPoint) -> tuple[int, str]:
    life = ("build", "run", "check", "package", "inspect", "push")
    return (life.index(entry.name) if entry.name in life else len(life), entry.name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Errors are one message on standard error."""
    args = list(sys.argv[1:] if argv is None else argv)
    try:
        parser = build_parser()
        _explain_missing(parser, args)
        parsed = parser.parse_args(args)
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except GadgetError as error:
        return _fail(str(error), EXIT_FAILURE)
    except KeyboardInterrupt:
        return _fail("interrupted", EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader went away (| head): nothing is left to say to it. Python would complain at exit when it
        # flushes standard output once more, so give it somewhere to write.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _fail(message: str, code: int) -> int:
    label = "gadget: error:"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        label = f"\x1b[1;31m{label}\x1b[0m"
    print(f"{label} {message}", file=sys.stderr)
    return code


def _explain_missing(parser: argparse.ArgumentParser, args: Sequence[str]) -> None:
    name = next((arg for arg in args if not arg.startswith("-")), "")
    installed = {entry.name for entry in entry_points(group="gadget.commands")}
    if name in _ELSEWHERE and name not in installed:
        parser.error(f"gadget {name} is part of {_ELSEWHERE[name]}: pip install {_ELSEWHERE[name]}")


if __name__ == "__main__":
    sys.exit(main())
