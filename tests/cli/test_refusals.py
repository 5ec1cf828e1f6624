"""What goes wrong is told in a sentence, with the exit code of docs/conventions.md, and leaves no file behind."""
import gzip
import os
import random
import struct
import unittest

from support import STEMS, Case, idx, write_set

NUMBERS = ("validation", "learning-rate", "momentum", "beta1", "beta2", "epsilon", "weight-decay", "final-factor", "restart", "warm-up",
           "clip-norm", "threshold", "adaptations-per-epoch", "settle")
COUNTS = ("group-size", "epochs", "batch-size", "seed", "threads", "buffer", "statistics-batches", "cool-down", "min-width",
          "max-width", "parameter-budget")
NAMES = ("radial", "length", "psi", "initialiser", "loss", "optimiser", "schedule", "policy", "outgoing", "second-moment")


class Words(Case):
    def test_version(self):
        out = self.works("--version").out
        for word in ("isoform ", "compiler ", "engine ", "instruction set "):
            self.assertIn(word, out)

    def test_help_has_examples(self):
        self.assertIn("Examples:", self.works("--help").out)
        for verb in ("train", "eval", "predict", "inspect", "edit", "shrink", "data"):
            with self.subTest(verb):
                done = self.works(verb, "--help")
                self.assertIn("Examples:", done.out)
                self.assertIn(f"isoform {verb}", done.out)
                self.assertEqual(done.err, "")

    def test_nothing_said_shows_help(self):
        done = self.run_program()
        self.assertEqual(done.code, 2)
        self.assertIn("train", done.out + done.err)

    def test_unknown_words(self):
        for words, says in ((["trian"], ("trian", "train")), (["frobnicate"], "frobnicate"),
                            (["train", "--data", self.data, "--epohcs", "3"], ("--epohcs", "--epochs")),
                            (["train", "--data", self.data, "--epohcs=3"], ("--epohcs", "--epochs")),
                            (["train", "--data", "fashion-mnits"], ("fashion-mnits", "fashion-mnist")),
                            (["train", "--data", self.data, "stray"], "stray"),
                            (["data", "lst"], "lst"),
                            (["data"], "list"),
                            (["train"], "--data"),
                            (["eval", "m"], "--data"),
                            (["predict"], "MODEL"),
                            (["train", "--data"], "--data"),
                            (["train", "--data", self.data, "--adapt", "--fixed"], ("--adapt", "--fixed")),
                            (["eval", "m", "--data", self.data, "--threads", "two"], ("threads", "a whole number", "two")),
                            (["shrink", "m", "n", "--tolerance", "abc"], ("--tolerance: needs a number", "abc")),
                            (["edit", "m", "n", "--layer", "1", "--keep", "1,x"], ("--keep: needs whole numbers", "1,x"))):
            with self.subTest(words):
                says = (says,) if isinstance(says, str) else says
                done = self.refuses(2, *words)
                for word in says:
                    self.assertIn(word.lower(), done.err.lower())

    def test_bad_values_of_every_setting(self):
        for flag in NUMBERS + COUNTS + NAMES:
            for value in ("", "x", "1,2", "nan", "1e999", "0x1p3"):
                with self.subTest(flag=flag, value=value):
                    done = self.refuses(2, "train", "--data", self.data, f"--{flag}={value}")
                    self.assertIn(flag, done.err)

    def test_a_switch_that_may_be_found(self):
        for value in ("ON", "1", "maybe"):
            self.refuses(2, "train", "--data", self.data, f"--norms={value}", says="norms: needs on, off or auto")

    def test_rows_of_no_study(self):
        self.refuses(2, "study", "--arm", "relu", says=("arm", "name the study"))
        self.refuses(2, "study", "plain-mnist", "--arm", "selu", says=("selu", "LayerNorm + GELU"))

    def test_values_out_of_range(self):
        for flag, values in {"validation": ("-0.1", "0.95"), "learning-rate": ("0", "-1"), "momentum": ("1", "-0.5"),
                             "beta1": ("1",), "beta2": ("-1",), "epsilon": ("0",), "weight-decay": ("-1",),
                             "final-factor": ("-1",), "restart": ("0",), "warm-up": ("2",), "clip-norm": ("-1",), "threshold": ("-2",),
                             "adaptations-per-epoch": ("0",), "settle": ("1.5",), "group-size": ("-1",),
                             "epochs": ("0", "-3", "99999999999"), "batch-size": ("0",), "seed": ("-1",), "threads": ("-1", "257", "100000"),
                             "buffer": ("-1",), "statistics-batches": ("0",), "cool-down": ("-1",), "min-width": ("0",),
                             "max-width": ("0", "65537"), "parameter-budget": ("-1",), "engine": ("gpu",),
                             "hidden": ("0", "-4", "8,,8", "8;8", "65537")}.items():
            for value in values:
                with self.subTest(flag=flag, value=value):
                    done = self.refuses(2, "train", "--data", self.data, f"--{flag}={value}")
                    self.assertIn(flag.split("-")[-1][:5], done.err)

    def test_settings_files(self):
        for text, says in (("[training]\nepohcs = 1\n", ("run.toml:2", "epochs")), ("[trainig]\n", "training"),
                           ("[training]\nepochs = 'x'\n", ("run.toml:2", "epochs"))):
            (self.folder / "run.toml").write_text(text)
            self.refuses(2, "train", "--data", self.data, "--config", "run.toml", says=says)
        (self.folder / "run.toml").write_text("[training\n")
        self.refuses(1, "train", "--data", self.data, "--config", "run.toml", says="run.toml:1")
        self.refuses(1, "train", "--data", self.data, "--config", "absent.toml", says="absent.toml")
        self.refuses(1, "train", "--data", self.data, "--config", ".", says="folder")

    def test_words_that_are_not_utf8(self):
        for words in ([b"\xff"], [b"train", b"--\xff"], [b"train", b"--data", b"\xff\xfe"], [b"train", b"--data=\xff", b"--show-settings"],
                      [b"eval", b"\xff", b"--data", os.fsencode(self.data)],
                      [b"train", b"--data", os.fsencode(self.data), b"--radial", b"\xff"]):
            with self.subTest(words):
                done = self.refuses(2 if words[0] != b"eval" else 1, *words)
                self.assertNotIn("json", done.err.lower())
        self.train(out=os.fsdecode(b"\xff.safetensors"), epochs=1)
        self.works("eval", b"\xff.safetensors", "--data", self.data, "--json")
        self.works("inspect", b"\xff.safetensors", "--json")

    def test_folder_with_a_name_that_is_not_utf8(self):
        write_set(self.folder / os.fsdecode(b"set-\xff"), train=40, test=20)
        name = b"./set-\xff"
        self.works("train", "--data", name, "--epochs", 1, "--json", "--events", "run.jsonl", "--picture", "run.svg")
        self.works("eval", "model.safetensors", "--data", name, "--json")


