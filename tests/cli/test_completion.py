"""Completion scripts and the manual page: made from the program, so that they say what it takes."""
import os
import pty
import re
import select
import shutil
import subprocess
import unittest

from support import PROGRAM, Case

# Completes the words given to it; the last is under the cursor.
ASK = r"""
source ./script
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_isoform
if ((${#COMPREPLY[@]})); then printf '%s\n' "${COMPREPLY[@]}"; fi
"""


def verbs_of(text):
    """What --help lists under Subcommands."""
    part = text.partition("\nSubcommands:\n")[2].partition("\n\n")[0]
    return [line.split()[0] for line in part.splitlines() if re.match(r"  \S", line)]


class Tree(Case):
    def every_verb(self):
        for verb in verbs_of(self.works("--help").out):
            text = self.works(verb, "--help").out
            yield (verb,), text
            for sub in verbs_of(text):
                yield (verb, sub), self.works(verb, sub, "--help").out

    def long_flags(self, text):
        return set(re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)", text, re.M)) - {"--help"}


class Bash(Tree):
    def setUp(self):
        super().setUp()
        (self.folder / "script").write_text(self.works("completion", "bash").out)

    def complete(self, *words):
        done = subprocess.run(["bash", "--norc", "-c", ASK, "bash", "isoform", *words], cwd=self.folder,
                              capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return done.stdout.splitlines()

    def test_verbs(self):
        self.assertEqual(self.complete("tr"), ["train"])
        self.assertEqual(self.complete(""), verbs_of(self.works("--help").out))
        self.assertEqual(self.complete("task", "re"),
                         ["remove", "rename", "remove-outputs", "rename-output", "remove-inputs"])
        self.assertEqual(self.complete("experiment", "run", "cos"), ["cost"])

    def test_every_flag_of_every_verb(self):
        for path, text in self.every_verb():
            with self.subTest(path):
                self.assertEqual(set(self.complete(*path, "--")) - {"--help"}, self.long_flags(text))

    def test_values(self):
        self.assertEqual(self.complete("train", "--optimiser", "ad"), ["adam", "adamw"])
        self.assertEqual(self.complete("train", "--optimiser", "=", "ad"), ["adam", "adamw"])
        self.assertEqual(self.complete("train", "--optimiser", "="), self.complete("train", "--optimiser", ""))
        self.assertEqual(self.complete("train", "--optimiser=ad"), ["--optimiser=adam", "--optimiser=adamw"])
        self.assertEqual(self.complete("train", "--quiet", "--policy", ""), ["tolerance", "effect", "paper"])
        self.assertEqual(self.complete("train", "--epochs", ""), [])
        self.assertEqual(self.complete("eval", "a", "--split", "t"), ["test", "train"])
        self.assertEqual(self.complete("completion", ""), ["bash", "zsh"])
        self.assertEqual(self.complete("experiment", "run", "cost", "--datasets", "mnist,fash"), ["mnist,fashion-mnist"])

    def test_every_name_is_taken(self):
        """What is offered is what the program accepts, which it says when it refuses."""
        settings = self.works("train", "--help").out
        for flag in re.findall(r"^  (--[a-z-]+) NAME", settings, re.M):
            with self.subTest(flag):
                names = self.complete("train", flag, "")
                refused = self.refuses(2, "train", "--data", self.data, flag, "wrong", says="known are").err
                self.assertEqual(names, re.search("known are ([^;\n]*)", refused)[1].split(", "))
        for verb, flag in (("eval", "--split"), ("edit", "--rotate"), ("sparsify", "--method"), ("shrink", "--metric"),
                           ("inspect", "--basis")):
            text = self.works(verb, "--help").out
            for name in self.complete(verb, flag, ""):
                self.assertIn(name, text)
        text = self.works("task", "remove-inputs", "--help").out
        self.assertEqual(self.complete("task", "remove-inputs", "--fold", ""), ["others", "mean"])
        self.assertIn("others (", text)

    def test_files(self):
        (self.folder / "two words").mkdir()
        (self.folder / "model.safetensors").write_text("")
        self.assertEqual(self.complete("eval", "mo"), ["model.safetensors"])
        self.assertEqual(self.complete("train", "--tensorboard", ""), ["two words"])
        self.assertEqual(self.complete("train", "--config", "t"), ["two words"])
        self.assertEqual(sorted(self.complete("eval", "model.safetensors", "--data", "")),
                         sorted([*self.complete("data", "check", "")]))
        self.assertIn("fashion-mnist", self.complete("data", "check", ""))
        self.assertIn("two words", self.complete("data", "check", ""))

    def test_refusals(self):
        self.refuses(2, "completion", "fish", says=["fish", "bash, zsh"])
        self.refuses(2, "completion")


@unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
class Zsh(Tree):
    def test_is_zsh_and_knows_every_flag(self):
        script = self.works("completion", "zsh").out
        (self.folder / "_isoform").write_text(script)
        done = subprocess.run(["zsh", "-n", "_isoform"], cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        functions = dict(re.findall(r"^(_isoform\w*|_isoform[\w-]*)\(\) \{\n(.*?)^\}", script, re.M | re.S))
        for path, text in self.every_verb():
            body = functions["_isoform_" + "_".join(path)]
            for flag in self.long_flags(text):
                self.assertRegex(body, rf"'(\(- : \*\)|\*)?{flag}=?\[")

    def read_until(self, terminal, end):
        said = b""
        while end not in said:
            if not select.select([terminal], [], [], 60)[0]:
                self.fail(f"zsh says no more: {said}")
            said += os.read(terminal, 4096)
        return said

    def test_completes_in_a_terminal(self):
        """A zsh of its own, asked as a person asks: words and a tab."""
        (self.folder / "_isoform").write_text(self.works("completion", "zsh").out)
        for typed, wanted in (("isoform tra", "isoform train"), ("isoform train --optimiser nov", "--optimiser novograd"),
                              ("isoform task add-o", "isoform task add-outputs"),
                              ("isoform train --policy=pap", "--policy=paper"),
                              ("isoform data check fashion-m", "check fashion-mnist")):
            master, slave = pty.openpty()
            process = subprocess.Popen(["zsh", "-f", "-i"], cwd=self.folder, stdin=slave, stdout=slave, stderr=slave,
                                       env={**os.environ, "TERM": "dumb", "PS1": "> "}, start_new_session=True)
            os.close(slave)
            try:
                os.write(master, b"fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; "
                                 b"show() { print -r -- \"<<$BUFFER>>\"; exit }; zle -N show; bindkey '^O' show; "
                                 b"print rea''dy\n")
                self.read_until(master, b"ready\r\n")
                os.write(master, typed.encode() + b"\t\x0f")
                said = self.read_until(master, b">>\r\n")
            finally:
                process.kill()
                process.wait()
                os.close(master)
            self.assertIn(wanted.encode(), said, typed)


class Manual(Tree):
    def test_has_every_verb_and_flag(self):
        page = self.works("manual").out
        self.assertTrue(page.isascii())
        self.assertEqual([line for line in page.splitlines() if re.match(r"[.'](?!\\\"|[A-Za-z]{1,2}\b)", line)], [])
        for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "VERBS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"):
            self.assertIn(f"\n.SH {title}\n", page)
        plain = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "").replace("\\fI", "")
        for path, text in self.every_verb():
            part = plain.partition(f"\n.SS isoform {' '.join(path)}\n")[2].partition("\n.SS ")[0]
            self.assertTrue(part, path)
            for flag in self.long_flags(text):
                self.assertRegex(part, rf"\n\.TP\n(-\w, )?{flag}\b", path)
        # Once as an example of its verb, and not with every verb below.
        self.assertEqual(plain.count("\nisoform task list model.safetensors\n") +
                         plain.count("\n  isoform task list model.safetensors\n"), 1)
        for word in ("NO_COLOR", "ISOFORM_DATA_DIR", "130"):
            self.assertIn(f"\n.TP\n{word}\n", plain)

    @unittest.skipUnless(shutil.which("mandoc") or shutil.which("groff"), "neither mandoc nor groff is installed")
    def test_formats_without_warnings(self):
        (self.folder / "isoform.1").write_text(self.works("manual").out)
        for program in (["groff", "-man", "-ww", "-Tutf8"], ["mandoc", "-T", "lint", "-W", "warning"]):
            if not shutil.which(program[0]):
                continue
            done = subprocess.run([*program, "isoform.1"], cwd=self.folder, capture_output=True, text=True, timeout=60)
            said = done.stderr + (done.stdout if program[0] == "mandoc" else "")
            # The page has no date, since it is the same whenever it is made.
            said = [line for line in said.splitlines() if "date" not in line]
            self.assertEqual(said, [], program[0])


