"""What the tests of quirks share."""

from collections.abc import Callable

import pytest

from gadget_host._state import TrapError
from tests.plane.rig import ABI, Rig

RELEASES = ["v0.34.0", "v0.37.0", "v0.38.1", ABI.newest]
"""One of each way a host may behave."""

strict = pytest.mark.parametrize("strict", [False, True], ids=["careful", "strict"])
everywhere = pytest.mark.parametrize("release", RELEASES)


def expect_failure(
    rig: Rig, call: Callable[[], int], trap: bool, errors: tuple[int, ...] = (0, 1, -1)
) -> None:
    """The call gives an error value and a warning says why, or it traps and says why."""
    rig.hooks.warnings.clear()
    if trap:
        with pytest.raises(TrapError, match=r"^\w+: \w+"):
            call()
    else:
        assert call() in errors
    assert len(rig.hooks.warnings) == (0 if trap else 1)
