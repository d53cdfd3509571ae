"""The site: ``make docs`` builds it, and every warning is an error there."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "harness"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click", "generated"]
html_theme = "furo"
html_title = "harness"
html_show_copyright = html_show_sphinx = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]

# Help texts have options in them.
smartquotes = False

# A table of keys has a class of its own.
myst_enable_extensions = ["attrs_block"]
# Links to headings are those that GitHub makes.
myst_heading_anchors = 4

# Docstrings and help texts are plain text with code in backticks.
default_role = "code"
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# Types of other packages, whose pages are not looked up over the network.
nitpick_ignore_regex = [("py:.*", r"(?!harness\.).*")]
