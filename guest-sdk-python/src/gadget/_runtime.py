"""What the host calls: the gadget's exports. The entry module that the linker writes delegates to these
functions.

Every one of them returns 0, or 1 when the phase failed; the reason is in the log then. No exception leaves
them: it would end the module.
"""

import sys
from collections.abc import Callable

from . import _traceback
from ._abi import LogLevel
from ._callbacks import data_source_callback
from ._errors import GadgetError
from ._handles import carry_out
from ._hooks import hooks
from ._host import host

__all__ = [
    "data_source_callback",
    "gadget_init",
    "gadget_post_stop",
    "gadget_pre_start",
    "gadget_start",
    "gadget_stop",
]


def gadget_init() -> int:
    """Fetch, create and subscribe what is declared at module level, then run the hooks."""
    host.attach()
    return _declarations("gadgetInit") or _run("gadgetInit")


def gadget_pre_start() -> int:
    """Run the hooks."""
    return _run("gadgetPreStart")


def gadget_start() -> int:
    """Fetch the maps that are declared at module level, then run the hooks."""
    return _declarations("gadgetStart") or _run("gadgetStart")


def gadget_stop() -> int:
    """Run the hooks, all of them even if one fails."""
    return _run("gadgetStop", every=True)


def gadget_post_stop() -> int:
    """Run the hooks, all of them even if one fails. From then on there is no host."""
    failed = _run("gadgetPostStop", every=True)
    host.detach()
    return failed


def _declarations(phase: str) -> int:
    try:
        carry_out(phase)
    except GadgetError as error:
        # Its message names the line, and its traceback would show only this package.
        host.gadget_log(int(LogLevel.Error), f"{phase}: {error}".encode("utf-8", "backslashreplace"))
        return 1
    except BaseException as error:
        _traceback.log(error)
        return 1
    return 0


def _run(phase: str, *, every: bool = False) -> int:
    failed = 0
    for hook in hooks[phase]:
        if _fails(hook):
            failed = 1
            if not every:
                break
    _fails(sys.stdout.flush)
    _fails(sys.stderr.flush)
    return failed


def _fails(hook: Callable[[], object]) -> bool:
    try:
        hook()
    except BaseException as error:
        _traceback.log(error)
        return True
    return False
