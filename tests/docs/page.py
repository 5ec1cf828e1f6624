#!/usr/bin/env python3
"""Runs one page from top to bottom in a folder of its own; run.py calls it. page.py PAGE WORK, the rest by the environment:

    ISOFORM_HELP (flags.py), ISOFORM_SETS (small data sets), ISOFORM_SNIPPETS (the program of snippets.py), ISOFORM_PYTHON ("" without the package)
"""
import contextlib
import io
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from blocks import PageError, blocks_of, logical_lines  # noqa: E402
from compare import missing  # noqa: E402
from flags import Program  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FILE = re.compile(r"(?:/\* |// |# )([\w.-]+\.\w+)(?: \*/)?$")  # a block whose first line names the file that it is
DRAWN = ("math", "mermaid")
EPOCHS = 2


class Missing(Exception):
    """A package of others, which a page may need and a machine need not have."""


class Page:
    def __init__(self, path, work):
        self.name = path.resolve().relative_to(ROOT).as_posix()
        self.text, self.work = path.read_text(), work
        self.program = Program(json.loads(pathlib.Path(os.environ["ISOFORM_HELP"]).read_text()))
        self.sets = os.environ["ISOFORM_SETS"]
        self.scope = {"__name__": "page"}
        self.printed = None  # by the block before
        self.said = []       # what was not run, and why

    def run(self):
        for block in blocks_of(self.name, self.text):
            self.block = block
            kind = FILE.match(block.text.partition("\n")[0])
            if block.language in DRAWN:
                continue
            if kind:
                (self.work / kind[1]).write_text(block.text)
            elif handler := getattr(self, f"on_{block.language or 'text'}", None):
                print(f"-- {block.where}: {block.language or 'text'}", flush=True)
                handler(block)
            else:
                raise PageError(f"{block.where}: a block of '{block.language}', which the runner cannot check: name its file in its first "
                                "line, or teach page.py")

    def skip(self, block, why, line=""):
        self.said.append(f"{block.where}: {line.strip() or block.language or 'text'}  ({why})")

    # -- languages ---------------------------------------------------------------------------------------------------------

    def on_sh(self, block):
        self.printed = None
        runs = []
        for line in logical_lines(block.text):
            line = line.removeprefix("$ ")
            if fault := self.fault(line):
                raise PageError(f"{block.where}: {fault}: {line}")
            if why := block.why_not(line):
                self.skip(block, why, line)
            elif "…" not in line:  # no command, but how one looks
                runs.append(self.small(line))
        if runs:
            self.shell("\n".join(runs), block)

    on_bash = on_sh

    def shell(self, script, block):
        print("$ " + script.replace("\n", "\n$ "), flush=True)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, cwd=self.work, timeout=300)
        print(done.stdout, flush=True)
        if done.returncode != block.exit:
            raise PageError(f"{block.where}: exit code {done.returncode}, not {block.exit}")
        self.printed = done.stdout

    def fault(self, line):
        """What names a verb, a flag or a file of this project that is not there."""
        for command in re.split(r"\s(?:&&|\|)\s", line):
            if command.lstrip().startswith("isoform "):
                if fault := self.program.fault(command.strip()):
                    return fault
            elif script := re.match(r"\s*(?:bash )?(?:\./)?((?:scripts/|bench/|\.ci/|demo$|test$)[\w-]*)", command):
                if not (ROOT / script[1]).exists():
                    return f"there is no {script[1]}"
        return ""

    def small(self, line):
        """The same command on small sets, and training for two epochs; where tasks come and go all epochs stay."""
        line = re.sub(r"((?:--data|--test|append=|data=)[ =]?)((?:fashion-)?mnist)\b", rf"\1{self.sets}/\2", line)
        stock = self.sets in line or re.search(r"--data (?:customers|may)\.csv", line)  # what a page brings along is small by itself
        if stock and re.match(r"\s*isoform train\b", line) and "--change" not in line and "--config" not in line:
            if "--epochs" in line:
                return re.sub(r"--epochs \d+", f"--epochs {EPOCHS}", line)
            return re.sub(r"isoform train", f"isoform train --epochs {EPOCHS}", line)
        return line

    def on_python(self, block):
        code = compile(block.text, block.where, "exec")
        self.printed = None
        if why := block.why_not():
            self.skip(block, why)
            return
        if not os.environ["ISOFORM_PYTHON"] and re.search(r"\bisoform\b", block.text):
            raise Missing("isoform for Python is not built, which the rest of the page needs")
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(code, self.scope)
        except BaseException as error:
            if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("isoform"):
                raise Missing(f"{error.name} is not installed, which the rest of the page needs") from None
            traceback.print_exc()
            raise PageError(f"{block.where}: raised") from None
        finally:
            print(printed.getvalue(), flush=True)
        self.printed = printed.getvalue()

    def on_cpp(self, block):
        if not block.shown:
            return
        self.printed = None
        program = os.environ["ISOFORM_SNIPPETS"]
        if why := block.why_not() or ("" if program else "the program of snippets is not built"):
            self.skip(block, why)
            return
        self.shell(f"{shlex.quote(program)} {block.where}", block)

    def on_c(self, block):
        """A piece of a file that is not shown whole."""
        if not block.why_not():
            raise PageError(f"{block.where}: a block of '{block.language}': name the file that it is in its first line, or say why it is not run")
        self.skip(block, block.why_not())

    on_cmake = on_nginx = on_c

    def on_json(self, block):
        for line in block.text.splitlines() if re.match(r'\{"v":', block.text) else [block.text]:
            said = json.loads(line)
            if "seq" in said and os.environ["ISOFORM_SNIPPETS"]:
                # A log counts from 0; everything else is as the page has it.
                (self.work / "event.jsonl").write_text(json.dumps({**said, "seq": 0}) + "\n")
                self.shell(f"{shlex.quote(os.environ['ISOFORM_SNIPPETS'])} --events event.jsonl", block)

    def on_toml(self, block):
        (self.work / "block.toml").write_text(block.text)
        self.shell(self.small("isoform train --data mnist --config block.toml --show-settings"), block)
        self.printed = None

    def on_text(self, block):
        if why := block.why_not():
            self.skip(block, why)
        elif self.printed is None:
            raise PageError(f"{block.where}: shows what no block before it printed; run the command, or say why not: <!-- not run: … -->")
        elif line := missing(block.text, self.printed):
            raise PageError(f"{block.where}: shows a line that was not printed (numbers aside): {line}")

    # -- words in the text -------------------------------------------------------------------------------------------------

    def check_words(self):
        """Commands and flags in the text exist."""
        prose = re.sub(r"^( *)```.*?^ *```$", "", self.text, flags=re.M | re.S)
        for words in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose):
            if re.match(r"isoform [a-z]", words) and (fault := self.program.fault(words)):
                raise PageError(f"{self.name}: {fault}: `{words}`")
            if re.match(r"--[a-z]", words):
                flag = re.match(r"--[\w-]+", words)[0]
                if flag not in self.program.all_flags() and flag not in OTHERS:
                    raise PageError(f"{self.name}: no verb of isoform has the flag {flag}: `{words}`")


# Flags of other programs that pages name.
OTHERS = {"--config-settings", "--no-build-isolation", "--no-install-recommends", "--preset"}


def main():
    page = Page(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
    os.chdir(page.work)
    try:
        page.check_words()
        page.run()
    except PageError as error:
        sys.exit(f"FAILED {error}")
    except Missing as error:
        page.skip(page.block, str(error), "from here on")
    for line in page.said:
        print(f"NOT RUN {line}")


if __name__ == "__main__":
    main()
