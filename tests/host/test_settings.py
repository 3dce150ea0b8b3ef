"""How a gadget is run: what can be said, and what cannot be."""

from dataclasses import fields
from typing import Any

import pytest

from gadget_abi import EmbedderError
from gadget_host import Gadget, Settings
from gadget_host._settings import Options
from tests.host.puppet import wat


def test_load_takes_every_setting() -> None:
    """Keyword arguments of Gadget.load are the fields of Settings, with the same types."""
    assert list(Options.__annotations__) == [field.name for field in fields(Settings)]
    types = {field.name: str(field.type) for field in fields(Settings)}
    assert {name: type_.__forward_arg__ for name, type_ in Options.__annotations__.items()} == types


def test_every_setting_is_explained() -> None:
    """The docstring has a line for each."""
    text = Settings.__doc__ or ""
    assert [field.name for field in fields(Settings) if f"        {field.name}: " not in text] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"deadline": 0}, "deadline is 0; it is a number of seconds above 0, or None"),
        ({"deadline": "release"}, "deadline is 'release'"),
        ({"deadline": float("nan")}, "deadline is nan"),
        ({"stop_deadline": -1}, "stop_deadline is -1"),
        ({"stop_deadline": "soon"}, "stop_deadline is 'soon'"),
        ({"memory_pages": 0}, "numbers of 64 KiB pages from 1 to 65536"),
        ({"memory_pages": 300, "plane_pages": 299}, "numbers of 64 KiB pages"),
        ({"clock": "slow"}, 'clock is \'slow\'; it is "fixed" or "real"'),
        ({"params": {"a": 1}}, "parameter 'a': the value 1 is no string"),
        ({"log_level": "loud"}, "no log level 'loud'"),
        ({"release": "v0.29.0"}, "no release 'v0.29.0'"),
        ({"abi": "wasi"}, "no link family 'wasi'"),
    ],
)
def test_what_cannot_be_is_the_callers_mistake(options: dict[str, Any], words: str) -> None:
    """An EmbedderError names the setting, its value and what it may be."""
    with pytest.raises(EmbedderError) as error:
        Gadget.load(wat(""), **options)
    assert words in str(error.value)


@pytest.mark.parametrize("options", [{"deadline": None}, {"stop_deadline": None}, {"stop_deadline": 0.5}])
def test_what_can_be(options: dict[str, Any]) -> None:
    """No end, and parts of a second."""
    Gadget.load(wat(""), **options).close()


def test_another_name_is_a_mistake_of_the_program() -> None:
    """A setting that there is not is Python's own error."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Gadget.load(wat(""), colour="red")  # type: ignore[call-arg]
