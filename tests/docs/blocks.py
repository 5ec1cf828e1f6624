"""The blocks of code of a page, and what its HTML comments say of them.

A comment before a block is for the runner, and no reader sees it:

    <!-- not run: it takes an hour -->             the block is checked, not run: verbs and flags exist, code compiles
    <!-- not run (bench step): it takes … -->      so are those lines of the block that hold these words
    <!-- exit 1 -->                                the block ends with this exit code
    <!-- with an installation -->                  the whole page: it compiles against an installed library
    <!-- sh … -->                                  over several lines: a block that is run here and not shown; python, cpp alike
"""
import dataclasses
import re

HIDDEN = ("sh", "python", "cpp")
SHELL = re.compile(r"(?:\$ )?(?:isoform|apt|sudo|cmake|scripts/|bench/|\./|bash|tensorboard|pip)\b|\./")
INSTALLATION = "<!-- with an installation -->"


@dataclasses.dataclass
class Block:
    page: str
    line: int
    language: str  # "" where the page names none
    text: str
    shown: bool = True
    exit: int = 0
    reasons: list = dataclasses.field(default_factory=list)  # (words, why) of what is not run; words "": all of it

    @property
    def where(self):
        return f"{self.page}:{self.line}"

    def why_not(self, line=""):
        """Why a line, or without one the whole block, is not run; "" if it is."""
        return next((why for words, why in self.reasons if not words or (line and words in line)), "")


class PageError(Exception):
    pass


def blocks_of(page, text):
    """All blocks of a page in its order."""
    lines = text.split("\n")
    found, reasons, code = [], [], 0
    at = 0

    def add(first, language, body, shown=True):
        nonlocal reasons, code
        if shown:
            found.append(Block(page, first + 1, language, "\n".join(body) + "\n", True, code, reasons))
            reasons, code = [], 0
        else:
            found.append(Block(page, first + 1, language, "\n".join(body) + "\n", False))

    while at < len(lines):
        line, first = lines[at], at
        if fence := re.match(r"( *)```(\S*)$", line):
            at += 1
            while at < len(lines) and lines[at].strip() != "```":
                at += 1
            if at == len(lines):
                raise PageError(f"{page}:{first + 1}: a block that does not end")
            add(first, fence[2], [body.removeprefix(fence[1]) for body in lines[first + 1:at]])
        elif line.startswith("<!--"):
            while "-->" not in lines[at]:
                at += 1
            comment = "\n".join(lines[first:at + 1])
            kind = comment.split("\n")[0].removeprefix("<!--").strip()
            if kind in HIDDEN:
                add(first, kind, lines[first + 1:at], shown=False)
            elif match := re.fullmatch(r"<!-- not run(?: \((.+?)\))?: (.+) -->", comment):
                reasons.append((match[1] or "", match[2]))
            elif match := re.fullmatch(r"<!-- exit (\d+) -->", comment):
                code = int(match[1])
            elif comment != INSTALLATION:
                raise PageError(f"{page}:{first + 1}: a comment that the runner does not know: {comment}")
        elif re.match(r" {4}\S", line) and (first == 0 or not lines[first - 1].strip()) and not in_list(lines, first):
            while at + 1 < len(lines) and (lines[at + 1].startswith("    ") or
                                           (not lines[at + 1] and at + 2 < len(lines) and lines[at + 2].startswith("    "))):
                at += 1
            body = [text[4:] for text in lines[first:at + 1]]
            # Pages also set off formulas and drawings; those are no code.
            if SHELL.match(body[0]):
                add(first, "sh", body)
            elif body[0].startswith("#include"):
                add(first, "cpp", body)
        elif line.strip() and (reasons or code):
            raise PageError(f"{page}:{first + 1}: a comment for the runner must stand before a block, not before text")
        at += 1
    return found


def in_list(lines, at):
    """Whether an indented line belongs to the item of a list."""
    for line in reversed(lines[:at]):
        if line.strip():
            return bool(re.match(r"\s*([*-]|\d+\.) ", line)) or (line.startswith("  ") and not line.startswith("    "))
    return False


def logical_lines(text):
    """Lines of a shell with their continuations."""
    return [line for line in re.sub(r" *\\\n\s*", " ", text).split("\n") if line.strip()]