class Manners(Tree):
    def in_terminal(self, *words, **environment):
        """What is shown on a terminal, standard error and output together."""
        master, slave = pty.openpty()
        base = {**self.environment(), "TERM": "xterm"}
        base.pop("NO_COLOR")
        process = subprocess.Popen([PROGRAM, *map(str, words)], cwd=self.folder, env={**base, **environment},
                                   stdin=subprocess.DEVNULL, stdout=slave, stderr=slave)
        os.close(slave)
        said = b""
        try:
            while piece := os.read(master, 4096):
                said += piece
        except OSError:  # the other end is closed
            pass
        os.close(master)
        process.wait(timeout=60)
        return said

    COLOUR = re.compile(rb"\x1b\[[0-9;]*m")

    def test_colours_only_on_terminals_and_never_with_no_color(self):
        train = ["train", "--data", self.data, "--epochs", 1, "--parameter-budget", 2000]
        for words in (train, ["eval", "nowhere"]):
            self.assertRegex(self.in_terminal(*words), self.COLOUR)
            self.assertRegex(self.in_terminal(*words, NO_COLOR=""), self.COLOUR)
            self.assertNotRegex(self.in_terminal(*words, NO_COLOR="1"), self.COLOUR)
            self.assertNotRegex(self.in_terminal(*words, TERM="dumb"), self.COLOUR)
            environment = {**self.environment(), "TERM": "xterm"}
            environment.pop("NO_COLOR")
            done = subprocess.run([PROGRAM, *map(str, words)], cwd=self.folder, env=environment, capture_output=True)
            self.assertNotIn(b"\x1b", done.stdout + done.stderr)
        for path, _ in self.every_verb():
            self.assertNotIn(b"\x1b", self.in_terminal(*path, "--help"), path)

    def test_quiet_silences_progress_and_no_error(self):
        self.train("--hidden", "12,12", "--group-size", 0, "--fixed", out="in.safetensors", epochs=1)
        shrink = ["shrink", "in.safetensors", "out.safetensors", "--tolerance", 0.5, "--data", self.data]
        self.assertIn("trying", self.works(*shrink).err)
        for words in (shrink, ["sparsify", "in.safetensors", "out.safetensors"],
                      ["train", "--data", self.data, "--epochs", 1, "--parameter-budget", 2000]):
            self.assertEqual(self.works(*words, "--quiet").err, "", words)
        for words in (["shrink", "no", "out", "--to", 2], ["sparsify", "no", "out"], ["train", "--data", "no"],
                      ["study", "no"], ["experiment", "run", "no"]):
            self.assertIn("isoform: ", self.run_program(*words, "--quiet").err)

    def test_exit_codes_are_told_and_kept(self):
        self.assertIn("Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.", self.works("--help").out)
        for path, text in self.every_verb():
            needs = "REQUIRED" in text or "\nSubcommands:" in text
            self.refuses(2, *path, "--no-such-flag", says="Try: isoform")
            if needs:
                self.refuses(2, *path)
