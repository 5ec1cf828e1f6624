"""Writes the pages of the reference, one for each room, and the table of contents: reference.py SOURCE [ROOM…]."""
import re
import sys
from pathlib import Path

SOURCE = Path(sys.argv[1])
ROOMS = "base linalg data table activation network topology model compile train io monitor run study measure experiment serve c".split()
ROOMS = sys.argv[2:] or ROOMS

PARTS = {
    "Begin": ["ARCHITECTURE", "docs/symmetry", "docs/tables", "docs/tasks", "docs/python", "docs/pytorch", "docs/losses", "docs/embedding", "docs/serving", "docs/dashboard", "docs/onnx"],
    "Tutorials": ["docs/tutorials/table", "docs/tutorials/new-class", "docs/tutorials/shrink", "docs/tutorials/cpp", "docs/tutorials/pytorch"],
    "Use": ["docs/data", "docs/policies", "docs/reduction", "docs/sparsification", "docs/perceptron", "docs/reading", "docs/verifying",
            "docs/continual", "docs/depth", "docs/optimisers", "docs/checkpoints"],
    "Formats": ["docs/model-file", "docs/events", "docs/tensorboard"],
    "Foundations": ["docs/mathematics", "docs/conventions", "docs/defaults", "docs/versions"],
    "Measured": ["docs/paper", "docs/experiments", "docs/studies", "docs/speed", "docs/scaling"],
    "Project": ["CONTRIBUTING", "CHANGELOG", "docs/index"],
}


def first_comment(header):
    """What a header says of itself, before #pragma once; lines that are set off are kept as they stand."""
    lines = []
    for line in header.read_text().splitlines():
        if not line.startswith("//"):
            break
        lines.append(line[2:].strip())
    return "\n".join(lines) or first_comment_in_c(header.read_text())


def first_comment_in_c(text):
    """The same of a header in C; a space more than the rest sets lines off."""
    match = re.match(r"/\*(.*?)\*/", text, re.S)
    return "\n".join(line.removeprefix(" *").removeprefix(" ") for line in match[1].split("\n")).strip() if match else ""


def main():
    tree = Path("isoform")
    reference = SOURCE / "reference"
    reference.mkdir()
    for room in ROOMS:
        headers = sorted((tree / room).glob("*.h"))
        text = [f"# isoform/{room}\n"]
        for header in headers:
            text += [f"## {header.name}\n", f"`#include <{header}>`\n", f"{first_comment(header)}\n",
                     f"```{{doxygenfile}} {header}\n```\n"]
        (reference / f"{room}.md").write_text("\n".join(text))
    contents = []
    for part, pages in PARTS.items():
        there = [page for page in pages if (SOURCE / f"{page}.md").exists()]
        contents.append(f"```{{toctree}}\n:caption: {part}\n:maxdepth: 1\n:hidden:\n\n" + "\n".join(there) + "\n```\n")
    listed = {page for pages in PARTS.values() for page in pages}
    rest = sorted(str(p.relative_to(SOURCE).with_suffix("")) for p in (SOURCE / "docs").rglob("*.md"))
    forgotten = [page for page in rest if page not in listed]
    if forgotten:
        sys.exit(f"reference.py: these pages stand in no part of the site: {', '.join(forgotten)}")
    contents.append("```{toctree}\n:caption: C++ and C\n:maxdepth: 1\n:hidden:\n\n" + "\n".join(f"reference/{room}" for room in ROOMS) + "\n```\n")
    (SOURCE / "README.md").rename(SOURCE / "index.md")
    with open(SOURCE / "index.md", "a") as index:
        index.write("\n" + "\n".join(contents))


main()
