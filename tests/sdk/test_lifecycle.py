"""Hooks, their failures, and the traceback of an exception."""

import textwrap
from typing import Any

import pytest


def trace(text: str) -> str:
    """A traceback as it stands in the log."""
    return textwrap.dedent(text).strip("\n")


PHASES = ["gadget_init", "gadget_pre_start", "gadget_start", "gadget_stop", "gadget_post_stop"]


def test_hooks_run_in_their_phase_in_order_of_declaration(host: Any, load: Any) -> None:
    """Several of a phase are allowed, and each decorator gives the function back."""
    gadget = load(
        """
        import gadget
        ran = []
        for name in ("on_init", "on_pre_start", "on_start", "on_stop", "on_post_stop"):
            decorator = getattr(gadget, name)
            hook = decorator(lambda name=name: ran.append(name + " 1"))
            decorator(lambda name=name: ran.append(name + " 2"))
            assert callable(hook)
        """
    )
    for phase in PHASES:
        assert getattr(gadget.exports, phase)() == 0
    names = ("on_init", "on_pre_start", "on_start", "on_stop", "on_post_stop")
    assert gadget.module.ran == [f"{name} {n}" for name in names for n in (1, 2)]


@pytest.mark.parametrize(
    ("hook", "later"), [("init", 0), ("pre_start", 0), ("start", 0), ("stop", 1), ("post_stop", 1)]
)
def test_a_hook_that_raises_fails_its_phase(host: Any, load: Any, hook: str, later: int) -> None:
    """Its traceback is in the log. What begins stops at the first failure; what ends runs to the end."""
    gadget = load(
        f"""
        import gadget
        ran = []

        @gadget.on_{hook}
        def breaks():
            raise RuntimeError("no")

        @gadget.on_{hook}
        def second():
            ran.append(1)
        """
    )
    statuses = {phase: getattr(gadget.exports, phase)() for phase in PHASES}
    assert statuses == {phase: int(phase == f"gadget_{hook}") for phase in PHASES}
    expected = """
        Traceback (most recent call last):
          File "program.py", line 7, in breaks
        RuntimeError: no
        """
    assert host.logs == [(0, trace(expected))]
    assert len(gadget.module.ran) == later


@pytest.mark.parametrize("leave", ["raise SystemExit(0)", "raise KeyboardInterrupt", "exit(3)"])
def test_leaving_fails_the_phase_and_nothing_else(host: Any, load: Any, leave: str) -> None:
    """Exceptions that would end a program do not end a gadget."""
    gadget = load(f"import gadget\n\n@gadget.on_start\ndef leave():\n    {leave}\n")
    assert (gadget.exports.gadget_init(), gadget.exports.gadget_start()) == (0, 1)
    assert "in leave" in host.logs[0][1]


def test_an_exception_in_a_callback_is_logged_and_the_gadget_goes_on(host: Any, run: Any) -> None:
    """With the lines of nested calls, in files as the author knows them."""
    source = host.source("in", a=12)
    gadget = run(
        """
        import gadget
        import helper
        source = gadget.source("in")
        a = source.field("a", str)

        @source.on_event
        def check(event):
            helper.parse(event[a])
        """,
        helper="""
        import json

        def parse(text):
            return json.loads(text)
        """,
    )
    assert host.emit(source, {"a": b"{"})[0] == {"a": b"{"}
    host.emit(source, {"a": b"{}"})
    lines = host.logs[0][1].split("\n")
    assert lines[:3] == [
        "Traceback (most recent call last):",
        '  File "program.py", line 9, in check',
        '  File "helper.py", line 5, in parse',
    ]
    assert lines[3].startswith('  File "json/__init__.py", line ')
    assert lines[-1].startswith("json.decoder.JSONDecodeError: Expecting property name")
    assert (len(host.logs), gadget.exports.gadget_stop()) == (1, 0)


def test_chained_exceptions_are_logged_with_what_led_to_them(host: Any, load: Any) -> None:
    """The oldest first, in Python's own words."""
    load(
        """
        import gadget

        @gadget.on_init
        def init():
            try:
                try:
                    {}["a"]
                except KeyError as error:
                    raise ValueError("bad") from error
            except ValueError:
                raise OSError("worse")
        """
    ).init()
    expected = """
        Traceback (most recent call last):
          File "program.py", line 8, in init
        KeyError: 'a'

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "program.py", line 10, in init
        ValueError: bad

        During handling of the above exception, another exception occurred:

        Traceback (most recent call last):
          File "program.py", line 12, in init
        OSError: worse
        """
    assert host.logs == [(0, trace(expected))]


def test_raise_from_none_shows_the_last_exception_only(host: Any, load: Any) -> None:
    """As in Python."""
    load(
        """
        import gadget

        @gadget.on_init
        def init():
            try:
                1 / 0
            except ZeroDivisionError:
                raise ValueError from None
        """
    ).init()
    expected = """
        Traceback (most recent call last):
          File "program.py", line 9, in init
        ValueError
        """
    assert host.logs == [(0, trace(expected))]


def test_notes_and_groups_are_logged(host: Any, load: Any) -> None:
    """Below the exception they belong to."""
    load(
        """
        import gadget

        @gadget.on_init
        def init():
            error = ValueError("one")
            error.add_note("a note")
            raise ExceptionGroup("several", [error, TypeError("two")])
        """
    ).init()
    expected = """
        Traceback (most recent call last):
          File "program.py", line 8, in init
        ExceptionGroup: several (2 sub-exceptions)
          | ValueError: one
          | a note
          | TypeError: two
        """
    assert host.logs == [(0, trace(expected))]


def test_a_recursion_is_not_logged_a_thousand_times(host: Any, load: Any) -> None:
    """Repeated lines are counted."""
    load(
        """
        import gadget

        def down(n):
            if n:
                down(n - 1)
            else:
                1 / 0

        @gadget.on_init
        def init():
            down(50)
        """
    ).init()
    expected = """
        Traceback (most recent call last):
          File "program.py", line 12, in init
          File "program.py", line 6, in down
          File "program.py", line 6, in down
          File "program.py", line 6, in down
          [Previous line repeated 47 more times]
          File "program.py", line 8, in down
        ZeroDivisionError: division by zero
        """
    assert host.logs == [(0, trace(expected))]


def test_an_exception_that_cannot_be_shown_is_still_logged(host: Any, load: Any) -> None:
    """Logging an exception never raises another."""
    load(
        """
        import gadget

        class Broken(Exception):
            def __str__(self):
                raise ValueError

        @gadget.on_init
        def init():
            raise Broken
        """
    ).init()
    assert host.logs == [(0, "Broken (and its description failed: ValueError)")]


def test_after_post_stop_there_is_no_host(host: Any, load: Any) -> None:
    """Handles are gone; objects that are dropped later do not bother the host."""
    gadget = load('import gadget\nout = gadget.new_source("out")\n')
    for phase in PHASES:
        assert getattr(gadget.exports, phase)() == 0
    calls = len(host.calls)
    gadget.module.out.__del__()
    with pytest.raises(gadget.module.gadget.NoHostError):
        gadget.module.gadget.log.info("late")
    assert len(host.calls) == calls
