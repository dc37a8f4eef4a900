"""The lines of an experiment that compute a claim, as a page shows them."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from types import ModuleType

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

_formatter = HtmlFormatter(nowrap=True)


def code_of(module: ModuleType, name: str) -> Markup:
    """Return the source of a function of an experiment as HTML with colors, without its docstring.

    Raises ValueError if the experiment has no function of that name.
    """
    function = getattr(module, name, None)
    if callable(function):
        function = inspect.unwrap(function)  # jax.jit wraps it
    if not inspect.isfunction(function):
        raise ValueError(
            f"{module.__name__}: a claim names the code {name!r}, expected a function there."
        )
    return Markup(highlight(without_docstring(function), PythonLexer(), _formatter))


def without_docstring(function: Callable) -> str:
    """Return the source of a function without its docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    definition = ast.parse(source).body[0]
    if not isinstance(definition, ast.FunctionDef) or not ast.get_docstring(definition):
        return source
    docstring = definition.body[0]
    lines = source.splitlines(keepends=True)
    return "".join(lines[: docstring.lineno - 1] + lines[docstring.end_lineno :])


def colors() -> str:
    """Return the style sheet of the code, for light pages and for dark ones."""
    light = HtmlFormatter(style="default").get_style_defs(".code")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".code")
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"
