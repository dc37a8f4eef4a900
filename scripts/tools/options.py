"""Prints what a command does and which options it takes, without importing the command.

options.py USAGE FILE:CLASS [FILE:CLASS ...]

USAGE is the line that shows how the command is called. The text is the docstring of the first
file, the options are the fields of the dataclasses. Only Python itself is needed, so that --help
answers before anything is installed.
"""

import ast
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

WIDTH = 100
INDENT = " " * 6


def main(usage: str, places: Sequence[str]) -> None:
    """Prints usage, text and options."""
    print(f"usage: {usage}\n")
    trees = []
    for place in places:
        file, _, name = place.partition(":")
        trees.append((ast.parse(Path(file).read_text(encoding="utf-8")), name))
    print(ast.get_docstring(trees[0][0]))
    print("\noptions:")
    for tree, name in trees:
        for line in option_lines(tree, name):
            print(line)


def option_lines(tree: ast.Module, name: str) -> Iterator[str]:
    """Describes each field of a dataclass: name, type, default and the docstring below it."""
    for field, following in pairwise([*class_body(tree, name), ast.Pass()]):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        option = "--" + field.target.id.replace("_", "-")
        kind = ast.unparse(field.annotation)
        default = ast.unparse(field.value) if field.value else "required"
        yield f"  {option}" if kind == "bool" else f"  {option} {kind} (default: {default})"
        text = docstring(following)
        yield from textwrap.wrap(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)


def class_body(tree: ast.Module, name: str) -> list[ast.stmt]:
    """Finds a class at the top level of a module; ValueError where there is none."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node.body
    raise ValueError(f"expected a class {name} at the top level of the file, found none.")


def docstring(node: ast.stmt) -> str:
    """Returns the text of a string that stands on its own, empty for anything else."""
    value = node.value if isinstance(node, ast.Expr) else None
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return " ".join(value.value.split())
    return ""


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
