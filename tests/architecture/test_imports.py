"""The direction of imports: abi-spec <- host, abi-spec <- SDK; the guest package stands alone; no cycles."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "gadget_abi": ROOT / "abi-spec/src/gadget_abi",
    "gadget_conformance": ROOT / "abi-spec/suite/gadget_conformance",
    "gadget_host": ROOT / "host/src/gadget_host",
    "gadget_build": ROOT / "guest-sdk-python/src/gadget_build",
    "gadget": ROOT / "guest-sdk-python/src/gadget",
}
# What a package may import beside itself and the standard library.
ALLOWED = {
    "gadget_abi": set(),
    # wasmtime assembles the guests' text, and runs nothing: every host is on the far side of a pipe.
    "gadget_conformance": {"gadget_abi", "wasmtime", "jsonschema"},
    "gadget_host": {"gadget_abi", "wasmtime", "orjson", "yaml", "tqdm", "gadget_build"},
    # gadget_preinit is what preinit.wat becomes: the part of a build that runs inside componentize-py.
    "gadget_build": {"gadget_abi", "gadget", "wasmtime", "componentize_py", "gadget_preinit", "yaml", "oras"},
    "gadget": {"wit_world", "componentize_py_types"},  # what componentize-py generates inside the guest
}
# gadget_host reaches gadget_build in one place: gadget run builds a directory when the SDK is installed.
# oras is an extra, for gadget push.
OPTIONAL = {("gadget_host", "gadget_build"), ("gadget_build", "oras")}


def imported_modules(file: Path, module: str, *, top_level: bool = False) -> set[str]:
    """Absolute names a file imports; with `top_level`, only what importing it runs."""
    tree = ast.parse(file.read_text())
    nodes = list(_runtime_nodes(tree)) if top_level else list(ast.walk(tree))
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            name = ".".join(filter(None, [base, node.module or ""]))
            found |= {name, *(f"{name}.{alias.name}" for alias in node.names)}
    return found


def _runtime_nodes(tree: ast.Module) -> list[ast.AST]:
    """Statements that run on import: not those in functions or under TYPE_CHECKING."""
    found: list[ast.AST] = []
    todo: list[ast.AST] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        found.append(node)
        todo += ast.iter_child_nodes(node)
    return found


def modules(package: str) -> dict[str, Path]:
    """Every module of a package: dotted name -> file."""
    root = PACKAGES[package]
    found = {}
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    """Third-party and sibling packages are those named here, nothing else."""
    tops = {
        name.partition(".")[0]
        for module, file in modules(package).items()
        for name in imported_modules(file, module)
    }
    assert tops - set(sys.stdlib_module_names) - {package} <= ALLOWED[package]


@pytest.mark.parametrize(("importer", "optional"), sorted(OPTIONAL))
def test_an_optional_package_is_only_imported_inside_functions(importer: str, optional: str) -> None:
    """A distribution that may be absent is never needed to import this one."""
    for module, file in modules(importer).items():
        tops = {name.partition(".")[0] for name in imported_modules(file, module, top_level=True)}
        assert optional not in tops, module


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_do_not_import_each_other_in_a_circle(package: str) -> None:
    """Within a package, what importing runs is acyclic."""
    known = modules(package)
    graph = {
        module: {
            name
            for name in imported_modules(file, module, top_level=True)
            if name in known and name != module and not module.startswith(f"{name}.")
        }
        for module, file in known.items()
    }
    assert list(TopologicalSorter(graph).static_order())
