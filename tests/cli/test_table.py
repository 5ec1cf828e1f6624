"""Tables: trained on, predicted, scored."""
import csv
import gzip
import io
import json
import os
import random
import unittest.mock

from support import quick_build
from tables import GOES_ON, SHORT, TableCase, csv_text, flowers, prices, r2

MODEL = "model.safetensors"
LONGER = ("--epochs", 40, "--learning-rate", 0.02)


class Learning(TableCase):
    def test_numbers_are_recovered(self):
        summary = self.learn(self.write("prices.csv", prices(400)), "price", "--epochs", 30)
        self.assertGreater(summary["test"]["scores"]["R²"], 0.95)
        fresh = prices(100, seed=2)
        answers, err = self.predictions(MODEL, self.write("fresh.csv", [row[:3] for row in fresh]))
        self.assertEqual(err, "")
        truth = [float(row[3]) for row in fresh[1:]]
        self.assertGreater(r2(truth, [float(row["price"]) for row in answers]), 0.95)
        scores = json.loads(self.works("eval", MODEL, "--data", self.write("known.csv", fresh), "--json", "--importance").out)
        self.assertAlmostEqual(scores["scores"]["R²"], r2(truth, [float(row["price"]) for row in answers]), places=4)
        self.assertEqual([c["column"] for c in scores["importance"]], ["size", "age", "noise"])
        self.assertLess(abs(scores["importance"][2]["score"]), 0.05)

    @quick_build
    def test_a_network_that_finds_its_own_size(self):
        done = self.works("train", "--data", self.write("flowers.csv", flowers(240)), "--target", "kind", "--epochs", 20, "--parameter-budget",
                          2000, "--threads", 1, "--json")
        self.assertGreater(json.loads(done.out)["test"]["scores"]["accuracy"], 0.85)
        for words in ("flowers: 240 rows", "target kind: 3 classes", "aster (80)", "2 columns of numbers, 1 of categories", "missing: "):
            self.assertIn(words, done.err)

    def test_labels(self):
        dice = random.Random(1)
        rows = [["a", "b", "p", "q"]]
        for _ in range(300):
            a, b = dice.gauss(0, 1), dice.gauss(0, 1)
            rows.append([a, b, int(a > 0), int(a + b > 0)])
        summary = self.learn(self.write("t.csv", rows), "p,q", "--epochs", 30)
        self.assertGreater(summary["test"]["scores"]["exact match"], 0.8)
        answers, _ = self.predictions(MODEL, "t.csv")
        self.assertEqual(list(answers[0]), ["p", "q", "probability of p", "probability of q"])
        self.assertGreater(sum(int(row["q"]) == known[3] for row, known in zip(answers, rows[1:])), 270)
        for row in answers:
            self.assertEqual(row["p"] == "1", float(row["probability of p"]) > 0.5)

    def test_a_table_is_the_same_in_every_dress(self):
        rows = flowers(90)
        plain = self.write("flowers.csv", rows)
        commas = [[cell.replace(".", ",") for cell in row] for row in rows]
        for folder in "abcdef":
            (self.folder / folder).mkdir()
        dresses = [self.write("a/flowers.csv", gzip.compress(csv_text(rows).encode())),
                   self.write("b/flowers.csv", b"\xef\xbb\xbf" + csv_text(rows).replace("\n", "\r\n").encode()),
                   self.write("c/flowers.csv", commas, delimiter=";"),
                   self.write("d/flowers.tsv", rows, delimiter="\t"),
                   self.write("e/flowers.csv", rows, delimiter="|", quoting=csv.QUOTE_ALL),
                   self.write("f/flowers.csv", csv_text(rows).replace("\n", "\n\n").rstrip("\n"))]
        self.learn(plain, "kind", "--epochs", 3)
        expected, answers = self.bytes_of(MODEL), self.works("predict", MODEL, "--data", plain).out
        for dress in dresses:
            with self.subTest(dress):
                self.learn(dress, "kind", "--epochs", 3, "--out", "other.safetensors")
                self.assertEqual(self.bytes_of("other.safetensors"), expected)
                self.assertEqual(self.works("predict", MODEL, "--data", dress).out, answers)
        for name in (plain, dresses[0]):
            with self.subTest(pipe=name), open(self.folder / name, "rb") as file:
                # A pipe and a file as standard input.
                process = self.start("train", "--data", "-", "--target", "kind", "--epochs", 3, *SHORT, "--out", "pipe.safetensors",
                                     stdin=-1)
                _, err = process.communicate(file.read())
                self.assertEqual(process.returncode, 0, err)
                self.assertEqual(self.works("predict", "pipe.safetensors", "--data", plain).out, answers)
                file.seek(0)
                self.assertEqual(self.works("predict", MODEL, "--data", "-", stdin=file).out, answers)

    def test_a_pipe_leaves_no_copy_behind(self):
        copies = self.folder / "copies"
        copies.mkdir()
        with unittest.mock.patch.dict(os.environ, TMPDIR=str(copies)):
            for text, code in ((csv_text(flowers(60)), 0), ("kind,a\n1,2,3\n", 1)):
                process = self.start("train", "--data", "-", "--target", "kind", "--epochs", 1, *SHORT, stdin=-1)
                _, err = process.communicate(text.encode())
                self.assertEqual(process.returncode, code, err)
                self.assertEqual(list(copies.iterdir()), [])

    def test_without_a_header(self):
        rows = [row[:2] + row[3:] for row in flowers(90)[1:]]
        self.learn(self.write("t.csv", [[row[0] or "0", *row[1:]] for row in rows]), "column 3", "--epochs", 3)
        answers, _ = self.predictions(MODEL, "t.csv")
        self.assertEqual(len(answers), 90)
        self.assertIn("column 3", answers[0])


