"""Finds groups of modules that import each other, from their text and without importing them."""

import ast
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

Graph = dict[str, set[str]]


def import_circles(folder: Path, paths: Sequence[Path]) -> list[set[str]]:
    """Returns the strongly connected components, of two modules or more, of a package's imports.

    Imports inside functions and under `if TYPE_CHECKING` do not count. An import of a.b.c counts
    for a.b.c alone, though Python runs the packages a and a.b first.
    """
    named = {module_name(folder, path): path for path in paths}
    graph = {name: imported(name, path, named.keys()) - {name} for name, path in named.items()}
    reached = {name: reachable(name, graph) for name in graph}
    circles: list[set[str]] = []
    for name in graph:
        group = {other for other in reached[name] if name in reached[other]}
        if len(group) > 1 and group not in circles:
            circles.append(group)
    return circles


def module_name(folder: Path, path: Path) -> str:
    """Names the module of a file: fnn/layers/__init__.py is fnn.layers."""
    parts = path.relative_to(folder.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(name: str, path: Path, known: Collection[str]) -> set[str]:
    """Collects the known modules that a file imports when it is imported itself."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in run_at_import(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, package)
            for alias in node.names:
                submodule = f"{source}.{alias.name}"
                found.add(submodule if submodule in known else source)
    return found & set(known)


def absolute(node: ast.ImportFrom, package: str) -> str:
    """Names the module after `from`, with the dots of a relative import resolved."""
    if not node.level:
        return node.module or ""
    parents = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])


def run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Yields the nodes outside functions and outside `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node
        yield from run_at_import(node)


def reachable(start: str, graph: Graph) -> set[str]:
    """Collects every module that one imports, directly or through others, with itself."""
    seen, waiting = {start}, [start]
    while waiting:
        new = graph[waiting.pop()] - seen
        seen |= new
        waiting += new
    return seen
