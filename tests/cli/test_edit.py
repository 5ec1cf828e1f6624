"""Predictions, and edits of saved models."""
import csv
import json
import subprocess
import sys

from support import FASHION, READ_MODEL, Case, quick_build, read_header, with_fashion, with_numpy, write_about


class Predictions(Case):
    @with_numpy
    def recompute(self, model, images, count):
        subprocess.run([sys.executable, READ_MODEL, model, images, "logits.csv", str(count)], cwd=self.folder, check=True)
        with open(self.folder / "logits.csv") as file:
            return [[float(x) for x in row] for row in csv.reader(file)]

    def test_numpy_computes_the_same(self):
        images = self.data / "t10k-images-idx3-ubyte"
        for radial in ("tanh", "asinh", "algebraic", "log", "softsign"):
            with self.subTest(radial):
                self.train("--radial", radial, "--group-size", 3)
                self.assert_close(self.recompute("model.safetensors", images, 200), self.logits("model.safetensors"), 1e-5)

    @with_fashion
    @quick_build
    def test_numpy_computes_the_same_on_fashion_mnist(self):
        self.works("train", "--data", "fashion-mnist", "--epochs", 1, "--quiet")
        self.data = "fashion-mnist"
        self.assert_close(self.recompute("model.safetensors", FASHION, 500),
                          self.logits("model.safetensors", "--count", 500), 1e-5)

    def test_forms(self):
        self.train()
        lines = self.works("predict", "model.safetensors", "--data", self.data, "--count", 3).out.splitlines()
        self.assertEqual(lines[0], "sample,prediction,probability,logit 0,logit 1,logit 2,logit 3")
        self.assertEqual(len(lines), 4)
        rows = json.loads(self.works("predict", "model.safetensors", "--data", self.data, "--count", 3, "--json").out)
        for line, row in zip(lines[1:], rows):
            sample, prediction, probability, *logits = line.split(",")
            self.assertEqual((int(sample), prediction), (row["sample"], row["prediction"]))
            self.assertAlmostEqual(float(probability), row["probability"], places=5)
            self.assertEqual(prediction, str(row["logits"].index(max(row["logits"]))))
            self.assert_close([[float(x) for x in logits]], [row["logits"]], 1e-6)
        done = self.works("predict", "model.safetensors", "--data", self.data, "--out", "answers.csv")
        self.assertIn("answers.csv", done.out)
        self.assertEqual(len(self.bytes_of("answers.csv").splitlines()), 201)
        train = self.works("predict", "model.safetensors", "--data", self.data, "--split", "train").out
        self.assertEqual(len(train.splitlines()), 601)


    def test_models_with_no_task_and_with_several(self):
        self.train(out="one.safetensors")
        before = self.logits("one.safetensors")
        about, _ = read_header(self.folder / "one.safetensors")
        task = about["tasks"][0]
        several = [{**task, "name": "p", "outputs": ["u", "v"]}, {**task, "name": "q", "outputs": ["w", "x, y"]}]
        def columns(words):
            rows = list(csv.reader(self.works("predict", "other.safetensors", "--data", self.data, *words).out.splitlines()))
            return rows[0], [[float(x) for x in row[-4:]] for row in rows[1:]]

        write_about(self.folder / "one.safetensors", self.folder / "other.safetensors", {**about, "tasks": []})
        self.assertEqual(columns([]), (["sample", "prediction", "probability", "logit 0", "logit 1", "logit 2", "logit 3"], before))
        self.works("eval", "other.safetensors", "--data", self.data)
        self.works("inspect", "other.safetensors")
        write_about(self.folder / "one.safetensors", self.folder / "other.safetensors", {**about, "tasks": several})
        # Both read the one input, so both answer; labels belong to one of them.
        names, logits = columns([])
        self.assertEqual(names, ["sample", "prediction p", "probability p", "prediction q", "probability q",
                                 "logit p u", "logit p v", "logit q w", "logit q x, y"])
        self.assert_close(logits, before, 1e-6)
        (row,) = json.loads(self.works("predict", "other.safetensors", "--data", self.data, "--json", "--count", 1).out)
        self.assert_close([row["tasks"]["q"]["logits"]], [logits[0][2:]], 1e-6)
        self.assertIn(row["tasks"]["q"]["prediction"], ("w", "x, y"))
        rows = self.logits("other.safetensors", "--task", "q")
        self.assertEqual(rows, [row[2:] for row in logits])
        self.refuses(2, "predict", "other.safetensors", "--data", self.data, "--task", "r", says=("task", "p, q"))
        self.refuses(2, "eval", "other.safetensors", "--data", self.data, says=("p, q", "--task"))
        self.refuses(2, "eval", "other.safetensors", "--data", self.data, "--task", "p", says=("4 classes", "task 'p'", "2"))
        self.works("inspect", "other.safetensors")


