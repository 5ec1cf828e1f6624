"""Tables that are none, and what does not fit them: one message with the place, and no file left behind."""
import gzip
import os
import random
import time

from tables import GOES_ON, SHORT, TableCase, csv_text, flowers, prices

MODEL = "model.safetensors"


class BadTables(TableCase):
    def refused(self, content, code, *says, target="y", words=()):
        """Training on it is refused, in one line."""
        self.write("t.csv", content)
        done = self.refuses(code, "train", "--data", "t.csv", "--target", target, "--epochs", 1, *SHORT, *words, says=says)
        self.assertEqual(done.err.count("\n"), 1, done.err)
        self.assertEqual(done.out, "")
        return done

    def test_broken_text(self):
        good = "".join(f"{i % 5},{i % 3},{'pq'[i % 2]}\n" for i in range(100))
        head = "a,b,y\n"
        for name, content, says in (
                ("quote that is never closed", head + good + '1,"2,p\n' + good, ("t.csv:102: column 2", "never closed")),
                ("quote never closed at once", 'a,b,y\n"1,2,p\n3,4,q\n', ("t.csv:2: column 1", "never closed")),
                ("quote inside", head + good + '1,2"3,p\n', ("t.csv:102: column 2", "quote")),
                ("text behind a quote", head + '1,"2"3,p\n' + good, ("t.csv:2: column 2", "quote")),
                ("too many fields", head + good + "1,2,3,p\n", ("t.csv:102: has 4 fields", "3 columns")),
                ("too few fields", head + good + "\n1,p\n", ("t.csv:103: has 2 fields", "3 columns")),
                ("empty", "", ("t.csv: is empty",)),
                ("blank", "\n\n  \n", ("t.csv: is empty",)),
                ("header only", head, ("t.csv: has no rows",)),
                ("columns twice", "a,a,y\n1,2,p\n3,4,q\n", ("t.csv:1: two columns are called 'a'",)),
                ("Latin-1", head.encode() + b"1,caf\xe9,p\n", ("t.csv:2: byte 6", "not UTF-8", "iconv")),
                ("cut in a character", head.encode() + b"1,2,p\n1,2,caf\xc3", ("t.csv:3", "UTF-8")),
                ("UTF-16", "a,b,y\n1,2,p\n".encode("utf-16"), ("UTF-16", "iconv")),
                ("UTF-16 without a mark", "a,b,y\n1,2,p\n".encode("utf-16-le"), ("t.csv:1: byte 2", "no text")),
                ("binary", bytes(random.Random(1).randbytes(5000)), ("t.csv:",)),
                ("gzip that is cut", gzip.compress((head + good).encode())[:-20], ("t.csv:", "gzip"))):
            with self.subTest(name):
                self.refused(content, 1, *says)

    def test_what_has_no_place_here(self):
        self.write("t.csv", csv_text(flowers(60)))
        self.write("n.csv", csv_text(prices(60)))
        for words, says in (
                (("t.csv", "--target", "kind", "--out-of-fold", "f.csv"), ("out-of-fold", "--folds")),
                (("n.csv", "--target", "price", "--class-weights", "balanced"), ("class-weights", "numbers")),
                (("n.csv", "--target", "price", "--loss", "cross_entropy"), ("loss", "squared or huber")),
                (("t.csv", "--target", "kind", "--decimal", "dot"), ("decimal", "comma"))):
            with self.subTest(words):
                self.refuses(2, "train", "--data", *words, "--epochs", 1, *SHORT, says=says)
        self.learn("t.csv", "kind", "--epochs", 1)
        for words in (("--target", "colour"), ("--hidden", 5), ("--group-size", 2)):
            self.refuses(2, "train", "--continue", MODEL, "--data", "t.csv", *words, "--epochs", 1, says=words[0][2:])

    def test_the_table_is_never_overwritten(self):
        """Nor what else is read."""
        text = csv_text(flowers(60))
        self.write("t.csv", text)
        self.learn("t.csv", "kind", "--epochs", 1)
        for flag in ("--out", "--events", "--picture", "--checkpoint"):
            with self.subTest(flag):
                self.refuses(2, "train", "--data", "t.csv", "--target", "kind", "--epochs", 1, *SHORT, flag, "t.csv",
                             says=(flag[2:], "another file than --data"))
        for out in ("t.csv", MODEL, "model.memory.safetensors"):
            self.refuses(2, "predict", MODEL, "--data", "t.csv", "--out", out, says="another file than")
        self.assertEqual((self.folder / "t.csv").read_text(), text)

    def test_values_that_are_none(self):
        rows = [[i % 7, round(0.37 * i, 2), "pq"[i % 2]] for i in range(150)]
        for bad, says in (("inf", "infinite"), ("-Infinity", "infinite"), ("oops", "'oops'"), ("1,5", "'1,5'"), ("12 kg", "'12 kg'")):
            with self.subTest(bad):
                rows[80][1] = bad
                self.refused(csv_text([["a", "b", "y"], *rows]), 1, "t.csv:82: column 'b'", says)
        rows[80][1] = "NaN"
        self.write("t.csv", csv_text([["a", "b", "y"], *rows]))
        self.learn("t.csv", "y", "--epochs", 1)
        self.assertIn("b is missing", self.about(MODEL)["inputs"][0]["features"])

    def test_targets(self):
        text = csv_text(flowers(40))
        self.refused("x,y\n1,p\n2,p\n3,p\n", 2, "'y'", "same value in every row")
        self.refused("x,y\n1,2\n3,2\n", 2, "'y'", "same value in every row")
        self.refused(text, 2, "no column 'knid'", "did you mean", "kind", target="knid")
        self.refused(text, 2, "no column 'zzz'", "length, width, colour, kind", target="zzz")
        self.refused(text, 2, "named twice", target="kind,kind")
        self.refused("x,y\n1,\n2,NA\n", 1, "no rows whose target is known")
        self.refused("y\np\nq\np\n", 2, "no column is left")
        self.refused(csv_text([["x", "y"]] + [[i % 5, f"name {i}"] for i in range(300)]), 2, "different texts")
        done = self.refuses(2, "train", "--data", "t.csv", *SHORT, says="target")
        self.assertIn("x, y", done.err)

    def test_settings_that_do_not_fit(self):
        text = csv_text(prices(60))
        for words, says in ((("--loss", "binary"), "loss"), (("--folds", 61), "folds"), (("--folds", 1), "folds"), (("--folds", -2), "folds"),
                            (("--test", "0.95"), "test"), (("--test", "-1"), "test"), (("--memory", -1), "memory"),
                            (("--weights", "wieght"), "wieght"), (("--weights", "price"), "weights"),
                            (("--categories", "sise"), "sise"), (("--categories", "size", "--numbers", "size"), "size"),
                            (("--ignore", "price"), "price"), (("--ignore", "size,age,noise"), "left to learn from (column 'size': as said; column 'age': as said"),
                            (("--target-kind", "labels"), "labels"), (("--target-kind", "ranks"), "ranks"),
                            (("--delimiter", "x"), "delimiter"), (("--header", "perhaps"), "header"), (("--class-weights", "half"), "half"),
                            (("--change", "epoch=1 append=mnist"), "change"), (("--epochs", 0), "epochs")):
            with self.subTest(words):
                self.refused(text, 2, says, target="price", words=words)
        self.refused(text, 1, "none.csv", target="price", words=("--test", "none.csv"))
        self.refused(text, 1, "t.csv:3: column 'noise': needs a weight of 0 or more", target="price", words=("--weights", "noise"))

    def test_no_file_at_all(self):
        (self.folder / "folder.csv").mkdir()
        words = ("--target", "y", *SHORT)
        self.refuses(1, "train", "--data", "none.csv", *words, says=("none.csv", "no such file"))
        self.refuses(2, "train", "--data", "folder.csv", *words, says="is for tables")
        self.refuses(1, "train", "--data", "-", *words, says="standard input: is empty")
        if os.geteuid() != 0:
            self.write("t.csv", "a,y\n")
            os.chmod(self.folder / "t.csv", 0)
            self.refuses(1, "train", "--data", "t.csv", *words, says="permission")

    def test_flags_of_tables_are_for_tables(self):
        for words in (("--target", "y"), ("--folds", 5), ("--weights", "w"), ("--class-weights", "balanced"), ("--memory", 10),
                      ("--delimiter", ";"), ("--test", 0.5), ("--ignore", "a"), ("--out-of-fold", "f.csv")):
            with self.subTest(words):
                self.refuses(2, "train", "--data", "mnist", *words, *SHORT, says=(words[0][2:], "tables"))

    def test_very_many_columns(self):
        begin = time.monotonic()
        count = 100_000
        head = ",".join([*(f"c{i}" for i in range(count)), "y"])
        rows = [",".join([*(str((i * 7 + r) % 10) for i in range(count)), "pq"[r % 2]]) for r in range(8)]
        self.refused("\n".join([head, *rows]) + "\n", 2, "100000 features", "--ignore")
        self.assertLess(time.monotonic() - begin, 20)


