#!/usr/bin/env python3
"""Runs what the pages show: run.py PROGRAM WORK [--snippets PROGRAM] [--python FOLDER] [--prefix FOLDER] [PAGES…]

Without pages: all of README, ARCHITECTURE, CONTRIBUTING and docs that need no installation; with --prefix those that need one. blocks.py says how pages are
marked, page.py what is done with each language. What is not run is listed, with the reason that its page gives.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
from blocks import INSTALLATION  # noqa: E402
from flags import read_help  # noqa: E402
from tables import write_tables  # noqa: E402


def all_pages(installed):
    pages = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in pages if (INSTALLATION in page.read_text()) == installed]


def environment(options, sets):
    env = {**os.environ, "ISOFORM_HELP": str(sets.parent / "help.json"), "ISOFORM_SETS": str(sets), "NO_COLOR": "1",
           "LC_ALL": "C.UTF-8", "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1",
           "ISOFORM_SNIPPETS": str(options.snippets.resolve()) if options.snippets else "",
           "ISOFORM_PYTHON": str(options.python.resolve()) if options.python else ""}
    folders = {"PATH": [options.program.resolve().parent], "PYTHONPATH": [options.python] if options.python else []}
    if options.prefix:
        prefix = options.prefix.resolve()
        folders["PATH"] = [prefix / "bin"]
        folders |= {"PKG_CONFIG_PATH": [prefix / "lib/pkgconfig"], "LD_LIBRARY_PATH": [prefix / "lib"], "CMAKE_PREFIX_PATH": [prefix]}
    for name, paths in folders.items():
        env[name] = os.pathsep.join([*(str(path.resolve()) for path in paths), *filter(None, [os.environ.get(name)])])
    return env


def run_page(page, work, env):
    began = time.monotonic()
    folder = work / page.relative_to(ROOT).as_posix().replace("/", "_").removesuffix(".md")
    folder.mkdir()
    write_tables(folder)
    try:
        done = subprocess.run([sys.executable, str(HERE / "page.py"), str(page), str(folder)], env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        return page, done.returncode, done.stdout, time.monotonic() - began
    except subprocess.TimeoutExpired as error:
        return page, 1, f"{(error.stdout or b'').decode()}\nFAILED {page.name}: more than {error.timeout:.0f} s", error.timeout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--snippets", type=pathlib.Path)
    parser.add_argument("--python", type=pathlib.Path)
    parser.add_argument("--prefix", type=pathlib.Path)
    parser.add_argument("pages", type=lambda text: pathlib.Path(text).resolve(), nargs="*")
    options = parser.parse_args()
    work = options.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    from support import write_set
    write_set(work / "sets" / "fashion-mnist", train=300, test=60, side=28, classes=10, compress=True)
    shutil.copytree(work / "sets" / "fashion-mnist", work / "sets" / "mnist")
    (work / "help.json").write_text(json.dumps(read_help(options.program.resolve())))
    env = environment(options, work / "sets")

    pages = options.pages or all_pages(bool(options.prefix))
    failed, unrun = [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for page, code, output, seconds in pool.map(lambda page: run_page(page, work, env), pages):
            print(f"{'ok' if code == 0 else 'FAILED':6} {seconds:5.1f} s  {page.relative_to(ROOT)}", flush=True)
            unrun += [line.removeprefix("NOT RUN ") for line in output.splitlines() if line.startswith("NOT RUN ")]
            if code or options.pages:
                print(output)
            failed += [page] if code else []
    print(f"\nChecked, not run: {len(unrun)}")
    for line in unrun:
        print(f"  {line}")
    if failed:
        sys.exit(f"\n{len(failed)} of {len(pages)} pages failed: {', '.join(str(page.relative_to(ROOT)) for page in failed)}")
    print(f"\n{len(pages)} pages do what they say.")


if __name__ == "__main__":
    main()
