"""How the pages and the headers become a site; scripts/build-docs runs it on a copy of both."""
import logging
import re
from pathlib import Path

ROOT = Path(__file__).parent
project = "Isoform"
author = "Isoform"
version = release = re.search(r"project\(isoform VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
extensions = ["myst_parser", "breathe", "sphinx.ext.mathjax"]
root_doc = "index"
exclude_patterns = ["CMakeLists.txt"]
html_theme = "furo"
html_title = f"Isoform {release}"
html_static_path = ["static"]
html_css_files = ["katex.min.css"]
html_js_files = ["katex.min.js", "auto-render.min.js", "render-math.js"]
html_copy_source = html_show_sourcelink = False
# Formulas are drawn by KaTeX, which comes with the site, so that it can be read without a network.
mathjax_path = "render-math.js"
mathjax2_config = mathjax3_config = None
myst_enable_extensions = ["dollarmath"]
myst_dmath_double_inline = True
myst_heading_anchors = 4
breathe_projects = {"isoform": str(ROOT / "xml")}
breathe_default_project = "isoform"
breathe_domain_by_extension = {"h": "cpp"}
primary_domain = "cpp"
highlight_language = "text"
# Names of types that only the C++ standard library and Eigen document; and snippets of output that no lexer reads.
suppress_warnings = ["misc.highlighting_failure"]


def github_to_myst(app, name, source):
    """What GitHub's Markdown writes otherwise than MyST; and links to files that are no pages."""
    # What tests/docs is told, which no reader sees.
    text = re.sub(r"^<!--.*?-->\n", "", source[0], flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^```math$", "```{math}", text, flags=re.MULTILINE)
    here = (ROOT / name).parent

    def link(match):
        target = match.group(2).split("#")[0]
        if target.startswith(("http", "mailto:")) or target.endswith((".md", ".svg", ".png")) or not target:
            return match.group(0)
        return f"{match.group(1)} (`{(here / target).resolve().relative_to(ROOT.resolve())}`)"

    source[0] = re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", link, text)


def what_is_a_fault(record):
    """Each header opens the namespace again, which Breathe takes for a declaration; and Sphinx does not know initialisers of C++20."""
    text = record.getMessage()
    if "Invalid C++ declaration" in text and "= {." in text:
        return False
    return "namespaceisoform" not in text and not ("Duplicate C++ declaration" in text and ".. cpp:type::" in text)


def setup(app):
    for handler in logging.getLogger("sphinx").handlers:
        handler.filters.insert(0, what_is_a_fault)  # before the one that counts
    app.connect("source-read", github_to_myst)
