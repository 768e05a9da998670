"""How the documentation site is made of docs/: `make docs`.

Sphinx reads the Markdown that GitHub shows, too. Notebooks and examples run while it is built, each
in a process and a folder of its own; one that fails, a reference that leads nowhere and any other
warning end the build. `check_site.py` then follows the links of the pages that came out.
"""

import importlib.metadata
import os
import sys
from pathlib import Path

# Of the notebooks' processes, too: JAX loads in a third of TensorFlow's time.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where tssd is
os.environ["TSSD_KERAS_CLONE"] = str(Path(__file__).resolve().parent.parent)

project = "tssd_keras"
author = copyright = "The tssd_keras maintainers"
release = importlib.metadata.version("tssd_keras")

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb"]
exclude_patterns = []
root_doc = "index"
nitpicky = True
# Docstrings are read as reStructuredText; `x` is a link there where x has an entry, else code.
default_role = "py:obj"
highlight_language = "text"

myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]

nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 900  # of a cell; CI builds beside its tests
nb_merge_streams = True
nb_output_stderr = "remove"  # what TensorFlow says of the processor as it loads

# Docstrings say shapes, dtypes and units, which annotations cannot.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = ["Source"]
# These are not meant as references: `x` of any name, what "Returns: int64[N], ..." begins with, and
# "Raises: TypeError, ValueError: ...", which names several at once.
nitpick_ignore_regex = [("py:obj", ".*"), ("py:class", ".*"), ("py:exc", r"\w+(, \w+)+")]

# `make docs-links` asks these of the network.
linkcheck_timeout = 20
linkcheck_anchors = False

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1a5fb4", "color-brand-content": "#1a5fb4"},
    "dark_css_variables": {"color-brand-primary": "#78aeed", "color-brand-content": "#78aeed"},
}