class Predicting(TableCase):
    def setUp(self):
        super().setUp()
        self.learn(self.write("flowers.csv", flowers(120)), "kind", "--epochs", 5)

    def test_columns_may_stand_in_any_order(self):
        rows = flowers(30, seed=4)
        here, _ = self.predictions(MODEL, self.write("here.csv", rows))
        there, err = self.predictions(MODEL, self.write("there.csv", [["extra", *reversed(rows[0][:3])]] +
                                                        [[i, *reversed(row[:3])] for i, row in enumerate(rows[1:])]))
        self.assertEqual(here, there)
        self.assertIn("does not read: extra", err)

    def test_what_was_never_seen_is_counted(self):
        rows = [["length", "width", "colour"], ["4", "1", "pink"], ["4", "", "red"], ["", "1", "pink"], ["4", "1", ""]]
        answers, err = self.predictions(MODEL, self.write("new.csv", rows))
        self.assertEqual(len(answers), 4)
        self.assertIn("column 'colour': 2 rows have a category that the model has not seen (the first: 'pink')", err)
        self.assertIn("column 'width': is missing in 1 rows", err)
        self.assertNotIn("'length'", err)

    def test_as_many_rows_as_were_asked(self):
        self.write("all.csv", flowers(30, seed=4))
        for count, rows in ((0, 30), (7, 7), (30, 30), (99, 30)):
            answers, _ = self.predictions(MODEL, "all.csv", "--count", count)
            self.assertEqual(len(answers), rows)
        listed = json.loads(self.works("predict", MODEL, "--data", "all.csv", "--count", 5, "--json").out)
        self.assertEqual([row["prediction"] for row in listed], [row["kind"] for row in answers[:5]])
        for row, told in zip(answers, listed):
            shares = [float(row[f"probability of {kind}"]) for kind in ("aster", "broom", "clover")]
            self.assertAlmostEqual(sum(shares), 1, places=5)
            self.assertEqual(float(row["probability"]), max(shares))
            self.assertAlmostEqual(told["probability"], max(shares), places=5)
        self.works("predict", MODEL, "--data", "all.csv", "--out", "answers.csv")
        self.assertEqual(self.bytes_of("answers.csv").decode(), self.works("predict", MODEL, "--data", "all.csv").out)

    def test_a_column_alone_may_miss_values(self):
        self.learn(self.write("one.csv", [["x", "y"], *([i % 5 or "", "pq"[i % 2]] for i in range(40))]), "y", "--epochs", 2)
        for style in ({}, {"quoting": csv.QUOTE_ALL}):
            answers, _ = self.predictions(MODEL, self.write("x.csv", [["x"], [1], [""], ["NA"], [""], [2]], **style))
            self.assertEqual(len(answers), 5)

    def test_what_is_kept_is_what_python_wrote(self):
        dice = random.Random(5)
        pieces = [",", ";", '"', '""', "\n", "\r\n", "é", "漢", "x", " ", "\t", "'", "1.5", "\\"]
        rows = flowers(200, seed=6)
        name = 'so; a "note"'
        # Spaces around a field that is not quoted are no part of it.
        notes = [name] + ["".join(dice.choices(pieces, k=dice.randrange(6))).strip(" ") for _ in rows[1:]]
        table = [[*row[:3], note] for row, note in zip(rows, notes)]
        for style in ({}, {"quoting": csv.QUOTE_ALL}, {"delimiter": ";"}, {"delimiter": "|"}, {"delimiter": "\t"}):
            with self.subTest(style):
                self.write("notes.csv", table, **style)
                answers, _ = self.predictions(MODEL, "notes.csv", "--keep", name, "--keep", "width")
                self.assertEqual([(row[name], row["width"]) for row in answers], [(row[3], row[1]) for row in table[1:]])

    def test_classes_and_categories_of_any_text(self):
        dice = random.Random(7)
        names = ['a,b', 'say "no"', "zwölf;", "日本", "a|b\tc", "=1+1"]
        rows = [["x", "what, where", "so \"it\" is"]]
        for _ in range(120):
            k = dice.randrange(6)
            rows.append([k + dice.gauss(0, 0.1), names[k], names[5 - k]])
        self.learn(self.write("odd.csv", rows), 'so "it" is', "--epochs", 10, "--out", "odd.safetensors")
        answers, err = self.predictions("odd.safetensors", "odd.csv")
        self.assertEqual(err, "")
        told = {name.replace("\t", " ") for name in names}
        self.assertLessEqual({row['so "it" is'] for row in answers}, told)
        self.assertEqual(set(list(answers[0])[2:]), {f"probability of {name}" for name in told})


