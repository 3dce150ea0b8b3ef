"""Where docker and podman keep what a registry asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gadget_abi import EmbedderError

__all__ = ["kept"]

_KEYS = ("auths", "credHelpers", "credsStore")


def kept() -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files there are, and what they say: REGISTRY_AUTH_FILE, docker's, podman's.

    Raises:
        EmbedderError: one of them cannot be read.
    """
    for path in _files():
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise EmbedderError(f"the credentials in {path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise EmbedderError(f"{path}: not JSON, as credentials should be") from None
        if not isinstance(content, dict) or not isinstance(content.get("auths", {}), dict):
            raise EmbedderError(f"{path}: no credentials as `docker login` writes them")
        if found := {key: content[key] for key in _KEYS if content.get(key)}:
            yield path, {"auths": {}, **found}


def _files() -> Iterator[Path]:
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        yield Path(named)
    home = Path.home()
    yield Path(os.environ.get("DOCKER_CONFIG") or home / ".docker", "config.json")
    yield Path(os.environ.get("XDG_RUNTIME_DIR") or home / ".config", "containers", "auth.json")
