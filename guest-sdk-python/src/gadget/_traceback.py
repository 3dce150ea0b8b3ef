"""Tracebacks for the log, as Python prints them but for the source lines, which the wasm module does not
hold.

Not the standard library's traceback module: importing it makes the gadget's memory at start a megabyte
larger.
"""

from contextlib import suppress
from types import TracebackType

from ._abi import LogLevel
from ._host import host
from ._where import ours, relative

__all__ = ["describe", "log"]

_CAUSE = "\nThe above exception was the direct cause of the following exception:\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n"
_REPEATS_SHOWN = 3


def log(error: BaseException) -> None:
    """Write an exception with its traceback to the log, at level error. Never raises."""
    try:
        text = describe(error)
    except BaseException as another:  # a broken __str__, or no memory left
        text = f"{type(error).__name__} (and its description failed: {type(another).__name__})"
    with suppress(Exception):
        host.gadget_log(int(LogLevel.Error), text.encode("utf-8", "backslashreplace"))


def describe(error: BaseException) -> str:
    """An exception, its traceback, and the exceptions that led to it, oldest first."""
    return "\n".join(_chain(error, set()))


def _chain(error: BaseException, seen: set[int]) -> list[str]:
    seen.add(id(error))
    lines: list[str] = []
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and id(earlier) not in seen:
        lines += [*_chain(earlier, seen), _CAUSE if error.__cause__ else _CONTEXT]
    return lines + _frames(error.__traceback__) + _name_and_text(error, seen)


def _frames(trace: TracebackType | None) -> list[str]:
    places = _places(trace)
    lines = ["Traceback (most recent call last):"] if places else []
    previous, repeats = "", 0
    for place in [*places, ""]:
        if place == previous:
            repeats += 1
        else:
            if repeats >= _REPEATS_SHOWN:
                lines.append(f"  [Previous line repeated {repeats - _REPEATS_SHOWN + 1} more times]")
            previous, repeats = place, 0
        if place and repeats < _REPEATS_SHOWN:
            lines.append(place)
    return lines


def _places(trace: TracebackType | None) -> list[str]:
    """The lines of a traceback: the author's, and those of this package only where there is no other."""
    places: list[str] = []
    our_places: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f'  File "{relative(code.co_filename)}", line {trace.tb_lineno}, in {code.co_name}'
        (our_places if ours(trace.tb_frame.f_globals.get("__name__", "")) else places).append(place)
        trace = trace.tb_next
    return places or our_places


def _name_and_text(error: BaseException, seen: set[int]) -> list[str]:
    kind, text = type(error), str(error)
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    name = module + kind.__qualname__
    lines = [f"{name}: {text}" if text else name, *getattr(error, "__notes__", ())]
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            lines += [f"  | {line}" for part in _chain(inner, seen) for line in part.split("\n")]
    return lines
