#!/usr/bin/env python3
"""Runs what a page shows, as it stands: run_page.py PAGE PREFIX WORK.

Blocks whose first line is a comment with a file's name are written to that file, blocks of `sh` are run, in the order of the page, with
the installation under PREFIX. Two kinds are not run: training, which is done on a small set that is made here, and what needs root.
"""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cli"))
from support import write_set  # noqa: E402

FILE = re.compile(r"(?:/\* |// |# )([\w.-]+\.\w+)(?: \*/)?$")


def environment(prefix):
    folders = {"PATH": "bin", "PKG_CONFIG_PATH": "lib/pkgconfig", "LD_LIBRARY_PATH": "lib", "CMAKE_PREFIX_PATH": ""}
    old = dict(os.environ)
    return {**old, **{name: str(prefix / part) + (os.pathsep + old[name] if old.get(name) else "")
                      for name, part in folders.items()}}


def run(command, work, env):
    done = subprocess.run(["bash", "-euc", command], cwd=work, env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=600)
    print(f"$ {command}\n{done.stdout}", flush=True)
    if done.returncode != 0:
        sys.exit(f"exit code {done.returncode}")


def main():
    page, prefix, work = (pathlib.Path(word).resolve() for word in sys.argv[1:])
    env = environment(prefix)
    data = write_set(work / "data")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.M | re.S)
    ran = 0
    for language, text in blocks:
        name = FILE.match(text.partition("\n")[0])
        if name:
            (work / name[1]).write_text(text)
        elif language == "sh" and "sudo" not in text:
            text = text.replace("fashion-mnist", str(data))
            run(text.strip(), work, env)
            ran += 1
        elif language != "sh":
            sys.exit(f"a block of {language} without the name of a file")
    if ran < 3:
        sys.exit("the page shows next to nothing")


if __name__ == "__main__":
    main()
