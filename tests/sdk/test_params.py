"""Parameters and configuration."""

from typing import Any

import pytest


@pytest.fixture
def param(host: Any, run: Any) -> Any:
    """The parameter p, declared with these arguments, where the host has this text for it."""

    def param(arguments: str, text: str | None) -> Any:
        host.params = {} if text is None else {"p": text.encode("utf-8", "surrogateescape")}
        return run(f"import gadget\np = gadget.param('p'{arguments})\n").module.p

    return param


@pytest.mark.parametrize(
    ("arguments", "text", "value"),
    [
        ("", "text", "text"),
        ("", "", ""),
        ("", "h\u00e9\udcff", "h\u00e9\udcff"),
        ("", "x" * 60000, "x" * 60000),
        (", default='d'", None, "d"),
        (", default='d'", "", ""),
        (", default=5", None, 5),
        (", default=5", "", 5),
        (", default=5", "7", 7),
        (", default=5", "-7", -7),
        (", default=5", "007", 7),
        (", default=5", "0x1f", 31),
        (", type=int", "8", 8),
        (", default=1.5", "2.5", 2.5),
        (", default=False", "true", True),
        (", default=True", "False", False),
        (", type=bool", "1", True),
        (", type=bool", "off", False),
        (", type=lambda text: text.split(',')", "a,b", ["a", "b"]),
        (", type=lambda text: text.split(','), default=()", None, ()),
        (", default=None", "x", "x"),
        (", default=None", None, None),
    ],
)
def test_a_parameter_has_the_type_that_was_asked_for(
    param: Any, arguments: str, text: str | None, value: object
) -> None:
    """Its own, or its default's, or str; the default where there is no value."""
    found = param(arguments, text).value
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("arguments", "text"),
    [(", type=int", "x"), (", type=int", ""), (", default=1", "1.5"), (", type=bool", "2")],
)
def test_a_text_that_is_no_such_value_is_a_value_error(param: Any, arguments: str, text: str) -> None:
    """The message names the parameter and the text."""
    with pytest.raises(ValueError, match=f"parameter 'p' is '{text}': "):
        _ = param(arguments, text).value


def test_no_value_and_no_default_is_not_found(param: Any) -> None:
    """The message names the line of the declaration."""
    with pytest.raises(
        LookupError, match=r"<param 'p'>, declared at program\.py:2, has no value and no default"
    ):
        _ = param("", None).value


def test_a_missing_parameter_does_not_matter_until_it_is_used(host: Any, run: Any) -> None:
    """A gadget that is only asked for its sources has no parameters."""
    run("import gadget\np = gadget.param('p', type=int)\n")
    assert (host.calls, host.logs) == ([], [])


def test_a_parameter_is_asked_for_once(host: Any, param: Any) -> None:
    """It does not change while the gadget runs."""
    p = param(", default=0", "3")
    host.calls.clear()
    assert [p.value, p.value] == [3, 3]
    assert host.calls == ["get_param_value"]


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (5, "5"), (1.5, "1.5"), (True, "true"), (False, "false")]
)
def test_configuration_is_set_as_text(host: Any, run: Any, value: Any, text: str) -> None:
    """As YAML writes it."""
    run(f"import gadget\ngadget.config['A.b'] = {value!r}\n")
    assert host.config == {"a.b": text}


def test_configuration_can_be_set_in_a_hook(host: Any, run: Any) -> None:
    """At once."""
    run("import gadget\n@gadget.on_init\ndef init():\n    gadget.config['a'] = 1\n")
    assert host.config == {"a": "1"}
