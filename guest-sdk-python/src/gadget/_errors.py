"""Errors, by whose fault they are: the host refuses, or the gadget uses what it does not have."""

__all__ = ["GadgetError", "HostError", "NoHostError", "NotFoundError", "ReleasedError"]


class GadgetError(Exception):
    """Base of every error this package raises on its own account."""


class HostError(GadgetError):
    """A host function answered with an error.

    The ABI's errors are one bit, so the reason is what this side knows about the call; the host's own log has
    the rest.

    Attributes:
        function: the ABI's name of the function, such as ``fieldSet``.
    """

    def __init__(self, function: str, reason: str):
        super().__init__(f"{reason} ({function})")
        self.function = function


class NotFoundError(HostError, LookupError):
    """The host has no source, field, map, parameter or syscall of that name."""


class NoHostError(GadgetError, RuntimeError):
    """The host is needed while there is none: at import time, which is build time."""


class ReleasedError(GadgetError):
    """An event, packet, array or handle is used after it was given back."""


for _error in (GadgetError, HostError, NoHostError, NotFoundError, ReleasedError):
    _error.__module__ = "gadget"  # where an author finds them, and what a traceback calls them