class UnfitTables(TableCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = flowers(60)

    def setUp(self):
        super().setUp()
        self.learn(self.write("flowers.csv", self.rows), "kind", "--epochs", 1)

    def refused(self, verb, rows, code, *says, words=()):
        self.write("new.csv", rows)
        done = self.refuses(code, verb, MODEL, "--data", "new.csv", *words, says=says)
        self.assertEqual(done.err.count("\n"), 1, done.err)
        self.assertEqual(done.out, "")

    def test_prediction(self):
        out = ("--out", "answers.csv")
        self.refused("predict", [row[1:] for row in self.rows], 2, "lacks 1 of the 3 columns", "length", words=out)
        self.refused("predict", [["Lenght", *self.rows[0][1:]], *self.rows[1:]], 2, "lacks", "length", words=out)
        self.refused("predict", [*self.rows, ["long", 1, "red", "aster"]], 1, "new.csv:62: column 'length'", "'long'", words=out)
        self.refused("predict", [*self.rows, [1e39, 1, "red", "aster"]], 1, "new.csv:62: column 'length'", words=out)
        self.refused("predict", [*self.rows, [1, 2]], 1, "new.csv:62", "2 fields", words=out)
        self.refused("predict", self.rows[:1], 1, "has no rows", words=out)
        self.refused("predict", self.rows, 2, "keep", "knid", words=("--keep", "knid", *out))
        self.refused("predict", self.rows, 2, "count", words=("--count", -1, *out))

    def test_evaluation(self):
        self.refused("eval", [*self.rows, [1, 1, "red", "tulip"]], 1, "new.csv:62: column 'kind'", "'tulip'", "aster, broom, clover")
        self.refused("eval", [row[:3] for row in self.rows], 2, "no column 'kind'")
        self.refused("eval", [self.rows[0], *([*row[:3], ""] for row in self.rows[1:])], 1, "no rows whose target is known")

    def test_models_and_data_of_other_kinds(self):
        self.refuses(2, "eval", MODEL, "--data", "mnits", says="mnits")
        self.refuses(2, "train", "--continue", MODEL, "--data", "flowers.csv", "--folds", 3, *GOES_ON, says="folds")
        self.refuses(1, "train", "--continue", "none.safetensors", "--data", "flowers.csv", *GOES_ON, says="none.safetensors")
        self.refuses(2, "train", "--continue", MODEL, "--data", self.write("n.csv", [row[1:] for row in self.rows]), *GOES_ON, says="length")
        self.refuses(1, "train", "--continue", MODEL, "--data", self.write("n.csv", [*self.rows, ["x", 1, "red", "aster"]]), *GOES_ON,
                     says="n.csv:62: column 'length'")
