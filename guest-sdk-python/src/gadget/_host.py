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
from ._kinds import String
from ._where import where

__all__ = ["host"]


_SHORT = (
    "field_get_scalar",
    "field_get_buffer",
    "field_get_text",
    "field_set_scalar",
    "field_set_buffer",
    "field_set_text",
)


class NeverRaisedError(Exception):
    """Stands for Err while there is no host."""


class Host:
    """The host's functions as attributes, by the snake_case names of the WIT world.

    Two more read and write texts: field_get_text(field, data, capacity), None for what cannot be read, and
    field_set_text(field, data, text), not 0 when the host refuses.
    """

    attached = False
    Err: type[Exception] = NeverRaisedError
    """What a function raises whose WIT result is an error; ``.value`` is the ABI's error code."""

    def attach(self) -> None:
        """From now on there is a host."""
        self._functions = import_module("wit_world")
        try:
            self._shorten(import_module("gadget_native"))
        except ImportError:  # natively
            self.field_get_text, self.field_set_text = self._get_text, self._set_text
        self.Err = import_module("componentize_py_types").Err
        self.attached = True

    def _shorten(self, native: Any) -> None:
        """Take the short way, a library in wasm, for what happens with every event."""
        for name in _SHORT:
            setattr(self, name, getattr(native, name))
        native.set_callback(import_module("gadget._callbacks").data_source_callback)

    def _get_text(self, field: int, data: int, capacity: int) -> str | None:
        raw: bytes | None = self.field_get_buffer(field, data, String.number, capacity)
        return None if raw is None else raw.decode("utf-8", "surrogateescape")

    def _set_text(self, field: int, data: int, text: str) -> int:
        failed: int = self.field_set_buffer(field, data, String.number, str.encode(text))
        return failed

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
