"""Tasks that come and go: isoform task, and train with changes."""
import csv
import json
import subprocess
import sys

from support import READ_MODEL, Case, read_header, with_numpy, write_set


class Tasks(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.letters = write_set(cls.shared / "letters", train=150, test=50, side=6, classes=3)

    def setUp(self):
        super().setUp()
        self.train("--hidden", "6,5", "--fixed", epochs=1, out="one.safetensors")
        self.task("add", "one.safetensors", "two.safetensors", "--data", self.letters)

    def task(self, verb, *words):
        return json.loads(self.works("task", verb, *words, "--json").out)

    def names(self, model, what="tasks"):
        return [entry["name"] for entry in self.task("list", model)[what]]

    def test_a_task_comes_and_goes(self):
        before = self.logits("one.safetensors")
        self.assertEqual(self.names("two.safetensors"), ["patterns", "letters"])
        self.assertEqual(self.logits("two.safetensors"), before)
        text = self.works("task", "add", "one.safetensors", "again.safetensors", "--data", self.letters).out
        self.assertIn("unchanged   patterns: the logits to the last bit", text)
        self.assertEqual(self.bytes_of("again.safetensors"), self.bytes_of("two.safetensors"))
        told = self.task("remove", "two.safetensors", "back.safetensors", "letters")
        self.assertEqual(told["inputs_removed"], ["letters"])
        self.assertEqual(told["widths"], [64, 6, 5, 4])
        self.assert_close(self.logits("back.safetensors"), before, 1e-6)
        told = self.task("add", "one.safetensors", "shared.safetensors", "--name", "odd", "--outputs", "yes,no")
        self.assertEqual(told["inputs"], ["patterns"])
        self.assertEqual(told["relative_change"]["patterns"], {"mean": 0, "largest": 0})

    @with_numpy
    def test_numpy_computes_the_same(self):
        images = self.letters / "t10k-images-idx3-ubyte"
        subprocess.run([sys.executable, READ_MODEL, "two.safetensors", images, "y.csv", "50", "letters"], cwd=self.folder, check=True)
        with open(self.folder / "y.csv") as file:
            recomputed = [[float(y) for y in row] for row in csv.reader(file)]
        self.data = self.letters
        self.assert_close(recomputed, self.logits("two.safetensors"), 1e-5)

    def test_names_switches_and_freezing(self):
        self.works("task", "rename", "two.safetensors", "m.safetensors", "letters", "abc")
        self.works("task", "rename", "m.safetensors", "m.safetensors", "letters", "scans", "--input")
        self.works("task", "off", "m.safetensors", "m.safetensors", "patterns")
        self.works("task", "set", "m.safetensors", "m.safetensors", "abc", "--weight", 0.5, "--loss", "squared")
        told = self.task("freeze", "m.safetensors", "m.safetensors", "--trunk", "--task", "patterns")
        self.assertEqual(told["relative_change"]["abc"], {"mean": 0, "largest": 0})
        tasks = self.task("list", "m.safetensors")
        self.assertEqual(tasks["frozen_groups"], tasks["groups"])
        self.assertEqual([(t["name"], t["inputs"], t["active"], t["frozen"], t["weight"], t["loss"]) for t in tasks["tasks"]],
                         [("patterns", ["patterns"], False, True, 1, "cross_entropy"), ("abc", ["scans"], True, False, 0.5, "squared")])
        self.works("task", "thaw", "m.safetensors", "m.safetensors", "--trunk")
        self.assertEqual(self.task("list", "m.safetensors")["frozen_groups"], 0)
        self.works("task", "on", "m.safetensors", "m.safetensors", "patterns")
        table = self.works("task", "list", "m.safetensors").out
        for word in ("abc", "scans", "squared", "frozen", "trunk"):
            self.assertIn(word, table)

    def test_outputs_and_features(self):
        before = self.logits("one.safetensors")
        self.works("task", "add-outputs", "one.safetensors", "m.safetensors", "--outputs", "x,y")
        self.assertEqual([row[:4] for row in self.logits("m.safetensors")], before)
        self.works("task", "rename-output", "m.safetensors", "m.safetensors", "x", "z")
        self.works("task", "remove-outputs", "m.safetensors", "m.safetensors", "--outputs", "1,y")
        about, _ = read_header(self.folder / "m.safetensors")
        self.assertEqual(about["tasks"][0]["outputs"], ["0", "2", "3", "z"])
        self.works("task", "add-inputs", "one.safetensors", "f.safetensors", "--features", "age", "--mean", 40, "--deviation", 20)
        told = self.task("remove-inputs", "f.safetensors", "f.safetensors", "--features", "age")
        self.assertEqual(told["widths"], [64, 6, 5, 4])
        self.assertLess(told["relative_change"]["patterns"]["largest"], 1e-5)
        fold = self.task("remove-inputs", "one.safetensors", "f.safetensors", "--features", "0,9", "--data", self.data)
        mean = self.task("remove-inputs", "one.safetensors", "f.safetensors", "--features", "0,9")
        self.assertLess(fold["unexplained"], 1)
        self.assertEqual(fold["widths"][0], 62)
        self.assertNotIn("unexplained", mean)
        measured = self.task("remove-inputs", "one.safetensors", "f.safetensors", "--features", "0,9", "--data", self.data, "--fold", "mean")
        self.assertEqual(measured["moved_rms"], mean["moved_rms"])
        self.assertGreater(measured["relative_change"]["patterns"]["mean"], 0)

    def test_refusals_write_nothing(self):
        for words, says in (
                (("remove", "one.safetensors", "x.safetensors", "patterns"), ("patterns", "only one")),
                (("remove", "two.safetensors", "x.safetensors", "pattern"), ("pattern", "patterns, letters")),
                (("rename", "two.safetensors", "x.safetensors", "letters", "patterns"), "taken"),
                (("rename", "two.safetensors", "x.safetensors", "letters", ""), "empty"),
                (("add", "two.safetensors", "x.safetensors", "--data", self.letters), ("letters", "taken")),
                (("add", "two.safetensors", "x.safetensors", "--name", "n"), "--outputs or --data"),
                (("add", "one.safetensors", "x.safetensors", "--name", "n", "--outputs", "a,a"), "two outputs called 'a'"),
                (("add", "two.safetensors", "x.safetensors", "--name", "n", "--outputs", "a"), ("--input", "patterns, letters")),
                (("add", "one.safetensors", "x.safetensors", "--data", self.letters, "--inputs", "patterns"), ("64", "36")),
                (("freeze", "one.safetensors", "x.safetensors"), "--trunk"),
                (("set", "one.safetensors", "x.safetensors", "patterns"), "--loss or --weight"),
                (("set", "one.safetensors", "x.safetensors", "patterns", "--weight", 0), "above 0"),
                (("remove-outputs", "one.safetensors", "x.safetensors", "--outputs", "0,1,2,3"), "output"),
                (("remove-outputs", "two.safetensors", "x.safetensors", "--outputs", "0"), ("--task", "patterns, letters")),
                (("add-outputs", "one.safetensors", "x.safetensors", "--outputs", "0"), "taken"),
                (("remove-inputs", "one.safetensors", "x.safetensors", "--features", "64"), "64"),
                (("remove-inputs", "one.safetensors", "x.safetensors", "--features", "1", "--fold", "none"), "others or mean"),
                (("off", "two.safetensors", "x.safetensors", "patterns", "--data", self.letters, "--data-task", "q"), "patterns, letters")):
            with self.subTest(words=words):
                self.refuses(2, "task", *words, says=says)


class Changes(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.letters = write_set(cls.shared / "letters", train=150, test=50, side=6, classes=3)

    def test_in_one_command(self):
        changes = ["--change", f"epoch=2 append={self.letters}", "--change", "epoch=4 remove=patterns"]
        done = self.works("train", "--data", self.data, "--epochs", 5, "--hidden", "6", *changes, "--out", "m.safetensors",
                          "--events", "e.jsonl", "--picture", "p.svg", "--json")
        told = json.loads(done.out)
        self.assertEqual([(c["action"], c["task"], c["epoch"]) for c in told["changes"]],
                         [("append", "letters", 1), ("remove", "patterns", 3)])
        self.assertEqual(told["changes"][0]["change"], 0)
        self.assertEqual([len(e["tasks"]) for e in told["epochs"]], [1, 2, 2, 1, 1])
        self.assertEqual([t["task"] for t in told["tests"]], ["letters"])
        self.assertIn("append letters: other tasks' outputs the same to the last bit", done.err)
        self.assertIn("letters", (self.folder / "p.svg").read_text())
        self.assertEqual(told["widths"]["last"][0], 36)
        shown = self.works("train", "--data", self.data, *changes, "--epochs", 5, "--show-settings").out
        (self.folder / "run.toml").write_text(shown)
        self.works("train", "--config", "run.toml", "--hidden", "6", "--out", "again.safetensors", "--quiet")
        self.assertEqual(self.bytes_of("m.safetensors"), self.bytes_of("again.safetensors"))

    def test_refusals_before_anything_starts(self):
        for changes, says in (
                (["epoch=2 remove=patterns"], ("remove patterns", "last task")),
                ([f"epoch=2 append={self.letters} name=patterns"], ("patterns", "another name")),
                (["epoch=2 append=/nowhere/at/all"], "/nowhere/at/all"),
                ([f"epoch=2 append={self.letters} inputs=patterns"], ("64", "36")),
                ([f"epoch=2 append={self.letters}", "epoch=3 on=letters"], "on already"),
                ([f"epoch=3 append={self.letters}", "epoch=2 freeze=trunk"], "epochs in order"),
                (["epoch=9 freeze=trunk"], "the last is 4"),
                (["epoch=2 off=patterns"], "no task is on"),
                (["epoch=2 rename=patterns to=p", "epoch=3 freeze=patterns"], "there are p"),
                (["append=mnist"], "epoch")):
            with self.subTest(changes=changes):
                words = [word for change in changes for word in ("--change", change)]
                done = self.run_program("train", "--data", self.data, "--epochs", 4, *words, "--out", "m.safetensors")
                self.assertIn(done.code, (1, 2))
                for text in (says,) if isinstance(says, str) else says:
                    self.assertIn(text, done.err)
                self.assertNotIn("loss", done.err.split("isoform:")[0], "before anything starts")
                self.assertEqual(self.files(), set())
