"""How Sphinx builds the documentation: `make docs`, then open build/docs/index.html."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]

from allograph import __version__  # noqa: E402

project = "allograph"
author = "the allograph authors"
copyright = "the allograph authors, MIT licence"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "docstrings"]
exclude_patterns = ["results/*.json"]
source_suffix = {".md": "markdown"}

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3

default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
python_maximum_signature_line_length = 88
napoleon_use_ivar = True
add_module_names = False

html_theme = "furo"
html_title = f"allograph {version}"
html_math_renderer = "mathml"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = html_show_sphinx = False


def link_to_studio(_app: Any, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """On every page of `make site`, where the studio lies beside the documentation."""
    address = context["pathto"]("studio/index.html", 1)
    context["theme_announcement"] = f'<a href="{address}">Draw a symbol here in your browser: the studio</a>'


def setup(app: Any) -> None:
    if app.tags.has("site"):
        app.connect("html-page-context", link_to_studio)
