"""Running the program in a folder of its own, and small data sets to run it on."""
import csv
import gzip
import json
import math
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

try:
    import numpy
except ImportError:
    numpy = None

PROGRAM = os.environ.get("ISOFORM_PROGRAM", "isoform")
SLOW = bool(os.environ.get("ISOFORM_SLOW"))
READ_MODEL = pathlib.Path(__file__).resolve().parent.parent / "io" / "read_model.py"
FASHION = pathlib.Path("/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz")
STEMS = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")

with_numpy = unittest.skipUnless(numpy, "numpy is not installed")
with_fashion = unittest.skipUnless(FASHION.exists(), "fashion-mnist is not installed")
quick_build = unittest.skipIf(SLOW, "too long for a sanitised build")

# What no message for people may contain: traces of a crash, or of a library underneath.
CRASH_WORDS = ("terminate called", "Traceback", "Aborted", "Segmentation", "core dumped", "AddressSanitizer",
               "runtime error", "a bug in Isoform", "[json.exception", "std::", "what():", "basic_string")


def idx(shape, values):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(values)


def part(samples, side, classes, dice):
    """Pictures of one of `classes` patterns under noise, and which it was."""
    pattern = random.Random(7)
    patterns = [[pattern.randrange(200) for _ in range(side * side)] for _ in range(classes)]
    labels = [i % classes for i in range(samples)]
    pixels = [min(255, max(0, int(p + dice.gauss(0, 30)))) for label in labels for p in patterns[label]]
    return idx((samples, side, side), pixels), idx((samples,), labels)


def write_set(folder, train=600, test=200, side=8, classes=4, compress=False):
    folder.mkdir(parents=True)
    dice = random.Random(1)
    files = part(train, side, classes, dice) + part(test, side, classes, dice)
    for stem, content in zip(STEMS, files):
        if compress:
            (folder / f"{stem}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / stem).write_bytes(content)
    return folder


def read_header(path):
    """What the text `isoform` of a model file says, and its tensors' entries."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    return json.loads(header.pop("__metadata__")["isoform"]), header


def write_about(path, copy, about):
    """A copy of a model file whose text `isoform` says something else."""
    data = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    header["__metadata__"]["isoform"] = json.dumps(about)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pathlib.Path(copy).write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length:])


class Done:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err


class Case(unittest.TestCase):
    """A test with a folder of its own, in which the program runs; `self.data` is a small set."""
    maxDiff = 2000
    longMessage = True

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="isoform-cli-"))
        cls.data = write_set(cls.shared / "patterns")
        cls.addClassCleanup(shutil.rmtree, cls.shared)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="isoform-cli-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def environment(self):
        environment = {**os.environ, "NO_COLOR": "1", "LC_ALL": "C.UTF-8"}
        environment.pop("ISOFORM_DATA_DIR", None)
        return environment

    def start(self, *words, **options):
        return subprocess.Popen([PROGRAM, *(w if isinstance(w, bytes) else str(w) for w in words)], cwd=self.folder,
                                env=self.environment(), **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                                                           "stderr": subprocess.PIPE, **options})

    def run_program(self, *words, timeout=300, **options):
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.fail(f"hangs: {words}")
        done = Done(process.returncode, (out or b"").decode("utf-8", "replace"), (err or b"").decode("utf-8", "replace"))
        for word in CRASH_WORDS:
            self.assertNotIn(word, done.out + done.err, f"{words}")
        self.assertGreaterEqual(done.code, 0, f"killed by a signal: {words}\n{done.err}")
        return done

    def works(self, *words, **options):
        done = self.run_program(*words, **options)
        self.assertEqual(done.code, 0, f"{words}\n{done.err}")
        return done

    def refuses(self, code, *words, says=(), leaves=None, **options):
        """Fails with this code and a message with these words, and leaves no file that was not there."""
        before = self.files()
        done = self.run_program(*words, **options)
        self.assertEqual(done.code, code, f"{words}\n{done.out}{done.err}")
        self.assertTrue(done.err.startswith("isoform: "), f"{words}\n{done.err}")
        for text in (says,) if isinstance(says, str) else says:
            self.assertIn(text, done.err, f"{words}")
        self.assertEqual(self.files(), before if leaves is None else before | set(leaves), f"{words}")
        return done

    def files(self):
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    def train(self, *words, out="model.safetensors", epochs=2, quiet=True):
        quiet = ["--quiet"] if quiet else []
        # Exploring small networks is as good a test, and quicker.
        if not {"--policy", "--fixed", "--parameter-budget", "--config"} & {str(word) for word in words}:
            words += ("--parameter-budget", 5000)
        return self.works("train", "--data", self.data, "--epochs", epochs, "--out", out, *quiet, *words)

    def bytes_of(self, name):
        return (self.folder / name).read_bytes()

    def about(self, name):
        return read_header(self.folder / name)[0]

    def logits(self, model, *words):
        done = self.works("predict", model, "--data", self.data, *words)
        return [[float(x) for x in row[3:]] for row in list(csv.reader(done.out.splitlines()))[1:]]

    def assert_close(self, one, other, tolerance):
        """Rows agree within tolerance · their length."""
        self.assertEqual(len(one), len(other))
        for i, (a, b) in enumerate(zip(one, other)):
            self.assertEqual(len(a), len(b))
            length = math.sqrt(sum(x * x for x in a))
            difference = math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))
            self.assertLessEqual(difference, tolerance * length, f"row {i}")
