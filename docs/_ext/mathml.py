"""Mathematics as MathML, which browsers draw themselves: the pages load no script for it."""

from latex2mathml.converter import convert
from sphinx.application import Sphinx


def visit_inline(writer, node) -> None:
    """Write $…$."""
    writer.body.append(convert(node.astext()))
    raise_skip()


def visit_display(writer, node) -> None:
    """Write $$…$$, centred."""
    writer.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise_skip()


def raise_skip() -> None:
    """Leave the node: what it holds is written."""
    from docutils.nodes import SkipNode

    raise SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_display, None))
    return {"parallel_read_safe": True}
