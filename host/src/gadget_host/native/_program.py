"""A gadget's source, with modules of its own: the SDK keeps a gadget's state in them."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gadget_abi import Abi, Export

from ._stub import entries

__all__ = ["Program"]

_SDK = ("gadget", "wit_world", "componentize_py_types")
_MASKS = {"i32": 0xFFFFFFFF, "i64": 0xFFFFFFFFFFFFFFFF}


class Program:
    """A program that was imported, as a build does it: without a host.

    Args:
        path: its file, absolute.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._modules: dict[str, ModuleType] = {}
        self._inside = False
        with self._installed():
            self._entry = importlib.import_module("gadget._runtime")
            self._import()

    def exports(self, abi: Abi) -> dict[str, Callable[..., Any]]:
        """The functions the host calls, taking and returning core integers."""
        return {export.name: self._export(export) for export in entries(abi)}

    def connect(self, modules: Mapping[str, ModuleType]) -> None:
        """Give the program further modules, among them its host."""
        self._modules |= modules

    def _export(self, export: Export) -> Callable[..., Any]:
        function = getattr(self._entry, _snake(export.name))
        masks = [_MASKS[core] for core in export.core_type[0]]

        def call(*args: int) -> Any:
            with self._installed():
                return function(*(arg & mask for arg, mask in zip(args, masks, strict=True)))

        return call

    def _import(self) -> None:
        spec = importlib.util.spec_from_file_location(self._path.stem, self._path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[self._path.stem] = module
        spec.loader.exec_module(module)

    @contextlib.contextmanager
    def _installed(self) -> Iterator[None]:
        """In the body imports find the program's own modules; print goes to stderr, stdout is for events."""
        if self._inside:
            yield
            return
        others = {name: sys.modules.pop(name) for name in list(sys.modules) if self._is_own(name)}
        sys.modules.update(self._modules)
        before = set(sys.modules)
        sys.path.insert(0, str(self._path.parent))
        self._inside = True
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        finally:
            self._inside = False
            sys.path.remove(str(self._path.parent))
            fresh = [name for name in sys.modules if name not in before and self._lies_beside(name)]
            own = [name for name in sys.modules if self._is_own(name)] + fresh
            self._modules = {name: sys.modules.pop(name) for name in dict.fromkeys(own)}
            sys.modules.update(others)

    def _is_own(self, name: str) -> bool:
        return name in self._modules or name.partition(".")[0] in (*_SDK, self._path.stem)

    def _lies_beside(self, name: str) -> bool:
        """Whether a module is one of the program's directory, and not of an environment inside it."""
        file = getattr(sys.modules[name], "__file__", None)
        if not file or "site-packages" in file:
            return False
        return Path(file).is_relative_to(self._path.parent)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
