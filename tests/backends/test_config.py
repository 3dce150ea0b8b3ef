from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gadget_abi import EmbedderError, load
from gadget_host._state import CallError
from gadget_host.backends import Config
from gadget_host.calls.config import set_config

GADGET_YAML = """
name: trace open
datasources:
  open:
    tags: [io, files]
    annotations:
      cli.clear-screen-before: true
    fields:
      fname:
        tags: one two
        annotations:
          description: File name
          columns.width: 32
          columns.minWidth: 24
          columns:
            hidden: false
      proc.comm:
        annotations: {columns.width: 16.0, template: comm}
      proc:
        pid:
          annotations: {columns.alignment: right, empty: null}
"""


@pytest.fixture
def config() -> Config:
    """The configuration of a gadget."""
    return Config(yaml.safe_load(GADGET_YAML))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "trace open"),
        ("NAME", "trace open"),
        ("datasources.open.tags", ["io", "files"]),
        ("DataSources.OPEN.Fields.FName.annotations.columns.WIDTH", 32),
        ("datasources.open.fields.proc.comm.annotations.template", "comm"),
        ("datasources.open.fields.proc.pid.annotations.columns.alignment", "right"),
        ("datasources.open.fields.fname.annotations.columns.hidden", False),
        ("datasources.close", None),
        ("name.more", None),
        ("", None),
    ],
)
def test_get(config: Config, key: str, value: object) -> None:
    """Keys are dotted and ignore case, and names may hold dots themselves."""
    assert config.get(key) == value


def test_get_a_part(config: Config) -> None:
    """What lies below a key comes as a dict, in lower case."""
    assert config.get("datasources.open.fields.proc.comm") == {
        "annotations": {"columns.width": 16.0, "template": "comm"}
    }


def test_default(config: Config) -> None:
    """A default stands for what is not there."""
    assert (config.get("nothing", 7), config.get("name", 7)) == (7, "trace open")


@pytest.mark.parametrize(
    ("field", "annotations"),
    [
        (
            "fname",
            {
                "description": "File name",
                "columns.width": "32",
                "columns.minwidth": "24",
                "columns.hidden": "false",
            },
        ),
        ("proc.comm", {"columns.width": "16", "template": "comm"}),
        ("proc.pid", {"columns.alignment": "right", "empty": ""}),
        ("Proc.Pid", {"columns.alignment": "right", "empty": ""}),
        ("nothing", {}),
    ],
)
def test_field_annotations(config: Config, field: str, annotations: dict[str, str]) -> None:
    """Annotations of a field are dotted names to strings, however they were nested in the file."""
    assert config.field_annotations("open", field) == annotations


def test_source_annotations(config: Config) -> None:
    """A data source has annotations, too; one that is not configured has none."""
    assert config.source_annotations("open") == {"cli.clear-screen-before": "true"}
    assert config.source_annotations("close") == {}


def test_tags(config: Config) -> None:
    """Tags are a list, or words in one string."""
    tags = (
        config.source_tags("open"),
        config.field_tags("open", "fname"),
        config.field_tags("open", "proc.pid"),
    )
    assert tags == (["io", "files"], ["one", "two"], [])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("datasources.open.fields.fname.annotations.columns.width", {"columns.width": "x"}),
        ("Datasources.Open.Fields.FName.Annotations.Columns.Hidden", {"columns.hidden": "x"}),
        ("datasources.open.fields.fname.annotations.new", {"new": "x"}),
        ("datasources.open.fields.fname.annotations.very.new", {"very.new": "x"}),
    ],
)
def test_set_beside(config: Config, key: str, expected: dict[str, str]) -> None:
    """Setting an annotation changes that one and leaves those beside it."""
    before = config.field_annotations("open", "fname")
    config.set(key, "x")
    assert config.field_annotations("open", "fname") == {**before, **expected}


def test_set_over_a_value(config: Config) -> None:
    """Setting below a value replaces the value."""
    config.set("name.first", "x")
    assert config.get("name") == {"first": "x"}


def test_set_leaves_the_embedders_data_alone() -> None:
    """The mapping that was given is not changed."""
    data: dict[str, object] = {"a": {"b": 1}}
    Config(data).set("a.b", 2)
    assert data == {"a": {"b": 1}}


names = st.text("abcXYZ", min_size=1, max_size=2)


@given(st.lists(st.tuples(st.lists(names, min_size=1, max_size=3).map(".".join), st.integers()), max_size=8))
def test_what_was_set_last_is_there(pairs: list[tuple[str, int]]) -> None:
    """The last value set under a key is the value got, whatever was set before."""
    config = Config()
    for key, value in pairs:
        config.set(key, value)
        assert config.get(key.swapcase()) == value


def test_no_configuration() -> None:
    """Without a configuration nothing is there and nothing can be set."""
    config = Config(None)
    assert (config.present, config.get("name"), config.source_annotations("open")) == (False, None, {})
    with pytest.raises(EmbedderError, match="no configuration"):
        config.set("name", "x")


def test_not_a_mapping() -> None:
    """A file that holds something else is refused."""
    with pytest.raises(EmbedderError, match="a configuration is a mapping"):
        Config([])  # type: ignore[arg-type]


class TestCall:
    """setConfig."""

    @pytest.mark.parametrize(
        ("key", "value", "reason"),
        [
            ("a." * 64 + "a", b"x", "at most 64 names"),
            ("." * (1 << 20), b"x", "64 names"),
            ("a", b"x" * (1 << 24), "more than 16777216"),
        ],
    )
    def test_bounds(self, host: Any, key: str, value: bytes, reason: str) -> None:
        """A guest can neither set without end nor nest without end."""
        with pytest.raises(CallError, match=reason):
            set_config(host, key, value, 12)

    def test_number_of_keys(self, host: Any) -> None:
        """A guest can set 4096 keys, and each of them again."""
        for n in range(4096):
            set_config(host, f"key{n}", b"x", 12)
        set_config(host, "key7", b"y", 12)
        with pytest.raises(CallError, match="more than 4096"):
            set_config(host, "one more", b"x", 12)

    def test_set(self, host: Any) -> None:
        """A string is set, bytes that are no UTF-8 included."""
        set_config(host, "foo.bar", b"caf\xc3\xa9 \xff", 12)
        assert host.config.get("foo.bar") == "café \udcff"

    @pytest.mark.parametrize("kind", sorted(set(load().enums["Kind"].members.values()) - {12} | {99}))
    def test_other_kinds(self, host: Any, kind: int) -> None:
        """No other kind is taken, in memory or not."""
        with pytest.raises(CallError, match=f"kind {kind} cannot be set"):
            set_config(host, "foo.bar", b"x" if kind == 14 else 5, kind)
        assert host.config.get("foo.bar") is None

    def test_no_configuration(self, host: Any) -> None:
        """Without a configuration the call fails."""
        host.config = Config(None)
        with pytest.raises(CallError, match="no configuration"):
            set_config(host, "foo.bar", b"x", 12)
