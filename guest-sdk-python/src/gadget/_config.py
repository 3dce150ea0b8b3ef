"""The gadget's configuration: what gadget.yaml says, set from the program."""

from ._checks import encoded
from ._errors import HostError
from ._handles import declare
from ._host import host
from ._kinds import String

__all__ = ["Config", "config"]


class Config:
    """The configuration, at ``gadget.config``; it can be written only.

    Keys are those of gadget.yaml joined by dots, and ignore case. What exists already does not see a change:
    set ``gadget.config["datasources.opens.fields.path.annotations.columns.width"] = 40`` before the source is
    created.
    """

    def __setitem__(self, key: str, value: str | bool | int | float) -> None:
        """Set a key. At module level it is set in gadgetInit, in its place among the declarations.

        Raises:
            HostError: the host refuses.
        """
        text = str(value).lower() if isinstance(value, bool) else str(value)
        raw_key, raw_text = encoded(key), encoded(text)
        declare(lambda: _set(raw_key, raw_text))


def _set(key: bytes, value: bytes) -> None:
    if host.set_config_buffer(key, value, String.number):
        raise HostError("setConfig", f"cannot set {key.decode()!r} to {value.decode()!r}")


config = Config()
