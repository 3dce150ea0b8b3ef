"""Hooks: functions of the gadget that run when a phase of its life begins or ends."""

from collections.abc import Callable
from typing import TypeVar

__all__ = ["hooks", "on_init", "on_post_stop", "on_pre_start", "on_start", "on_stop"]

Hook = TypeVar("Hook", bound=Callable[[], object])

hooks: dict[str, list[Callable[[], object]]] = {
    phase: [] for phase in ("gadgetInit", "gadgetPreStart", "gadgetStart", "gadgetStop", "gadgetPostStop")
}
"""By the ABI's names of the phases, in order of declaration."""


def on_init(hook: Hook) -> Hook:
    """Decorator: run a function in gadgetInit, when what is declared at module level is there.

    Also run in a gadget that is only asked for its sources and fields, and then without parameters.
    """
    return _add("gadgetInit", hook)


def on_pre_start(hook: Hook) -> Hook:
    """Decorator: run a function in gadgetPreStart, before any operator starts."""
    return _add("gadgetPreStart", hook)


def on_start(hook: Hook) -> Hook:
    """Decorator: run a function in gadgetStart; the eBPF program's maps are there."""
    return _add("gadgetStart", hook)


def on_stop(hook: Hook) -> Hook:
    """Decorator: run a function in gadgetStop: the last chance to emit."""
    return _add("gadgetStop", hook)


def on_post_stop(hook: Hook) -> Hook:
    """Decorator: run a function in gadgetPostStop, after every operator stopped; all handles are gone."""
    return _add("gadgetPostStop", hook)


def _add(phase: str, hook: Hook) -> Hook:
    hooks[phase].append(hook)
    return hook
