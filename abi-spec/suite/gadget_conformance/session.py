"""A run of the suite from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from fnmatch import fnmatchcase
from importlib.util import find_spec
from time import perf_counter

from gadget_abi import Abi, EmbedderError

from .adapter import Adapter, Hello
from .case import Case, Mode, Run, load_cases, read_cases, runs_of
from .expectations import read_expectations
from .matrix import gaps, matrix, matrix_text
from .report import failure_text, result_table, summary, write_json, write_junit
from .runner import Outcome, Runners

__all__ = ["conform"]

_OWN = "gadget_host"


def conform(args: argparse.Namespace, abi: Abi) -> int:
    """Do what the command line says; the exit code.

    Raises:
        EmbedderError: it cannot be done.
    """
    cases = _chosen(args)
    if args.list:
        print("\n".join(f"{case.id}  {case.data['title']}" for case in cases))
        return 0
    cells = matrix(abi, cases)
    if args.matrix:
        print(matrix_text(cells))
        return 1 if gaps(cells) else 0
    expectations = read_expectations(args.expectations) if args.expectations else ()
    began = perf_counter()
    with ExitStack() as stack:
        command = _command(args.adapter)
        adapters = [stack.enter_context(Adapter(command, args.timeout)) for _ in range(args.jobs)]
        hello = adapters[0].hello
        runs = list(_runs(args, cases, abi, hello))
        if not runs:
            known = ", ".join(hello.releases) or "no release"
            raise EmbedderError(f"there is nothing to run: {hello.name} behaves as {known}")
        runners = stack.enter_context(Runners(adapters, expectations))
        outcomes = list(_watched(runners.run_all(runs), len(runs)))
    if args.json:
        write_json(args.json, hello, outcomes, cells, abi)
    if args.junit:
        write_junit(args.junit, hello, outcomes)
    _print(f"{hello.name} {hello.version}", outcomes, perf_counter() - began)
    return 1 if any(outcome.failed for outcome in outcomes) else 0


def _command(given: str | None) -> str | list[str]:
    if given is not None:
        return given
    if find_spec(_OWN) is None:
        raise EmbedderError("give an --adapter, or install gadget-host to ask that")
    return [sys.executable, "-m", f"{_OWN}.conformance"]


def _chosen(args: argparse.Namespace) -> list[Case]:
    cases = read_cases(args.cases) if args.cases else load_cases()
    found = [case for case in cases if args.only is None or fnmatchcase(case.id, args.only)]
    if not found:
        raise EmbedderError(f"no case fits {args.only!r}; --list prints them all")
    return found


def _runs(args: argparse.Namespace, cases: Iterable[Case], abi: Abi, hello: Hello) -> Iterator[Run]:
    modes: tuple[Mode, ...] = ("strict",) if args.strict else ("careful",)
    if modes[0] not in hello.modes:
        raise EmbedderError(
            f"{hello.name} has no {modes[0]} mode" + ("" if args.strict else "; ask with --strict")
        )
    known = {release.name for release in abi.releases}
    if args.release is not None and args.release not in known:
        raise EmbedderError(f"there is no release {args.release!r}; known are v0.30.0 to {abi.newest}")
    if args.set is not None and args.set not in {found.name for found in abi.signature_sets}:
        raise EmbedderError(
            f"there is no signature set {args.set!r}; there are sig-1 to {abi.signature_sets[-1].name}"
        )
    releases = [name for name in hello.releases if name in known and args.release in (None, name)]
    for case in cases:
        yield from runs_of(case, abi, modes, releases=releases, sets=None if args.set is None else [args.set])


# ------------------------------------------------------------------------------------------------- printing


def _watched(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    """The outcomes, with a line on a terminal that says how far it is."""
    terminal = sys.stderr.isatty()
    for number, outcome in enumerate(outcomes, start=1):
        if terminal:
            print(f"\r\x1b[K{number}/{total} {outcome.run}", end="", file=sys.stderr, flush=True)
        yield outcome
    if terminal:
        print("\r\x1b[K", end="", file=sys.stderr)


def _print(name: str, outcomes: Sequence[Outcome], seconds: float) -> None:
    for outcome in outcomes:
        if outcome.failed or outcome.status == "differs":
            print(_coloured(failure_text(outcome), outcome.failed) + "\n")
    print(f"{name}\n\n{result_table(outcomes)}\n\n{summary(outcomes, seconds)}")


def _coloured(text: str, bad: bool) -> str:
    if not sys.stdout.isatty():
        return text
    word, _, rest = text.partition(" ")
    return f"\x1b[{31 if bad else 33}m{word}\x1b[0m {rest}"
