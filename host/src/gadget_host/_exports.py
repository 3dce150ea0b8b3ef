"""The functions of a guest that the host calls by name: start function, version, lifecycle hooks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import wasmtime

from gadget_abi import GuestError, Profile

from ._host import Hooks

__all__ = ["Exports"]


class Exports:
    """A guest's exports, called as a release calls them: what that release does not know, it does not call.

    Args:
        hooks: the door to the guest.
        profile: the release.
        found: the exports of the guest, by name.
        start: the name of the one that is the function of its (start) section, if it has any.
    """

    def __init__(
        self, hooks: Hooks, profile: Profile, found: Mapping[str, Any], start: str | None = None
    ) -> None:
        self._hooks, self._profile, self._found, self._start = hooks, profile, found, start
        self.calls = 0
        """How many there were."""

    def function(self, name: str) -> wasmtime.Func | None:
        """The exported function of that name; None when there is none, or the release does not look for it."""
        found = self._found.get(name)
        return found if isinstance(found, wasmtime.Func) and name in self._profile.exports else None

    def start_functions(self) -> None:
        """Run what runs right after instantiation: the (start) section, then `_initialize`, or until v0.37 `_start`.

        Raises:
            GuestError: one of them failed.
        """
        if self._start is not None:
            self._call("(start)", self._found[self._start])
        name = "_initialize" if self._profile.changed("start-function-is-initialize") else "_start"
        if function := self.function(name):
            self._call(name, function)

    def check_version(self) -> None:
        """Call gadgetAPIVersion, a raw stack slot: an i32 will do.

        Raises:
            GuestError: it failed, or returned another version than the one there is.
        """
        function, expected = self.function("gadgetAPIVersion"), self._profile.abi.api_version
        assert function is not None, "its absence is refused at load"
        version = self._call("gadgetAPIVersion", function)
        if version != expected:
            raise self._failed("gadgetAPIVersion", f"returned {version}; this host knows version {expected}")

    def hook(self, name: str, *, deadline: float | None = None) -> None:
        """Run a lifecycle hook, if the guest has it. Strict hosts take one of any type (quirk hook-type).

        Raises:
            GuestError: it failed, or returned another number than 0.
        """
        if (function := self.function(name)) is None:
            return
        type_ = function.type(self._hooks.store)
        if type_.params:
            raise self._failed(name, f"takes {len(type_.params)} parameters and is called with none")
        result = self._call(name, function, deadline)
        if not type_.results:
            self._hooks.end(name, "returns nothing, and the real host dies when it looks for the result")
        first = result[0] if isinstance(result, list) else result
        if _is_set(first):
            raise self._failed(name, f"failed: it returned {first}")

    def _call(self, name: str, function: wasmtime.Func, deadline: float | None = None) -> Any:
        self.calls += 1
        return self._hooks.call(function, function=name, deadline=deadline)

    def _failed(self, function: str, reason: str) -> GuestError:
        error = GuestError(reason, module=self._hooks.module, function=function)
        self._hooks.note(error)
        return error


def _is_set(result: float) -> bool:
    """Whether any bit of a result is: -0.0 has one."""
    return result != 0 or math.copysign(1, result) < 0
