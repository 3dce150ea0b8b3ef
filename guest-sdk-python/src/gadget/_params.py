"""Parameters: what the person who runs the gadget can set, declared in gadget.yaml."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from ._checks import encoded
from ._errors import NotFoundError
from ._host import host
from ._where import where

__all__ = ["Param", "param"]

T = TypeVar("T")

_CAPACITY = 64 << 10  # bytes; the host tells neither how long a value is nor that it did not fit
_TRUE = ("1", "t", "true", "y", "yes", "on")
_FALSE = ("0", "f", "false", "n", "no", "off")

_missing: Any = object()


class Param(Generic[T]):
    """A parameter. Its value is asked for when it is first used, in a hook or callback, and does not change
    then.

    Attributes:
        key: its name in gadget.yaml.
    """

    __slots__ = ("_default", "_key", "_parse", "_value", "key", "where")

    def __init__(self, key: str, parse: Callable[[str], T], default: T):
        self.key = key
        self._key = encoded(key)
        self.where = where()
        self._parse = parse
        self._default = default
        self._value: T = _missing

    def __repr__(self) -> str:
        return f"<param {self.key!r}>"

    @property
    def value(self) -> T:
        """The value.

        Where the host has none, or an empty one for anything but a str, it is the default: a gadget is also
        started just to be asked for its sources, without parameters.

        Raises:
            NotFoundError: no value and no default.
            ValueError: the text is none of the type.
            NoHostError: at import time.
        """
        if self._value is _missing:
            self._value = self._ask()
        return self._value

    def _ask(self) -> T:
        text = _text_of(self._key)
        if self._default is not _missing and (text is None or (text == "" and self._parse is not str)):
            return self._default
        if text is None:
            raise NotFoundError(
                "getParamValue", f"{self!r}, declared at {self.where}, has no value and no default"
            )
        try:
            return self._parse(text)
        except ValueError as error:
            raise ValueError(f"parameter {self.key!r} is {text!r}: {error}") from None


@overload
def param(key: str) -> Param[str]: ...


@overload
def param(key: str, *, type: Callable[[str], T]) -> Param[T]: ...


@overload
def param(key: str, *, default: T) -> Param[T]: ...


@overload
def param(key: str, *, default: T, type: Callable[[str], T]) -> Param[T]: ...


def param(key: str, *, default: Any = _missing, type: Callable[[str], Any] | None = None) -> Param[Any]:
    """Declare a parameter; ``.value`` is its value.

    Args:
        key: its name in gadget.yaml.
        default: the value where the host has none. gadget.yaml's own default is filled in by the client, not
            by the host, so say it here as well.
        type: str, int (also ``0x1f``), float, bool (true, false, 1, 0, yes, no, on, off), or any function
            that makes a value of a text. By default the type of the default, else str.
    """
    if type is None:
        type = str if default is _missing or default is None else default.__class__
    parsers: dict[Any, Callable[[str], Any]] = {int: _int, bool: _bool}
    return Param(key, parsers.get(type, type), default)


def _text_of(key: bytes) -> str | None:
    try:
        raw: bytes = host.get_param_value(key, _CAPACITY)
    except host.Err:
        return None
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return int(text, 0)


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f"neither {', '.join(_TRUE)} nor {', '.join(_FALSE)}")
