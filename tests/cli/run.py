#!/usr/bin/env python3
"""Tests of the program: python3 run.py PROGRAM [--slow] [NAME…], where NAME is as in unittest -k and --slow skips what is long."""
import os
import pathlib
import sys
import unittest

if __name__ == "__main__":
    here = pathlib.Path(__file__).resolve().parent
    sys.path.insert(0, str(here))
    words = [word for word in sys.argv[1:] if word]
    os.environ["ISOFORM_PROGRAM"] = str(pathlib.Path(words.pop(0)).resolve())
    if "--slow" in words:
        words.remove("--slow")
        os.environ["ISOFORM_SLOW"] = "1"
    loader = unittest.TestLoader()
    loader.testNamePatterns = [f"*{word}*" for word in words] or None
    suite = loader.discover(str(here), pattern="test_*.py")
    result = unittest.TextTestRunner(verbosity=2 if words else 1).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
