"""isoform export: a header that answers what `isoform predict` answers."""
import csv
import json
import shutil
import struct
import subprocess
import unittest

from support import Case

with_gcc = unittest.skipUnless(shutil.which("gcc"), "gcc is not installed")

# Reads pictures of bytes from a file of the set, prints the logits of the first.
MAIN = r"""
#include "NAME.h"
#include <stdio.h>
int main(int argc, char **argv) {
  unsigned char pixels[NAME_INPUTS];
  float x[NAME_INPUTS], y[NAME_OUTPUTS];
  FILE *file = fopen(argv[argc - 1], "rb");
  size_t i;
  int n;
  if (file == NULL || fseek(file, 16, SEEK_SET) != 0) return 1;
  for (n = 0; n < 20; ++n) {
    if (fread(pixels, 1, sizeof pixels, file) != sizeof pixels) return 2;
    for (i = 0; i < NAME_INPUTS; ++i) x[i] = pixels[i];
    FUNCTION(x, y);
    for (i = 0; i < NAME_OUTPUTS; ++i) printf("%.9g%c", (double)y[i], i + 1 < NAME_OUTPUTS ? ',' : '\n');
  }
  return 0;
}
"""


class Export(Case):
    def model(self, *words, out="model.safetensors"):
        self.train("--hidden", "12,10", "--fixed", *words, out=out)

    def answers(self, name, function=None):
        text = MAIN.replace("FUNCTION", function or f"{name}_predict").replace("NAME_", f"{name.upper()}_")
        (self.folder / "main.c").write_text(text.replace("NAME", name))
        subprocess.run(["gcc", "-std=c99", "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror", "main.c", "-o", "main", "-lm"],
                       cwd=self.folder, check=True, timeout=120)
        done = subprocess.run([str(self.folder / "main"), str(self.data / "t10k-images-idx3-ubyte")], check=True,
                              capture_output=True, text=True, timeout=60)
        return [[float(x) for x in row] for row in csv.reader(done.stdout.splitlines())]

    @with_gcc
    def test_the_header_answers_what_predict_answers(self):
        self.model()
        self.works("sparsify", "model.safetensors", "sparse.safetensors")
        self.train("--hidden", "12,10", "--group-size", 0, "--fixed", out="whole.safetensors")
        self.works("convert", "whole.safetensors", "gates.safetensors")
        for model in ("model", "sparse", "gates"):
            with self.subTest(model):
                told = json.loads(self.works("export", f"{model}.safetensors", "net.h", "--json").out)
                self.assertEqual((told["out"], told["format"], told["name"]), ("net.h", "h", "net"))
                self.assertEqual(told["bytes"], (self.folder / "net.h").stat().st_size)
                (function,) = told["functions"]
                self.assertEqual((function["symbol"], function["inputs"], function["outputs"]), ("net_predict", [64], 4))
                self.assert_close(self.logits(f"{model}.safetensors", "--count", 20), self.answers("net"), 2e-6)

    def test_words(self):
        self.model()
        told = self.works("export", "model.safetensors", "My-net.h").out
        self.assertRegex(told, r"functions   my_net_predict\(x\[64\], y\[4\]\)\n")
        self.assertRegex(told, r"memory      [\d,]+ bytes of constants, [\d,]+ of stack in a call\n")
        self.assertRegex(told, r"written     My-net.h, a C99 header, [\d,]+ bytes\n$")
        text = (self.folder / "My-net.h").read_text("ascii")
        self.assertNotIn(str(self.folder), text)
        before = self.bytes_of("My-net.h")
        self.works("export", "model.safetensors", "My-net.h")
        self.assertEqual(self.bytes_of("My-net.h"), before)
        self.works("export", "model.safetensors", "NET.H", "--name", "Digits2")
        self.assertIn("Digits2_predict", (self.folder / "NET.H").read_text())
        self.assertIn("DIGITS2_OUTPUTS 4", (self.folder / "NET.H").read_text())

    @with_gcc
    def test_tasks(self):
        self.model()
        self.works("task", "add", "model.safetensors", "two.safetensors", "--name", "Odd ones", "--outputs", "a,b")
        told = json.loads(self.works("export", "two.safetensors", "two.h", "--json").out)
        first, second = told["functions"]
        self.assertEqual(second["symbol"], "two_predict_odd_ones")
        self.assertEqual(second["task"], "Odd ones")
        one = json.loads(self.works("export", "two.safetensors", "one.h", "--task", first["task"], "--json").out)
        self.assertEqual([f["symbol"] for f in one["functions"]], ["one_predict"])
        self.assertLess(one["constant_bytes"], told["constant_bytes"])
        self.assert_close(self.logits("model.safetensors", "--count", 20), self.answers("one"), 2e-6)

    def test_refusals(self):
        self.model()
        for words, says in (
                (("model.safetensors", "net.onyx"),
                 "out: its ending says which format is written; known are .h (a C99 header)"),
                (("model.safetensors", "net"), "got none in 'net'"),
                (("model.safetensors", "net.h", "--name", "7up"), "name: needs a letter"),
                (("model.safetensors", "net.h", "--name", "a b"), "got 'a b'"),
                (("model.safetensors", "net.h", "--task", "nope"), "'nope' is unknown"),
                (("model.safetensors", "net.h", "--nmae", "x"), "did you mean --name?"),
                (("model.safetensors",), "out is required"),
                ((), "is required")):
            self.refuses(2, "export", *words, says=says)
        (self.folder / "model.h").write_bytes(self.bytes_of("model.safetensors"))
        self.refuses(2, "export", "model.h", "model.h", says="needs another file")
        self.assertEqual(self.bytes_of("model.h"), self.bytes_of("model.safetensors"))
        self.refuses(1, "export", "nothing.safetensors", "net.h", says="nothing.safetensors")
        self.refuses(1, "export", "model.safetensors", "no/net.h", says="does not exist")
        (self.folder / "folder.h").mkdir()
        self.refuses(1, "export", "model.safetensors", "folder.h", says="is a folder")
        (self.folder / "broken.safetensors").write_bytes(struct.pack("<Q", 5) + b"hello")
        self.refuses(1, "export", "broken.safetensors", "net.h", says="broken.safetensors")
