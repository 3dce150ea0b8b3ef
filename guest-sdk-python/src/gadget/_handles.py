"""Things the host keeps for the gadget under a number, a handle: sources, fields, maps, perf readers.

A handle is fetched when it is first needed. What is declared at module level, where there is no host yet,
waits for the phase of the gadget's life it belongs to and is fetched then, in order of declaration: a wrong
name is found at the start, and the message names its line.
"""

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

from ._errors import GadgetError, HostError, ReleasedError
from ._host import host
from ._where import where

__all__ = ["Handle", "carry_out", "declare"]

_NOT_YET = 0  # the ABI's "no handle"
_CLOSED = -1

_declared: dict[str, list[tuple[str, Callable[[], object]]]] = {"gadgetInit": [], "gadgetStart": []}


def declare(action: Callable[[], object], phase: str = "gadgetInit") -> None:
    """Do something with the host: now if there is one, else in the given phase, in order of declaration."""
    if host.attached:
        action()
    else:
        _declared[phase].append((where(), action))


def carry_out(phase: str) -> None:
    """Do what was declared for a phase. Raises the first error, with the line of the declaration in front."""
    while _declared[phase]:
        line, action = _declared[phase].pop(0)
        try:
            action()
        except GadgetError as error:
            error.args = (f"{line}: {error}",)
            raise


class Handle:
    """Base of everything that has a handle. Its string is what messages call it: ``source 'open'``."""

    __slots__ = ("_handle", "where")

    def __init__(self) -> None:
        self._handle = _NOT_YET
        self.where = where()

    @property
    def handle(self) -> int:
        """The number by which the host knows this. Asking for it fetches it.

        Raises:
            NotFoundError, HostError: the host refuses.
            NoHostError: at import time.
            ReleasedError: after close().
        """
        if self._handle > 0:
            return self._handle
        if self._handle == _CLOSED:
            raise ReleasedError(f"{self}, declared at {self.where}, is used after it was closed")
        self._handle = self._fetch()
        return self._handle

    def close(self) -> None:
        """Give the handle back; the host has room for 4096. Closing twice is allowed."""
        handle, self._handle = self._handle, _CLOSED
        if handle > 0:
            self._give_back(handle)

    def _fetch(self) -> int:
        raise NotImplementedError

    def _give_back(self, handle: int) -> None:
        if host.release_handle(handle):
            raise HostError("releaseHandle", f"the host does not know the handle of {self}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # Only the number goes back: whether the thing behind it is closed too is close()'s business. Natively the
        # host may be gone by now, and every number with it.
        if self._handle > 0 and host.attached:
            with suppress(Exception):
                host.release_handle(self._handle)
