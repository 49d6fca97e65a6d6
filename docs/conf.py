"""Sphinx's settings: MyST pages, and references made from the code."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
for folder in ("extension", "server_ext", "kernels"):
    sys.path.insert(0, str(HERE.parent / folder))
sys.path.insert(0, str(HERE / "_ext"))

from labstudio._version import __version__  # noqa: E402

project = "labstudio"
author = "labstudio contributors"
copyright = author  # noqa: A001  Sphinx wants this name
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "made_from_code",
]
exclude_patterns = ["_build", "images"]
templates_path: list[str] = []

myst_enable_extensions = ["attrs_inline", "colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
# A single backtick in a docstring is code.
default_role = "code"
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"labstudio {__version__}"
html_show_sphinx = False
html_copy_source = False
