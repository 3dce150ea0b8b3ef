"""What `gadget run` does, once its arguments are known."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path

from gadget_abi import EmbedderError, GadgetError, GuestError
from gadget_host._interrupt import StopSignals
from gadget_host._settings import Options
from gadget_host._target import Target, find_gadget, find_program
from gadget_host._terminal import Console, Progress, summary_line
from gadget_host.gadget import Gadget
from gadget_host.schema import SourceSchema
from gadget_host.streams import BadLines, EventReader, Output, read_schema_file
from gadget_host.streams.lines import STDIN
from gadget_host.streams.run import StreamRun

__all__ = ["run_command"]

EXIT_FAILED = 1


def run_command(args: argparse.Namespace) -> int:
    """Run a gadget over its inputs; returns the exit code.

    Raises:
        GadgetError: what went wrong, for one message.
        BrokenPipeError: nobody reads the output any more.
    """
    return _Command(args).run()


class _Command:
    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._console = Console()
        self._bad_lines = BadLines(self._console.note, stop=args.on_error == "stop")
        self._stop = StopSignals()

    def run(self) -> int:
        """Load, feed, finish, report."""
        args = self._args
        target = (
            find_program(args.gadget)
            if args.native
            else find_gadget(args.gadget, self._console.note, args.tag)
        )
        self._target = target
        params = target.params(dict(args.param))
        self._check_stats()
        schemas = self._schemas()
        with self._stop, ExitStack() as closing:
            readers = self._open(schemas)
            for reader in readers:
                closing.callback(reader.close)
            gadget = closing.enter_context(self._load(target, params))
            self._tell(gadget)
            code = self._stream(gadget, readers, schemas)
        return self._stop.exit_code or code

    def _load(self, target: Target, params: dict[str, str]) -> Gadget:
        settings: Options = {
            "params": params,
            "config": target.manifest.data if target.manifest else {},
            "log_level": self._args.log_level,
            "on_log": self._console.log,
            "clock": self._args.clock,
            "abi": self._args.abi,
            "release": self._args.release,
            "strict": self._args.strict,
        }
        if self._args.native:
            return _load_program(target.path, settings)
        settings["deadline"] = self._args.deadline
        return Gadget.load(target.module, name=target.path.name, **settings)

    def _tell(self, gadget: Gadget) -> None:
        """Say what the gadget is run as, where that is not what most are."""
        if gadget.abi != gadget.profile.abi.family_of(gadget.profile.abi.newest).name:
            self._console.note(f"{gadget.name} runs as on {gadget.decision}")

    def _check_stats(self) -> None:
        """Make sure that the figures can be written before there are any."""
        if path := self._args.stats:
            try:
                path.open("a").close()
            except OSError as error:
                raise EmbedderError(f"cannot write {path}: {error.strerror}") from None

    def _schemas(self) -> dict[str, SourceSchema]:
        schemas: dict[str, SourceSchema] = {}
        for path in self._args.schema:
            found, notes = read_schema_file(path)
            schemas.update((schema.name, schema) for schema in found)
            for note in notes:
                self._console.note(note)
        return schemas

    def _open(self, schemas: dict[str, SourceSchema]) -> list[EventReader]:
        """The inputs, in order; they share what is known of schemas."""
        if sum(path == STDIN for _, path in self._args.input) > 1:
            raise EmbedderError("two inputs are -, but standard input can be read only once")
        default = next(iter(schemas)) if len(schemas) == 1 else None
        return [
            EventReader(
                path, self._bad_lines, source=source, default=default, schemas=schemas, stop=self._stop
            )
            for source, path in self._args.input
        ]

    def _stream(
        self, gadget: Gadget, readers: Sequence[EventReader], schemas: dict[str, SourceSchema]
    ) -> int:
        progress = Progress(self._console, _total_size(readers))
        output = Output(sys.stdout.buffer, self._args.output, self._console.screen)
        run = StreamRun(
            gadget,
            output,
            self._bad_lines,
            self._console.note,
            show=self._args.show,
            after_batch=lambda events: progress.update(_position(readers), events),
        )
        try:
            self._start(run, readers, schemas)
            output.named = len(run.shown) > 1
            for reader in readers:
                run.feed(reader)
            run.finish()
        except BaseException as error:
            progress.close()
            with suppress(GuestError, BrokenPipeError):  # what went wrong first is what counts
                run.finish(write=not isinstance(error, BrokenPipeError))
            self._report(run)
            raise
        progress.close()
        self._report(run)
        return EXIT_FAILED if gadget.stats.errors else 0

    def _start(
        self, run: StreamRun, readers: Sequence[EventReader], schemas: dict[str, SourceSchema]
    ) -> None:
        for reader in readers:
            reader.start()
            if reader.inference:
                self._console.note(f"{reader.name}: {reader.inference}")
        self._ask_first(run.gadget, schemas)
        if self._stop.requested:  # while it waited for the first events: nothing has begun
            raise KeyboardInterrupt
        try:
            run.start(schemas.values())
        except GuestError as error:
            if run.gadget.missing_sources:
                asked, given = _names(run.gadget.missing_sources), _names(schemas)
                hint = f"the gadget asked for data source {asked}; the inputs have {given}"
                raise GuestError(f"{error}; {hint}") from None
            raise

    def _ask_first(self, gadget: Gadget, schemas: dict[str, SourceSchema]) -> None:
        """As the real host does before a run: load the gadget once more, without parameters, for what it adds."""
        if not gadget.profile.quirk("init-runs-twice"):
            return
        with self._load(self._target, {}) as asked:
            for schema in schemas.values():
                asked.add_source(schema)
            asked.init()

    def _report(self, run: StreamRun) -> None:
        """Say what was skipped, and how fast it was."""
        stats, note = run.gadget.stats, self._console.note
        self._console.repeated()
        if summary := self._bad_lines.summary():
            note(summary)
        if run.gadget.errors:
            calls = "1 call" if stats.errors == 1 else f"{stats.errors:,} calls"
            note(f"{calls} of the gadget failed; the last: {run.gadget.errors[-1]}")
        if self._console.err_is_terminal or self._args.stats:
            note(
                summary_line(
                    run.events, stats.events_out, run.seconds, stats.seconds_guest, stats.guest_pages
                )
            )
        if path := self._args.stats:
            figures = asdict(stats) | {"errors": stats.errors + self._bad_lines.count}
            path.write_text(json.dumps(figures, indent=2) + "\n")


def _load_program(program: Path, settings: Options) -> Gadget:
    """Load a program natively; an exception it raises is shown from its own frames on."""
    from gadget_host import native

    try:
        return native.load(program, **settings)
    except GadgetError:
        raise
    except Exception as error:
        frame = error.__traceback__
        while frame and frame.tb_next and frame.tb_frame.f_code.co_filename != str(program.resolve()):
            frame = frame.tb_next
        text = "".join(traceback.format_exception(type(error), error, frame)).rstrip()
        raise GuestError(f"the program cannot be imported:\n{text}", module=program.name) from None


def _names(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"


def _position(readers: Sequence[EventReader]) -> int:
    return sum(reader.stream.position for reader in readers)


def _total_size(readers: Sequence[EventReader]) -> int:
    """Bytes of all inputs; 0 when one of them is a pipe."""
    if any(reader.stream.live for reader in readers):
        return 0
    return sum(reader.stream.size for reader in readers)
