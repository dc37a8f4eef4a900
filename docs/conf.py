"""How Sphinx builds these pages: `scripts/docs` calls it, with warnings as errors."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))  # mathml, plain_docstrings
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "1")

project = "fnn"
author = "the fnn developers"
copyright = "2026, the fnn developers"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
    "mathml",
    "plain_docstrings",
]
exclude_patterns = ["_build"]
html_theme = "sphinx_book_theme"
html_title = "fnn"
html_static_path = ["_static"]
html_css_files = ["fnn.css"]
html_theme_options = {"show_navbar_depth": 1, "home_page_in_toc": True}
html_copy_source = False

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "mathml"
nb_execution_mode = os.environ.get("FNN_DOCS_EXECUTE", "force")  # or "cache", while writing
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True

default_role = "code"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
toc_object_entries_show_parents = "hide"
