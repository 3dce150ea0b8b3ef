"""A gadget's program: its file, and the modules beside it that it imports."""

from __future__ import annotations

import ast
import contextlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from gadget_build.errors import BuildError

__all__ = ["Program", "find_program"]

MAIN = "program.py"
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([^#\n]+))", re.MULTILINE)


@dataclass(frozen=True)
class Program:
    """The main file, and every file to take along, all below the main file's directory."""

    main: Path
    files: tuple[Path, ...]

    @property
    def root(self) -> Path:
        """The directory modules are imported from."""
        return self.main.parent

    @property
    def module(self) -> str:
        """The name the main file is imported by."""
        return self.main.stem

    def lazy_imports(self) -> list[str]:
        """The modules that functions of the program import, by name: when they run there are no files any more."""
        return sorted({name for file in self.files if file.suffix == ".py" for name in _lazy(file)})

    def copy_to(self, directory: Path) -> None:
        """Copy the files, and nothing that a former run left beside them."""
        for file in self.files:
            target = directory / file.relative_to(self.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)


def find_program(source: Path) -> Program:
    """The program in a gadget directory (its program.py), or that of a file.

    Raises:
        BuildError: there is none, or its name cannot be imported.
    """
    main = source / MAIN if source.is_dir() else source
    if not source.exists():
        raise BuildError("no such file or directory", file=source)
    if not main.is_file():
        raise BuildError(f"no {MAIN} in it", file=source, hint="a gadget directory keeps its program there")
    if main.suffix != ".py" or not main.stem.isidentifier():
        raise BuildError(
            "cannot be imported", file=main, hint="a program's name is a Python identifier and .py"
        )
    return Program(main, tuple(sorted(_closure(main))))


def _closure(main: Path) -> set[Path]:
    """The main file and what it imports from its own directory; of a package, all of it."""
    found: set[Path] = set()
    todo = [main]
    while todo:
        file = todo.pop()
        if file in found:
            continue
        found.add(file)
        for name in _imported(_read(file)):
            todo += _files_of(main.parent, name)
    return found


def _imported(text: str) -> set[str]:
    """First parts of the module names that look imported; names that are not there do no harm."""
    names: set[str] = set()
    for match in _IMPORT.finditer(text):
        listing = match[1] or match[2]
        names |= {part.split()[0].partition(".")[0] for part in listing.split(",") if part.strip()}
    return names


def _lazy(file: Path) -> set[str]:
    names: set[str] = set()
    with contextlib.suppress(SyntaxError, ValueError):  # the build reports those
        for function in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                names |= {name for node in ast.walk(function) for name in _names(node)}
    return names


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
        case _:
            return []


def _files_of(root: Path, name: str) -> list[Path]:
    if (root / f"{name}.py").is_file():
        return [root / f"{name}.py"]
    if name.isidentifier() and (root / name).is_dir():
        return [path for path in (root / name).rglob("*") if path.is_file() and path.suffix != ".pyc"]
    return []


def _read(file: Path) -> str:
    # The build reports what Python itself cannot read; here it is only looked through.
    return file.read_bytes().decode("utf-8", "replace") if file.suffix == ".py" else ""
