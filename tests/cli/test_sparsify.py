"""isoform sparsify: the same outputs from a smaller, faster file."""
import json
import subprocess
import sys

from support import READ_MODEL, Case, with_numpy


class Sparsification(Case):
    def model(self, *words):
        self.train("--length", "trainable", "--psi", "decay", "--fixed", *words, out="in.safetensors")
        self.before = self.logits("in.safetensors")

    def sparsify(self, *words, source="in.safetensors", out="out.safetensors"):
        return json.loads(self.works("sparsify", source, out, *words, "--json").out)

    def weights_in_file(self, name):
        """How many numbers the file stores for weights, and in which forms."""
        data = (self.folder / name).read_bytes()
        header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
        count, forms = 0, {}
        for tensor, entry in header.items():
            parts = tensor.split(".")
            if len(parts) > 2 and parts[2] == "weight":
                size = 1
                for length in entry["shape"]:
                    size *= length
                count += size
                forms[int(parts[1]) + 1] = parts[3] if len(parts) > 3 else "dense"
        return count, forms

    def test_methods_on_a_whole_layer_network(self):
        self.model("--hidden", "20,20,20", "--group-size", 0)
        weights = 64 * 20 + 2 * 400 + 80
        expected = {
            "best": (["dense", "diagonal", "triangle", "dense"], 380 + 190),
            "alternating": (["dense", "diagonal", "dense", "dense"], 380),
            "chain": (["triangle", "triangle", "triangle", "dense"], 3 * 190),
        }
        for method, (forms, removed) in expected.items():
            with self.subTest(method):
                told = self.sparsify("--method", method, "--data", self.data)
                self.assertEqual([m["form"] for m in told["maps"]], forms)
                self.assertEqual(told["weights_before"], weights)
                self.assertEqual(told["weights"], weights - removed)
                self.assertAlmostEqual(told["ceiling_share"], 570 / weights)
                self.assertEqual(told["parameters_before"] - told["parameters"], removed)
                self.assertEqual(told["multiply_adds_before"] - told["multiply_adds"], removed)
                self.assertEqual(told["file_bytes"], len(self.bytes_of("out.safetensors")))
                self.assertEqual(told["file_bytes_before"], len(self.bytes_of("in.safetensors")))
                self.assertLess(told["file_bytes"], told["file_bytes_before"] - 4 * removed + 2000)
                self.assertLess(told["relative_change"]["largest"], 1e-5)
                self.assertEqual(told["accuracy"], told["accuracy_before"])
                self.assertGreater(min(told["seconds"], told["seconds_before"]), 0)
                self.assert_close(self.before, self.logits("out.safetensors"), 1e-5)
                count, stored = self.weights_in_file("out.safetensors")
                self.assertEqual((count, [stored[i] for i in sorted(stored)]), (weights - removed, forms))
                history = self.about("out.safetensors")["history"]
                self.assertEqual({record["kind"] for record in history}, {"rotate"})
                self.assertTrue(all("sparsified" in record["why"] for record in history))

    @with_numpy
    def test_numpy_reads_what_is_left(self):
        self.model("--hidden", "70,71,69", "--group-size", 0)
        told = self.sparsify()
        self.assertEqual(told["widths"], [64, 64, 65, 66, 4])
        self.assertIn("random inputs", told["measured_on"])
        history = self.about("out.safetensors")["history"]
        self.assertEqual(sum(record["removed"] for record in history), 210 - 195)
        self.assertIn("reduce", {record["kind"] for record in history})
        images = self.data / "t10k-images-idx3-ubyte"
        done = subprocess.run([sys.executable, READ_MODEL, "out.safetensors", images, "logits.csv", "200"], cwd=self.folder)
        self.assertEqual(done.returncode, 0)
        rows = [[float(x) for x in line.split(",")] for line in (self.folder / "logits.csv").read_text().splitlines()]
        self.assert_close(self.before, rows, 1e-5)

    def test_what_it_prints(self):
        self.model("--hidden", "12,9", "--group-size", 4)
        done = self.works("sparsify", "in.safetensors", "out.safetensors", "--data", self.data)
        for text in ("triangle", "of the ceiling", "must not mix groups", "multiply–adds", "time, 512 samples",
                     "accuracy", "change", "out.safetensors", "−"):
            self.assertIn(text, done.out)
        again = self.works("sparsify", "out.safetensors", "again.safetensors")
        self.assertIn("nothing was changed", again.out)
        self.assertEqual(self.bytes_of("again.safetensors"), self.bytes_of("out.safetensors"))
        self.sparsify(source="in.safetensors", out="in.safetensors")
        self.assert_close(self.before, self.logits("in.safetensors"), 1e-5)

    def test_dry_run_writes_nothing(self):
        self.model("--hidden", "12,12", "--group-size", 0)
        files = self.files()
        done = self.works("sparsify", "in.safetensors", "--dry-run")
        self.assertIn("diagonal", done.out)
        told = json.loads(self.works("sparsify", "in.safetensors", "--dry-run", "--json").out)
        self.assertEqual([m["weights"] for m in told["maps"]], [768, 12, 48])
        self.assertEqual(self.files(), files)

    def test_diagonals_by_name(self):
        self.model("--hidden", "9,9,9,9", "--group-size", 0)
        self.assertEqual([m["form"] for m in self.sparsify("--diagonal", "3")["maps"]],
                         ["triangle", "dense", "diagonal", "triangle", "dense"])
        self.assert_close(self.before, self.logits("out.safetensors"), 1e-5)

    def test_refusals(self):
        self.model("--hidden", "9,9,9", "--group-size", 0)
        self.train("--hidden", "9,9", "--group-size", 3, out="grouped.safetensors")

        def refused(*words, says, code=2, source="in.safetensors"):
            self.refuses(code, "sparsify", source, *words, says=says)

        refused(says="needs a file to write")
        refused("out.safetensors", "--dry-run", says="writes nothing")
        refused("out.safetensors", "--diagonal", 1, says="basis of the input is fixed by the task")
        refused("out.safetensors", "--diagonal", 4, says="basis of the output is fixed by the task")
        refused("out.safetensors", "--diagonal", "2,3", says="the one rotation of hidden layer 2")
        refused("out.safetensors", "--diagonal", 9, says="out of range; maps are 1 to 4")
        refused("out.safetensors", "--diagonal", 2, "--method", "chain", says="method best only")
        refused("out.safetensors", "--method", "svd", says="known are best, alternating, chain")
        refused("out.safetensors", "--method", "alternating", source="grouped.safetensors", says="must not mix groups")
        refused("no-folder/out.safetensors", code=1, says="no-folder")
        refused("out.safetensors", source="missing.safetensors", code=1, says="missing.safetensors")
