"""The log: levels, lazy arguments, print, and the standard library's logging."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

LEVELS = ["error", "warn", "info", "debug", "trace"]


@pytest.fixture
def sdk(run: Any) -> Any:
    """The SDK with a host."""
    return run("import gadget\n").module.gadget


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_a_method(host: Any, sdk: Any, level: str) -> None:
    """Arguments are put where the message has directives."""
    getattr(sdk.log, level)("%s opened %d", "cat", 3)
    getattr(sdk.log, level)("100%")
    number = LEVELS.index(level)
    assert host.logs == [(number, "cat opened 3"), (number, "100%")]


def test_arguments_of_a_line_nobody_wants_are_not_formatted(host: Any, sdk: Any) -> None:
    """The host is asked first."""

    class Expensive:
        def __str__(self) -> str:
            raise AssertionError("formatted")

    host.log_level = 2
    sdk.log.debug("%s", Expensive())
    assert (host.logs, host.calls) == ([], ["gadget_should_log"])
    assert (sdk.log.enabled(sdk.LogLevel.Debug), sdk.log.enabled(sdk.LogLevel.Info)) == (False, True)


def test_any_text_can_be_logged(host: Any, sdk: Any) -> None:
    """What is no UTF-8 shows as an escape, and a log line never raises."""
    sdk.log.info("\u20ac \udcff \ud800")
    assert host.logs == [(2, "\u20ac \\udcff \\ud800")]


def test_exception_logs_the_traceback_below_a_message(host: Any, run: Any) -> None:
    """For errors that a gadget deals with."""
    run(
        """
        import gadget

        @gadget.on_start
        def start():
            try:
                1 / 0
            except ZeroDivisionError as error:
                gadget.log.exception(error, "while %s", "starting")
                gadget.log.exception(error)
        """
    )
    trace = 'Traceback (most recent call last):\n  File "program.py", line 7, in start\n'
    trace += "ZeroDivisionError: division by zero"
    assert host.logs == [(0, f"while starting\n{trace}"), (0, trace)]


@contextlib.contextmanager
def streams() -> Iterator[None]:
    """sys.stdout and sys.stderr as a gadget in wasm has them."""
    before = sys.stdout, sys.stderr
    sys.modules["gadget._stdio"].install()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


@pytest.mark.usefixtures("sdk")
def test_print_writes_lines_to_the_log(host: Any) -> None:
    """stdout at info, stderr at warn; a line is written when it ends."""
    with streams():
        print("one\ntwo")
        print("a", end="")
        print("b", "c")
        print("oops", file=sys.stderr)
        print()
    assert host.logs == [(2, "one"), (2, "two"), (2, "ab c"), (1, "oops"), (2, "")]


@pytest.mark.usefixtures("sdk")
def test_a_line_that_does_not_end_is_written_by_flush(host: Any) -> None:
    """Or when it grows beyond 16 KiB."""
    with streams():
        print("part", end="", flush=True)
        sys.stdout.write("x" * 20000)
        properties = (sys.stdout.isatty(), sys.stdout.encoding)
    assert host.logs == [(2, "part"), (2, "x" * 20000)]
    assert properties == (False, "utf-8")


def test_what_is_printed_in_a_hook_is_logged_when_it_ends(host: Any, load: Any) -> None:
    """Whether the line ended or not."""
    gadget = load("import gadget\n@gadget.on_init\ndef init():\n    print('no newline', end='')\n")
    with streams():
        assert gadget.init() == 0
    assert host.logs == [(2, "no newline")]


def test_before_there_is_a_host_print_goes_where_it_did(host: Any, load: Any, capsys: Any) -> None:
    """What a module prints while it is built is for the person who builds it."""
    load("import gadget\n")
    with streams():
        print("building", flush=True)
    assert (capsys.readouterr().out, host.logs) == ("building\n", [])


def test_natively_print_is_left_alone(load: Any) -> None:
    """A debugger needs its terminal."""
    before = sys.stdout
    load("import gadget\n")
    assert sys.stdout is before


def test_the_standard_librarys_logging_goes_to_the_log(host: Any, run: Any) -> None:
    """Each record at the nearest level, exceptions with their traceback."""
    run(
        """
        import logging
        import gadget
        import gadget.logging

        logger = logging.getLogger("program")
        logger.addHandler(gadget.logging.Handler())
        logger.setLevel(1)
        logger.propagate = False

        @gadget.on_start
        def start():
            for level in (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5):
                logger.log(level, "%d", level)
            try:
                1 / 0
            except ZeroDivisionError:
                logger.exception("no")
        """
    )
    assert host.logs[:6] == [(0, "50"), (0, "40"), (1, "30"), (2, "20"), (3, "10"), (4, "5")]
    assert host.logs[6][1].startswith("no\nTraceback (most recent call last):")
