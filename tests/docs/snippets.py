#!/usr/bin/env python3
"""Makes one program of all snippets in C++ that pages show: snippets.py OUT.cpp PAGES…

    docs_snippets docs/tables.md:82       runs one; what is marked `not run` is compiled alone
    docs_snippets --events FILE           reads a log of events, as strictly as the library does

Pages that need an installation have whole programs; run.py compiles those. Each snippet is a function; hidden blocks (blocks.py) before it belong
to it, its own #includes go to the top.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from blocks import INSTALLATION, blocks_of  # noqa: E402

MAIN = """
int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  try {
    if (what == "--events") return isoform::read_events(argv[2]).size() == 1 ? 0 : 1;
    if (!snippets.contains(what)) throw std::runtime_error("no snippet " + what);
    snippets.at(what)();
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\\n";
    return 1;
  }
}
"""


def snippets_of(path, root):
    page = path.resolve().relative_to(root).as_posix()
    text = path.read_text()
    if INSTALLATION in text:
        return
    hidden = []
    for block in blocks_of(page, text):
        if block.language != "cpp":
            continue
        if not block.shown:
            hidden.append(block)
            continue
        yield block, hidden
        hidden = []


def main():
    out, root = pathlib.Path(sys.argv[1]), pathlib.Path(__file__).resolve().parent.parent.parent
    includes, functions, entries = {'#include "isoform/monitor/event_log.h"'}, [], []
    for name in sys.argv[2:]:
        for block, hidden in snippets_of(pathlib.Path(name), root):
            body = []
            for part in [*hidden, block]:
                lines = part.text.split("\n")
                includes |= {line for line in lines if line.startswith("#include")}
                body += [f'#line {part.line + 1} "{root / part.page}"' if part is block else ""]
                body += [re.sub(r"^(\s*)…$", r"\1", line) if not line.startswith("#include") else "" for line in lines]
            function = f"snippet_{len(functions)}"
            functions.append(f"[[maybe_unused]] void {function}() {{\n" + "\n".join(body) + "}\n")
            if not block.why_not():
                entries.append(f'  {{"{block.where}", {function}}},\n')
    standard = "".join(f"#include <{name}>\n" for name in ("functional", "iostream", "map", "stdexcept", "string"))
    out.write_text("\n".join(sorted(includes)) + "\n" + standard + "\nnamespace {\n\n" + "\n".join(functions) +
                   "\nconst std::map<std::string, std::function<void()>> snippets{\n" + "".join(entries) +
                   "};\n\n}  // namespace\n" + MAIN)


if __name__ == "__main__":
    main()
