"""The seam: every call to the host goes through here.

In wasm the functions are those that componentize-py generates from the WIT world, in the module
``wit_world``; natively another module of that name stands in. While a gadget is built its module is imported
without any host, and calling one of those functions would end the build without a word: until gadgetInit this
object raises instead.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ._errors import NoHostError
from ._where import where

__all__ = ["host"]


class NeverRaisedError(Exception):
    """Stands for Err while there is no host."""


class Host:
    """The host's functions as attributes, by the snake_case names of the WIT world."""

    attached = False
    Err: type[Exception] = NeverRaisedError
    """What a function raises whose WIT result is an error; ``.value`` is the ABI's error code."""

    def attach(self) -> None:
        """From now on there is a host."""
        self._functions = import_module("wit_world")
        self.Err = import_module("componentize_py_types").Err
        self.attached = True

    def detach(self) -> None:
        """The run is over: all handles are gone."""
        self.__dict__.clear()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Called for a function's first use only: from then on it is an ordinary attribute."""
        if not self.attached:
            raise NoHostError(
                f"{where()}: this needs the host, and while the gadget is imported there is none: "
                f"call it in a hook such as @gadget.on_start, or in a callback ({name})"
            )
        function: Callable[..., Any] = getattr(self._functions, name)
        setattr(self, name, function)
        return function


host = Host()
