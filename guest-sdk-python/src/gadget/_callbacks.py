"""dataSourceCallback: from the number of a subscription to the function that subscribed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _traceback
from ._abi import SubscriptionType
from ._errors import HostError
from ._host import host
from ._packets import Transient

if TYPE_CHECKING:
    from ._datasource import AnySource

__all__ = ["data_source_callback", "subscribe"]

_subscriptions: list[tuple[type[Transient], Callable[[Any], object]]] = []
"""What a function is given, and the function, by the callback id that the host hands back."""


def subscribe(
    source: "AnySource",
    type: SubscriptionType,
    priority: int,
    given: type[Transient],
    function: Callable[[Any], object],
) -> None:
    """Have a function called with every data element, array or packet of a source."""
    _subscriptions.append((given, function))
    if host.data_source_subscribe(source.handle, int(type), priority, len(_subscriptions) - 1):
        raise HostError("dataSourceSubscribe", f"cannot subscribe to {source}: is it of that type?")


def data_source_callback(callback: int, source: int, data: int) -> None:
    """An event for a subscription. An exception goes to the log: a bad event must not end the gadget.

    The source is not looked at: Inspektor Gadget passes a stale value.
    """
    try:
        given, function = _subscriptions[callback]
        if not data:
            raise HostError("dataSourceCallback", "the host has no handle left to pass an event with")
        event = given(data)
        try:
            function(event)
        finally:
            del event._data
    except BaseException as error:
        _traceback.log(error)
