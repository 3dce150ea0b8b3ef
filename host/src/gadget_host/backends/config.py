"""The gadget's configuration (gadget.yaml) as its functions and data sources see it.

Keys are dotted paths and ignore case, as in viper, which upstream keeps it in. A name in the configuration
may hold dots itself: of the ways to read ``fields.proc.comm.annotations`` the one with the longest names that
exist wins, so both ``{fields: {proc.comm: {...}}}`` and ``{fields: {proc: {comm: {...}}}}`` answer it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gadget_abi import EmbedderError

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["Config"]

Tree: TypeAlias = "dict[str, object]"
_NOTHING: Mapping[str, object] = {}

#: Bounds on what a guest can set.
MAX_DEPTH, MAX_SIZE, MAX_KEYS = 64, 1 << 24, 4096


class Config:
    """Dotted, case-insensitive keys to values.

    Args:
        data: the parsed gadget.yaml. None means that there is no configuration at all, so that setConfig
            fails; an empty mapping is a configuration that can be set.

    Raises:
        EmbedderError: ``data`` is no mapping.
    """

    def __init__(self, data: Mapping[str, object] | None = _NOTHING) -> None:
        if data is not None and not isinstance(data, Mapping):
            raise EmbedderError(f"a configuration is a mapping (gadget.yaml), not {type(data).__name__}")
        self._tree = None if data is None else _lowered(data)
        self._sizes: dict[str, int] = {}

    @property
    def present(self) -> bool:
        """Whether there is a configuration."""
        return self._tree is not None

    def get(self, key: str, default: object = None) -> object:
        """The value of a key: str, number, bool, list, or a dict for what lies below it."""
        found = _find(self._tree, key.lower().split(".")) if self._tree is not None else None
        return default if found is None else found

    def set(self, key: str, value: object) -> None:
        """Set a key; what lies beside it stays, while upstream's viper then shows only what was set.

        Raises:
            EmbedderError: there is no configuration, the key has more than MAX_DEPTH names, or what was set
                has more than MAX_SIZE characters or MAX_KEYS keys in all.
        """
        names = key.lower().split(".", MAX_DEPTH)
        if self._tree is None:
            raise EmbedderError("there is no configuration to set")
        if len(names) > MAX_DEPTH:
            raise EmbedderError(f"a configuration key has at most {MAX_DEPTH} names")
        size = len(key) + len(str(value))
        if len(self._sizes) >= MAX_KEYS and key not in self._sizes:
            raise EmbedderError(f"more than {MAX_KEYS} configuration keys were set")
        if sum(self._sizes.values()) - self._sizes.get(key, 0) + size > MAX_SIZE:
            raise EmbedderError(f"more than {MAX_SIZE} characters of configuration were set")
        self._sizes[key] = size
        _store(self._tree, names, value)

    # ------------------------------------------------------------------------------- sources and fields

    def source_annotations(self, source: str) -> dict[str, str]:
        """The annotations of a data source: ``datasources.<source>.annotations``, dotted names to strings."""
        return dict(_flat(self.get(f"datasources.{source}.annotations")))

    def source_tags(self, source: str) -> list[str]:
        """The tags of a data source."""
        return _words(self.get(f"datasources.{source}.tags"))

    def field_annotations(self, source: str, field: str) -> dict[str, str]:
        """The annotations of a field by its full name: ``datasources.<source>.fields.<name>.annotations``."""
        return dict(_flat(self.get(f"datasources.{source}.fields.{field}.annotations")))

    def field_tags(self, source: str, field: str) -> list[str]:
        """The tags of a field by its full name."""
        return _words(self.get(f"datasources.{source}.fields.{field}.tags"))


def _lowered(data: Mapping[str, object]) -> Tree:
    """A copy with keys in lower case."""
    return {str(key).lower(): _lowered(v) if isinstance(v, Mapping) else v for key, v in data.items()}


def _find(tree: Tree, names: list[str]) -> object:
    for used in range(len(names), 0, -1):
        value, rest = tree.get(".".join(names[:used])), names[used:]
        if rest:
            value = _find(value, rest) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None


def _store(tree: Tree, names: list[str], value: object) -> None:
    """Follow the longest names that exist as far as they go, and make the rest."""
    for used in range(len(names), 0, -1):
        name, rest = ".".join(names[:used]), names[used:]
        below = tree.get(name)
        if not rest and (used == 1 or name in tree):
            tree[name] = _lowered(value) if isinstance(value, Mapping) else value
            return
        if rest and isinstance(below, dict):
            _store(below, rest, value)
            return
    below = {}
    tree[names[0]] = below
    _store(below, names[1:], value)


def _flat(value: object, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and strings of everything below a key."""
    if not isinstance(value, dict):
        return
    for name, below in value.items():
        if isinstance(below, dict):
            yield from _flat(below, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(below)


def _text(value: object) -> str:
    """A scalar of YAML as upstream turns it into a string."""
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split()
    return [_text(item) for item in value] if isinstance(value, list | tuple) else []
