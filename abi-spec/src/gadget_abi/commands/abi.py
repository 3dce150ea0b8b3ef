"""gadget abi: look into the table, and compare releases and modules."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

import gadget_abi
from gadget_abi.commands.abi_diff import compare
from gadget_abi.commands.abi_list import list_json, list_text
from gadget_abi.commands.abi_show import show
from gadget_abi.commands.text import paragraph
from gadget_abi.diff import KINDS, model

__all__ = ["register"]


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the sub-command and its own."""
    parser = commands.add_parser(
        "abi",
        help="list the releases of the ABI, show what is in it, compare two releases or modules",
        description="What the ABI is like in every release.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _list(actions)
    _show(actions)
    _diff(actions)


def _list(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "List the releases with date, signature set, link family and number of functions."
    parser = actions.add_parser("list", help="the releases", description=text)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run_list)


def _show(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = (
        "Show a host function in all its forms, an export, a release, a signature set, a link family, a group, an "
        "enum, a limit, a layout, an encoding, or a change or quirk by its id. Upper and lower case are the same."
    )
    parser = actions.add_parser(
        "show", help="one of them, or a function, export, quirk ...", description=text
    )
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_run_show)


def _diff(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = actions.add_parser(
        "diff",
        help="what is different, and whom it breaks",
        description=paragraph(
            "Compare two releases, two modules, or a release and a module. Either side may be the newer one. "
            "Exit code 0, also when there are differences; 1: a file cannot be read, or with --exit-code something "
            "breaks."
        ),
        epilog="\n".join(_rules()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("a", metavar="A", help="a release (v0.34.0, newest) or a .wasm file")
    parser.add_argument("b", metavar="B", help="the same")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 1 when guests of A break on B, or B runs on fewer releases",
    )
    parser.set_defaults(run=_run_diff)


def _rules() -> Iterator[str]:
    assert model.__doc__ is not None
    for text in model.__doc__.strip().split("\n\n")[:-1]:
        yield from map(paragraph, text.splitlines() if text.startswith("*") else [" ".join(text.split())])
        yield ""
    for kind, rule in KINDS.items():
        breaks = f"at {rule.when}, breaks {rule.whom or 'guests'}" if rule.when else "breaks nobody"
        why = f" ({rule.why})" if rule.why else ""
        yield paragraph(f"{breaks}; hosts: {rule.hosts or 'nothing'}{why}", first=f"  {kind:18}")


def _run_list(args: argparse.Namespace) -> int:
    abi = gadget_abi.load()
    print(json.dumps(list_json(abi), indent=2) if args.json else list_text(abi))
    return 0


def _run_show(args: argparse.Namespace) -> int:
    found = show(gadget_abi.load(), args.name)
    print(json.dumps(found.json, indent=2) if args.json else found.text)
    return 0


def _run_diff(args: argparse.Namespace) -> int:
    found = compare(gadget_abi.load(), args.a, args.b)
    print(json.dumps(found.json, indent=2) if args.json else found.text)
    return int(args.exit_code and found.breaks)