class Data(Case):
    def broken(self, stem, content, code=1, says=()):
        """A set with one broken file is refused by name."""
        path = self.set / stem
        good = path.read_bytes()
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        for words in (["train", "--data", self.set], ["data", "check", self.set]):
            done = self.refuses(code, *words, says=says)
            self.assertIn(stem, done.err)
        path.write_bytes(good)

    def test_broken_files(self):
        self.set = write_set(self.folder / "set", train=12, test=8)
        for stem in STEMS:
            good = (self.set / stem).read_bytes()
            with self.subTest(stem):
                self.broken(stem, None)
                for size in (0, 3, 7, len(good) // 2, len(good) - 1):
                    self.broken(stem, good[:size])
                self.broken(stem, good + b"\0", says="left over")
                self.broken(stem, b"\x89PNG\r\n\x1a\n" + bytes(100))
                packed = gzip.compress(good)
                for size in (12, len(packed) // 2, len(packed) - 1):
                    self.broken(stem, packed[:size])
                self.broken(stem, packed[:15] + b"\xff\xff" + packed[17:])
                self.broken(stem, struct.pack(">BBBB", 0, 0, 8, 3) + b"\xff" * 12 + bytes(50))

    def test_labels_that_do_not_match(self):
        self.set = write_set(self.folder / "set", train=12, test=8)
        self.broken(STEMS[1], idx((11,), bytes(11)), says=("11", "12"))
        self.broken(STEMS[3], idx((8, 1), bytes(8)), says="1 dimension")

    def test_parts_that_do_not_match(self):
        one = write_set(self.folder / "one", train=12, test=8)
        two = write_set(self.folder / "two", train=12, test=8, side=5)
        (one / STEMS[2]).write_bytes((two / STEMS[2]).read_bytes())
        self.refuses(1, "train", "--data", one, says=("25", "64"))

    def test_no_set(self):
        (self.folder / "empty").mkdir()
        self.refuses(1, "train", "--data", "./empty", says="train-images-idx3-ubyte")
        self.refuses(1, "train", "--data", "./absent", says="absent")
        self.refuses(1, "train", "--data", "mnist", "--data-dir", "empty", says="empty")


class Models(Case):
    def setUp(self):
        super().setUp()
        self.train("--hidden", "12,9", "--group-size", 4, "--fixed", out="in.safetensors", epochs=1)

    def each_reader(self, name, code=1, says=()):
        for words in (["eval", name, "--data", self.data], ["predict", name, "--data", self.data], ["inspect", name],
                      ["edit", name, "new", "--layer", 1, "--grow", 1], ["shrink", name, "new", "--remove", 1]):
            done = self.refuses(code, *words, says=says)
            self.assertIn(name, done.err)

    def test_files_cut_short(self):
        good = self.bytes_of("in.safetensors")
        dice = random.Random(3)
        header = 8 + struct.unpack("<Q", good[:8])[0]
        places = {0, 1, 7, 8, 9, header - 1, header, header + 1, len(good) - 1} | {dice.randrange(len(good)) for _ in range(12)}
        for place in sorted(places):
            with self.subTest(place=place):
                (self.folder / "cut").write_bytes(good[:place])
                self.refuses(1, "inspect", "cut", says="cut")
        self.each_reader("cut")

    def test_files_of_another_format(self):
        noise = random.Random(4)
        for content in (b"", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(64), bytes(noise.randrange(256) for _ in range(4000)),
                        b"{}", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 100, self.bytes_of("in.safetensors") + b"\0"):
            with self.subTest(content[:12]):
                (self.folder / "other").write_bytes(content)
                self.each_reader("other")

    def test_no_file(self):
        self.each_reader("absent")
        (self.folder / "folder").mkdir()
        self.each_reader("folder", says="folder")

    def test_models_that_do_not_fit_the_data(self):
        other = write_set(self.folder / "other", train=40, test=20, side=5)
        for words in (["eval"], ["predict"]):
            self.refuses(2, *words, "in.safetensors", "--data", other, says=("25", "64"))
        self.refuses(2, "shrink", "in.safetensors", "new", "--remove", 1, "--data", other, says=("25", "64"))
        more = write_set(self.folder / "more", train=40, test=20, classes=6)
        self.refuses(2, "eval", "in.safetensors", "--data", more, says=("6 classes", "4"))

    def test_edits_that_cannot_be(self):
        for words, says in ((["--layer", 0, "--grow", 1], "1 to 2"), (["--layer", 3, "--grow", 1], "1 to 2"),
                            (["--layer", -1, "--rotate", "left"], "1 to 2"), (["--layer", 9, "--keep", "0"], "1 to 2"),
                            (["--layer", 3, "--remove-groups", "0"], "1 to 2"), (["--layer", "x", "--grow", 1], "layer"),
                            (["--layer", 1, "--grow", -1], "grow"), (["--layer", 1, "--grow", 0], "grow"),
                            (["--layer", 1, "--grow", 65536], "65536"), (["--layer", 1, "--grow", 2**62], "65536"),
                            (["--layer", 1, "--grow", 1, "--into", 3], "0 to 2"),
                            (["--layer", 1, "--grow", 1, "--into", -1], "0 to 2"),
                            (["--layer", 1, "--grow", 1, "--group-size", -1], "group"),
                            (["--layer", 1, "--keep", "12"], "12"), (["--layer", 1, "--keep", "-1"], "-1"),
                            (["--layer", 1, "--keep", "1,1"], "1"), (["--layer", 1, "--keep", "x"], "x"),
                            (["--layer", 1, "--remove-groups", "0,1,2"], "at least 1"),
                            (["--layer", 1, "--remove-groups", "3"], "3"), (["--layer", 1, "--remove-groups", "0,0"], "0"),
                            (["--layer", 1, "--rotate", "up"], "left"), (["--layer", 1, "--rotate", "full"], "input"),
                            (["--layer", 1], "--grow"), (["--layer", 1, "--grow", 1, "--rotate", "left"], "one"),
                            (["--grow", 1], "--layer")):
            with self.subTest(words):
                self.refuses(2, "edit", "in.safetensors", "out.safetensors", *words, says=says)

    def test_models_without_a_hidden_layer(self):
        self.train("--hidden", "none", out="linear.safetensors", epochs=1)
        self.refuses(2, "edit", "linear.safetensors", "out.safetensors", "--layer", 1, "--grow", 1, says="hidden")


class Outputs(Case):
    def test_places_that_cannot_be_written(self):
        self.train(out="in.safetensors", epochs=1)
        (self.folder / "taken").mkdir()
        for place in ("taken", "absent/file", "in.safetensors/file"):
            with self.subTest(place):
                for flag in ("--out", "--events", "--picture"):
                    self.refuses(1, "train", "--data", self.data, "--epochs", 1, flag, place, says=place)
                self.refuses(1, "predict", "in.safetensors", "--data", self.data, "--out", place, says=place)
                self.refuses(1, "edit", "in.safetensors", place, "--layer", 1, "--grow", 1, says=place)
                self.refuses(1, "shrink", "in.safetensors", place, "--remove", 1, says=place)

    def test_empty_texts_are_not_zero(self):
        self.train(out="in.safetensors", epochs=1)
        model = self.bytes_of("in.safetensors")
        for flag in ("--remove-groups", "--keep", "--keep=", "--grow", "--rotate"):
            words = [flag] if flag.endswith("=") else [flag, ""]
            self.refuses(2, "edit", "in.safetensors", "in.safetensors", "--layer", 1, *words, says=(flag.rstrip("="), "empty"))
        for entry in ("0,,1", "0,", ",1"):
            self.refuses(2, "edit", "in.safetensors", "in.safetensors", "--layer", 1, "--keep", entry, says="comma")
        self.assertEqual(self.bytes_of("in.safetensors"), model)

    def test_unknown_verbs_are_named_before_their_flags(self):
        self.refuses(2, "grow", "--data", "x", says="verb 'grow' is unknown")

    def test_outputs_that_would_overwrite_each_other(self):
        self.train(out="in.safetensors", epochs=1)
        model = self.bytes_of("in.safetensors")
        for words in (["--events", "model.safetensors"], ["--picture", "./model.safetensors"], ["--out", ""],
                      ["--events", "same", "--picture", "same"]):
            self.refuses(2, "train", "--data", self.data, "--epochs", 1, *words)
        self.refuses(2, "predict", "in.safetensors", "--data", self.data, "--out", "./in.safetensors", says="model")
        self.refuses(2, "inspect", "in.safetensors", "--html", "./in.safetensors", says="--model")
        self.assertEqual(self.bytes_of("in.safetensors"), model)
        settings = self.works("train", "--data", self.data, "--show-settings").out
        (self.folder / "k.toml").write_text(settings)
        for flag in ("--out", "--events", "--picture"):
            self.refuses(2, "train", "--config", "k.toml", flag, "k.toml", says="--config")
        self.assertEqual((self.folder / "k.toml").read_text(), settings)

    def test_perceptrons_have_no_groups_to_drop(self):
        for architecture in ("perceptron", "general"):
            self.refuses(2, "train", "--data", self.data, "--architecture", architecture, "--dropout", 0.1, says="dropout")

    @unittest.skipIf(os.geteuid() == 0, "nothing is forbidden to root")
    def test_folders_that_must_not_be_written(self):
        (self.folder / "closed").mkdir(mode=0o500)
        self.refuses(1, "train", "--data", self.data, "--epochs", 1, "--out", "closed/model", says="closed")

    def test_a_full_disk(self):
        self.train(out="in.safetensors", epochs=1)
        for words in (["predict", "in.safetensors", "--data", self.data], ["inspect", "in.safetensors"], ["--version"],
                      ["eval", "in.safetensors", "--data", self.data], ["train", "--help"], ["data", "list"],
                      ["train", "--data", self.data, "--epochs", 1, "--quiet", "--out", "in.safetensors", "--json"],
                      ["edit", "in.safetensors", "in.safetensors", "--layer", 1, "--grow", 1]):
            with self.subTest(words), open("/dev/full", "wb") as full:
                self.refuses(1, *words, says="output", stdout=full)
        self.refuses(1, "predict", "in.safetensors", "--data", self.data, "--out", "/dev/full", says="/dev/full")
        self.refuses(1, "train", "--data", self.data, "--epochs", 1, "--quiet", "--out", "/dev/full", says="/dev/full")

    def test_a_full_disk_under_the_log_does_not_stop_training(self):
        done = self.train("--events", "/dev/full", epochs=1)
        self.assertIn("/dev/full", done.err)

    def test_a_reader_that_leaves(self):
        self.train(out="in.safetensors", epochs=1)
        for words in (["predict", "in.safetensors", "--data", self.data, "--split", "train"], ["train", "--help"]):
            reader, writer = os.pipe()
            os.close(reader)
            process = self.start(*words, stdout=writer)
            os.close(writer)
            err = process.communicate(timeout=60)[1].decode()
            self.assertIn(process.returncode, (0, 1, -13, 141))
            self.assertNotIn("terminate", err)
        for stream in ("stdout", "stderr"):
            self.start("train", "--data", self.data, "--epochs", 1, "--out", f"{stream}.safetensors",
                       preexec_fn=lambda s=stream: os.close(1 if s == "stdout" else 2)).communicate(timeout=60)
            self.works("eval", f"{stream}.safetensors", "--data", self.data)
