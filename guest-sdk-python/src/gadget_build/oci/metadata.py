"""Read the gadget.yaml that goes into an image."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import yaml

from gadget_abi.oci import metadata_problems
from gadget_build.errors import BuildError

__all__ = ["read_metadata"]

_SHOWN = 20  # problems listed in one message


def read_metadata(path: Path, warn: Callable[[str], None]) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a gadget.yaml, and what they say.

    Args:
        path: of the file.
        warn: told what is suspicious but does no harm.

    Raises:
        BuildError: it cannot be read or is not fit for an image; with all that is wrong, key by key.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BuildError(
            "not there", file=path, hint="an image needs one, with at least `name: NAME` in it"
        ) from None
    except OSError as error:
        raise BuildError(f"cannot be read: {error.strerror}", file=path) from None
    content = _parse(data, path)
    problems = metadata_problems(content)
    for problem in problems:
        if problem.harmless:
            warn(f"{path}: {problem}")
    if wrong := [str(problem) for problem in problems if not problem.harmless]:
        raise BuildError("\n  ".join(["not fit for an image:", *wrong[:_SHOWN]]), file=path)
    return data, content


class _Loader(yaml.SafeLoader):
    """As ig reads YAML: a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _parse(data: bytes, path: Path) -> Any:
    try:
        return yaml.load(data, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise BuildError(
            f"not YAML: {error.problem or error}", file=path, line=mark.line + 1 if mark else None
        ) from None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise BuildError(f"not YAML: {error or type(error).__name__}", file=path) from None