class Choosing(TableCase):
    def test_cross_validation(self):
        self.write("flowers.csv", flowers(90))
        files = []
        for threads in (1, 2):
            done = self.works("train", "--data", "flowers.csv", "--target", "kind", "--folds", 3, "--out-of-fold", "oof.csv", "--epochs", 5,
                              "--parameter-budget", 600, "--threads", threads, "--json", "--quiet")
            files.append((self.bytes_of("oof.csv"), self.bytes_of(MODEL)))
        self.assertEqual(files[0], files[1], "threads change nothing")
        told = json.loads(done.out)["cross_validation"]
        self.assertEqual(told["folds"], 3)
        rows = list(csv.DictReader(io.StringIO(files[0][0].decode())))
        self.assertEqual([int(row["line"]) for row in rows], list(range(2, 92)))
        truth = [row[3] for row in flowers(90)[1:]]
        for fold in (1, 2, 3):
            own = [(row, kind) for row, kind in zip(rows, truth) if row["fold"] == str(fold)]
            self.assertEqual(len(own), 30)
            right = sum(max(("aster", "broom", "clover"), key=lambda k: float(row[k])) == kind for row, kind in own)
            self.assertAlmostEqual(told["scores"]["accuracy"]["values"][fold - 1], right / 30, places=6)
        self.assertNotIn("test", json.loads(done.out), "all rows are learned from")

    def test_a_run_that_has_ended_is_not_validated_again(self):
        self.write("flowers.csv", flowers(90))
        words = ("train", "--data", "flowers.csv", "--target", "kind", "--epochs", 2, "--parameter-budget", 600, "--checkpoint", "c.ckpt", "--folds")
        self.assertIn("3 of 3 folds", self.works(*words, 3).err)
        done = self.works(*words, 3, "--resume")
        self.assertIn("finished already", done.out)
        self.assertNotIn("folds", done.err)
        self.refuses(2, *words, 4, "--resume", "--quiet", says="table.folds")

    def test_a_test_of_its_own(self):
        self.write("train.csv", flowers(90))
        self.write("test.csv", flowers(33, seed=9))
        summary = self.learn("train.csv", "kind", "--test", "test.csv", "--epochs", 5)
        self.assertEqual(summary["test"]["samples"], 33)
        scores = json.loads(self.works("eval", MODEL, "--data", "test.csv", "--json").out)
        self.assertEqual(scores["samples"], 33)
        self.assertAlmostEqual(scores["accuracy"], summary["test"]["accuracy"], places=6)

    def test_weights(self):
        dice = random.Random(3)
        rows = [["x", "w", "y"]]
        for _ in range(300):
            # Half of the rows are wrong, and weigh nothing.
            x, wrong = dice.gauss(0, 1), dice.random() < 0.5
            rows.append([x, 0 if wrong else dice.choice((1, 2)), "up" if (x > 0) != wrong else "down"])
        self.learn(self.write("t.csv", rows), "y", "--weights", "w", "--epochs", 15)
        answers, _ = self.predictions(MODEL, "t.csv")
        self.assertGreater(sum(row["y"] == ("up" if known[0] > 0 else "down") for row, known in zip(answers, rows[1:])), 280)
        self.assertNotIn("w", json.dumps(self.about(MODEL)["inputs"][0]["features"]))

    def test_class_weights(self):
        dice = random.Random(4)
        rows = [["x", "y"]] + [[dice.gauss(1.2 if i % 12 == 0 else 0, 1), "rare" if i % 12 == 0 else "often"] for i in range(480)]
        self.write("t.csv", rows)
        rare = []
        for kind in ("none", "balanced"):
            self.learn("t.csv", "y", "--class-weights", kind, "--epochs", 10)
            rare.append(sum(row["y"] == "rare" for row in self.predictions(MODEL, "t.csv")[0]))
        self.assertLess(rare[0], 40)
        self.assertGreater(rare[1], 80)

    def test_kept_columns_may_be_called_as_answers_are(self):
        rows = [[*row[:3], f"no. {i}", row[3]] if i else ["length", "width", "colour", "probability", "kind"] for i, row in enumerate(flowers(60))]
        self.learn(self.write("t.csv", rows), "kind", "--epochs", 2, "--ignore", "probability")
        done = self.works("predict", MODEL, "--data", "t.csv", "--keep", "kind,probability", "--out", "p.csv")
        self.assertIn("60 predictions in p.csv", done.out)
        with open(self.folder / "p.csv", newline="") as file:
            answers = list(csv.DictReader(file))
        self.assertEqual(list(answers[0])[:4], ["kind", "probability", "predicted kind", "predicted probability"])
        self.assertEqual([row["kind"] for row in answers], [row[4] for row in rows[1:]])
        kept = json.loads(self.works("predict", MODEL, "--data", "t.csv", "--keep", "probability", "--json", "--count", 2).out)
        self.assertEqual([row["kept"] for row in kept], [{"probability": "no. 1"}, {"probability": "no. 2"}])

    def test_numbers_of_any_size(self):
        """Units as small as 1e-9 are read; answers around 1e9 keep the digits in which they differ."""
        dice = random.Random(6)
        rows = [["nano", "y"]] + [[f"{x * 1e-9:.6e}", f"{1e9 + x:.6f}"] for x in (dice.gauss(0, 1) for _ in range(300))]
        summary = self.learn(self.write("t.csv", rows), "y", "--epochs", 60)
        self.assertGreater(summary["test"]["scores"]["R²"], 0.9)
        answers = [float(row["y"]) for row in self.predictions(MODEL, "t.csv")[0]]
        self.assertGreater(r2([float(row[1]) for row in rows[1:]], answers), 0.9)

    def test_outliers_do_not_spoil_huber(self):
        dice = random.Random(7)
        rows = prices(400)
        for row in rows[1::25]:
            row[3] = f"{float(row[3]) + dice.choice((-1, 1)) * 1e6:.3f}"
        self.learn(self.write("t.csv", rows), "price", "--epochs", 60, "--loss", "huber")
        fresh = prices(100, seed=2)
        self.write("fresh.csv", fresh)
        answers = [float(row["price"]) for row in self.predictions(MODEL, "fresh.csv")[0]]
        self.assertGreater(r2([float(row[3]) for row in fresh[1:]], answers), 0.9)