class Edits(Case):
    def setUp(self):
        super().setUp()
        self.train("--hidden", "12,9", "--group-size", "4", "--fixed", out="in.safetensors")
        self.before = self.logits("in.safetensors")

    def edit(self, *words):
        self.works("edit", "in.safetensors", "out.safetensors", *words)
        return self.about("out.safetensors")

    def test_rotations_change_nothing(self):
        for layer, kind in [(layer, kind) for layer in (1, 2) for kind in ("left", "right", "random")] + [(2, "full")]:
            with self.subTest(layer=layer, kind=kind):
                about = self.edit("--layer", layer, "--rotate", kind)
                self.assertEqual(about["groups"], [[4, 4, 4], [4, 4, 1]])
                self.assertNotEqual(self.bytes_of("in.safetensors"), self.bytes_of("out.safetensors"))
                self.assert_close(self.before, self.logits("out.safetensors"), 1e-5)
                self.assertEqual({record["kind"] for record in about["history"]}, {"rotate"})

    def test_growth_changes_nothing(self):
        for words, groups in ((["--grow", 1, "--group-size", 4], [[4, 4, 4], [4, 4, 2]]),
                              (["--grow", 8, "--group-size", 4], [[4, 4, 4], [4, 4, 4, 4, 1]]),
                              (["--grow", 3, "--into", 1], [[4, 4, 4], [4, 7, 1]]),
                              (["--grow", 5, "--into", 2], [[4, 4, 4], [4, 4, 6]]),
                              (["--grow", 2, "--group-size", 0], [[4, 4, 4], [4, 4, 3]])):
            with self.subTest(words):
                about = self.edit("--layer", 2, *words)
                if words[-1] != 0:
                    self.assertEqual(about["groups"], groups)
                self.assertEqual(about["widths"][2], 9 + words[1])
                self.assertEqual(sum(record["born"] for record in about["history"]), words[1])
                self.assert_close(self.before, self.logits("out.safetensors"), 1e-5)

    def test_selection(self):
        about = self.edit("--layer", 1, "--keep", "0,1,2,3,5,6,8,11")
        self.assertEqual(about["groups"], [[4, 2, 2], [4, 4, 1]])
        self.assertEqual(about["history"][-1]["removed"], 4)
        about = self.edit("--layer", 1, "--remove-groups", "1")
        self.assertEqual(about["groups"], [[4, 4], [4, 4, 1]])
        self.assertEqual(self.edit("--layer", 1, "--keep", ",".join(map(str, range(12))))["widths"], [64, 12, 9, 4])
        self.assert_close(self.before, self.logits("out.safetensors"), 1e-6)

    def test_in_place(self):
        self.works("edit", "in.safetensors", "in.safetensors", "--layer", 1, "--grow", 2)
        self.assertEqual(self.about("in.safetensors")["widths"], [64, 14, 9, 4])

    def test_modes_that_cannot_fold_say_so(self):
        self.train("--length", "none", "--psi", "none", "--hidden", "6", out="in.safetensors")
        self.assertIn("cannot fold", self.works("edit", "in.safetensors", "out.safetensors", "--layer", 1, "--keep", "0").out)