class Continuing(TableCase):
    def test_a_new_class_and_a_new_column(self):
        self.learn(self.write("old.csv", flowers(120, kinds=("aster", "broom"))), "kind", "--epochs", 10)
        self.assertIn("model.memory.safetensors", self.files())
        old = flowers(40, seed=5, kinds=("aster", "broom"))
        dice = random.Random(2)
        new = [[*row[:3], f"{dice.gauss(0, 1):.2f}", row[3]] for row in flowers(90, seed=3)]
        new[0][3] = "height"
        new[1][2] = "violet"
        new[2][1] = ""
        before = self.bytes_of(MODEL)
        done = self.works("train", "--continue", MODEL, "--data", self.write("new.csv", new), "--out", "more.safetensors",
                          *LONGER, *GOES_ON[1:])
        self.assertEqual(self.bytes_of(MODEL), before)
        for words in ("new classes: clover", "new columns: height", "unchanged to the last bit"):
            self.assertIn(words, done.err)
        about = self.about("more.safetensors")
        self.assertEqual(about["tasks"][0]["outputs"], ["aster", "broom", "clover"])
        for feature in ("height", "height is missing", "colour = violet", "width is missing"):
            self.assertIn(feature, about["inputs"][0]["features"])
        scores = json.loads(self.works("eval", "more.safetensors", "--data", "new.csv", "--json").out)
        self.assertGreater(scores["accuracy"], 0.75)
        # What it knew, with the new column not known.
        rows = [[*row[:3], "", row[3]] for row in old]
        rows[0][3] = "height"
        scores = json.loads(self.works("eval", "more.safetensors", "--data", self.write("again.csv", rows), "--json").out)
        self.assertGreater(scores["accuracy"], 0.75)
        self.assertIn("more.memory.safetensors", self.files())

    def test_an_interruption_leaves_the_model_that_goes_on(self):
        self.learn(self.write("old.csv", flowers(120, kinds=("aster", "broom"))), "kind", "--epochs", 5)
        self.write("new.csv", flowers(90, seed=3))
        before = self.bytes_of(MODEL), self.bytes_of("model.memory.safetensors")
        words = ["train", "--continue", MODEL, "--data", "new.csv", "--epochs", 60, *GOES_ON[1:]]
        self.works(*words, "--out", "whole.safetensors")
        words += ["--out", MODEL, "--checkpoint", "run.ckpt", "--checkpoint-every", 0, "--resume"]
        process = self.start(*[word for word in words if word != "--quiet"])
        for line in process.stderr:
            if b" 2/60" in line:
                break
        process.send_signal(2)
        err = process.communicate(timeout=60)[1].decode()
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("model.safetensors is as it was; the same command with --resume goes on", err)
        self.assertEqual((self.bytes_of(MODEL), self.bytes_of("model.memory.safetensors")), before)
        self.works(*words)
        self.assertEqual(self.bytes_of(MODEL), self.bytes_of("whole.safetensors"))
        self.assertEqual(self.bytes_of("model.memory.safetensors"), self.bytes_of("whole.memory.safetensors"))

    def test_what_a_model_knows_is_not_said_otherwise(self):
        self.learn(self.write("old.csv", flowers(60)), "kind", "--epochs", 2)
        for words, says in ((("--loss", "huber"), "loss: is of a model that begins"), (("--target-kind", "numbers"), "answers classes"),
                            (("--categories", "length"), "has learned column 'length' as numbers"), (("--ignore", "colour"), "as categories"),
                            (("--numbers", "colour"), "as categories")):
            with self.subTest(words):
                self.refuses(2, "train", "--continue", MODEL, "--data", "old.csv", *words, says=says)

    def test_without_rows_that_are_kept(self):
        self.learn(self.write("old.csv", flowers(60)), "kind", "--epochs", 2, "--memory", 0)
        self.assertNotIn("model.memory.safetensors", self.files())
        done = self.works("train", "--continue", MODEL, "--data", "old.csv", "--epochs", 2, "--out", "more.safetensors", *GOES_ON)
        self.assertIn("there is no 'model.memory.safetensors'", done.err)

    def test_rows_that_are_known_measure_nothing(self):
        """A table that grows: with a target of chance, nothing but rows learned before could be told right."""
        dice = random.Random(8)
        chance = [["a", "b", "c", "y"]] + [[f"{dice.gauss(0, 1):.4f}" for _ in range(3)] + [dice.choice("pq")] for _ in range(200)]
        self.learn(self.write("may.csv", chance[:161]), "y", "--epochs", 60)
        done = self.works("train", "--continue", MODEL, "--data", self.write("june.csv", chance), "--epochs", 2,
                          "--out", "more.safetensors", *GOES_ON[1:])
        self.assertIn("128 rows of 'june.csv' have been learned before", done.err)
        self.assertIn("of the new rows of june.csv", done.out)
        rows = int(done.out.split(" rows, ")[0].rsplit("(", 1)[1])
        self.assertLess(rows, 20)
        done = self.works("train", "--continue", "more.safetensors", "--data", "june.csv", "--epochs", 2, "--test", "may.csv",
                          "--out", "again.safetensors", *GOES_ON[1:])
        self.assertIn("are among those that are learned from", done.err)

    def test_each_model_has_rows_of_its_own(self):
        self.learn(self.write("old.csv", flowers(60)), "kind", "--epochs", 2, "--out", "w.v1")
        self.learn("old.csv", "kind", "--epochs", 2, "--out", "w.v2")
        self.learn("old.csv", "kind", "--epochs", 2, "--out", "w.v3", "--memory", 0)
        self.assertLessEqual({"w.v1.memory", "w.v2.memory"}, set(self.files()))
        self.assertNotIn("w.v3.memory", self.files())

    def test_a_class_that_is_called_otherwise(self):
        self.learn(self.write("old.csv", flowers(60)), "kind", "--epochs", 2)
        self.works("task", "rename-output", MODEL, MODEL, "aster", "daisy")
        rows = [[*row[:-1], row[-1].replace("aster", "daisy")] for row in flowers(60, seed=2)]
        done = self.works("train", "--continue", MODEL, "--data", self.write("new.csv", rows), "--epochs", 2,
                          "--out", "more.safetensors", *GOES_ON[1:])
        self.assertIn("new classes: none", done.err)

    def test_damaged_rows_are_refused(self):
        self.learn(self.write("old.csv", flowers(60)), "kind", "--epochs", 2)
        (self.folder / "model.memory.safetensors").write_bytes(self.bytes_of("model.memory.safetensors")[:-7])
        self.refuses(1, "train", "--continue", MODEL, "--data", "old.csv", "--epochs", 2, "--out", "more.safetensors", *GOES_ON,
                     says="model.memory.safetensors")

    def test_more_numbers(self):
        self.learn(self.write("old.csv", prices(200)), "price", "--epochs", 20)
        new = [[*row, "new" if i % 2 else "old"] for i, row in enumerate(prices(100, seed=4))]
        new[0][4] = "state"
        self.works("train", "--continue", MODEL, "--data", self.write("new.csv", new), "--out", "more.safetensors", *LONGER, *GOES_ON)
        scores = json.loads(self.works("eval", "more.safetensors", "--data", "new.csv", "--json").out)
        self.assertGreater(scores["scores"]["R²"], 0.9)

    def test_a_finished_run_is_finished(self):
        self.write("t.csv", flowers(60))
        run = ("train", "--data", "t.csv", "--target", "kind", "--epochs", 2, *SHORT, "--checkpoint", "run.ckpt", "--resume")
        self.works(*run)
        self.assertIn("finished already", self.works(*run).out)
        self.write("t.csv", flowers(60, seed=2))
        self.refuses(2, *run, says="resume")
