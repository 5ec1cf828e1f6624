"""Training: what it prints, writes and repeats."""
import json
import math
import xml.dom.minidom

from support import Case, quick_build, read_header, with_fashion, write_about, write_set

EVENT_FIELDS = {
    "start": {"widths", "groups", "parameters", "data", "samples", "epochs", "steps_per_epoch", "steps", "version",
              "engine", "threads", "settings"},
    "step": {"loss", "learning_rate"},
    "edit": {"space", "kind", "group", "before", "after", "born", "removed", "score", "bound", "change", "why"},
    "spectrum": {"spaces"},
    "epoch": {"train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "widths", "groups", "parameters",
              "learning_rate", "scaffold", "epochs"},
    "warning": {"message"},
    "end": {"reason", "widths", "parameters", "born", "removed", "adaptation_s", "message"},
}


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def read_events(path):
    return [json.loads(line, parse_constant=refuse_constant) for line in path.read_text("utf-8").splitlines()]


class Training(Case):
    def check_events(self, events, reason="finished"):
        """docs/events.md, and that widths add up."""
        self.assertEqual((events[0]["type"], events[-1]["type"]), ("start", "end"))
        self.assertEqual([event["seq"] for event in events], list(range(len(events))))
        widths = list(events[0]["widths"])
        last, born, removed = events[0], 0, 0
        for event in events:
            self.assertEqual(event["v"], 1)
            self.assertLessEqual({"v", "seq", "step", "epoch", "time_s", "type"} | EVENT_FIELDS[event["type"]],
                                 set(event), event["type"])
            self.assertGreaterEqual(event["step"], last["step"])
            self.assertGreaterEqual(event["time_s"], last["time_s"])
            last = event
            if event["type"] == "edit":
                self.assertEqual(event["before"], widths[event["space"]])
                self.assertEqual(event["after"], event["before"] + event["born"] - event["removed"])
                widths[event["space"]] = event["after"]
                born, removed = born + event["born"], removed + event["removed"]
            if event["type"] == "spectrum":
                for space in event["spaces"]:
                    self.assertEqual(len(space["values"]), widths[space["space"]])
                    self.assertEqual(space["values"], sorted(space["values"], reverse=True))
            if event["type"] in ("epoch", "end"):
                self.assertEqual(event["widths"], widths)
            if event["type"] in ("epoch", "start"):
                self.assertEqual([sum(groups) for groups in event["groups"]], widths[1:-1])
        end = events[-1]
        self.assertEqual((end["reason"], end["born"], end["removed"]), (reason, born, removed))

    def check_run(self, *words, adapts):
        done = self.works("train", "--data", self.data, "--epochs", 4, "--events", "run.jsonl", "--picture", "run.svg",
                          "--json", *words)
        summary = json.loads(done.out, parse_constant=refuse_constant)
        self.assertEqual(summary["reason"], "finished")
        self.assertGreater(summary["test"]["accuracy"], 0.9)
        self.assertEqual(summary["test"]["samples"], 200)
        self.assertEqual(len(summary["epochs"]), 4)
        self.assertNotIn("{", done.err)
        self.assertEqual(sum("%" in line for line in done.err.splitlines()), 4, "a row for each epoch\n" + done.err)
        events = read_events(self.folder / "run.jsonl")
        self.check_events(events)
        edits = [event for event in events if event["type"] == "edit"]
        self.assertEqual(bool(edits), adapts)
        self.assertEqual(events[-1]["widths"], self.about("model.safetensors")["widths"])
        self.assertEqual(events[-1]["widths"], [64, *summary["widths"]["last"][1:-1], 4])
        self.assertEqual(len(self.about("model.safetensors")["history"]), len(edits))
        self.assertEqual(events[0]["samples"], 540)
        self.assertEqual(events[0]["settings"]["training"]["epochs"], 4)
        picture = xml.dom.minidom.parse(str(self.folder / "run.svg"))
        self.assertEqual(picture.documentElement.tagName, "svg")
        self.assertEqual(self.files(), {"model.safetensors", "run.jsonl", "run.svg"})
        score = json.loads(self.works("eval", "model.safetensors", "--data", self.data, "--json").out)
        self.assertEqual(score["accuracy"], summary["test"]["accuracy"])

    def test_adapting(self):
        self.check_run("--adapt", adapts=True)

    def test_fixed(self):
        self.check_run("--fixed", adapts=False)
        self.assertEqual(self.about("model.safetensors")["widths"], [64, 16, 16, 4])

    def test_words_for_people(self):
        done = self.train()
        self.assertEqual(done.err, "")
        self.assertIn("test accuracy", done.out)
        self.assertIn("model.safetensors", done.out)
        done = self.train(quiet=False)
        self.assertIn("1/2", done.err)
        self.assertNotIn("\x1b", done.out + done.err)
        self.assertNotIn("nan", done.out + done.err)

    def test_compressed_set(self):
        write_set(self.folder / "patterns", compress=True)
        self.train("--fixed", out="plain.safetensors")
        self.works("train", "--fixed", "--data", "patterns", "--epochs", 2, "--out", "gz.safetensors", "--quiet")
        self.assertEqual(self.bytes_of("plain.safetensors"), self.bytes_of("gz.safetensors"))

    def test_the_same_bytes_for_any_threads(self):
        for threads in (1, 2, 3):
            self.train("--threads", threads, "--seed", 5, out=f"{threads}.safetensors")
        self.train("--threads", 2, "--seed", 6, out="other.safetensors")
        self.assertEqual(self.bytes_of("1.safetensors"), self.bytes_of("2.safetensors"))
        self.assertEqual(self.bytes_of("1.safetensors"), self.bytes_of("3.safetensors"))
        self.assertNotEqual(self.bytes_of("1.safetensors"), self.bytes_of("other.safetensors"))

    def test_engines_agree_closely(self):
        self.train("--engine", "reference", "--fixed", out="reference.safetensors", epochs=1)
        self.train("--engine", "cpu", "--fixed", out="cpu.safetensors", epochs=1)
        self.assert_close(self.logits("reference.safetensors"), self.logits("cpu.safetensors"), 1e-3)

    def test_shown_settings_repeat_the_run(self):
        words = ["--hidden", "12,9", "--group-size", "3", "--learning-rate", "0.0031", "--seed", str(2**64 - 1),
                 "--policy", "paper", "--threshold", "0.95", "--radial", "asinh", "--length", "log", "--psi", "trainable",
                 "--schedule", "step", "--clip-norm", "1"]
        shown = self.train(*words, "--show-settings").out
        self.assertEqual(self.files(), set(), "--show-settings trains nothing")
        (self.folder / "run.toml").write_text(shown)
        self.train(*words, out="flags.safetensors")
        self.works("train", "--config", "run.toml", "--out", "config.safetensors", "--quiet")
        self.assertEqual(self.bytes_of("flags.safetensors"), self.bytes_of("config.safetensors"))
        self.assertEqual(self.works("train", "--config", "run.toml", "--show-settings").out, shown)

    def test_flags_override_the_file(self):
        (self.folder / "run.toml").write_text("[training]\nepochs = 3\nseed = 4\n[adaptation]\nadapt = false\n")
        shown = self.works("train", "--config", "run.toml", "--epochs", 5, "--adapt", "--show-settings").out
        self.assertIn("\nepochs = 5 ", shown)
        self.assertIn("\nseed = 4 ", shown)
        self.assertIn("\nadapt = true ", shown)

    def test_extremes(self):
        for words in (["--hidden", "1"], ["--hidden", "none"], ["--hidden", ",".join(["3"] * 12)], ["--batch-size", "1"],
                      ["--batch-size", "100000"], ["--validation", "0"], ["--validation", "0.9"], ["--buffer", "0"],
                      ["--threshold", "0"], ["--threshold", "1"], ["--settle", "1"], ["--settle", "0"],
                      ["--outgoing", "gradient"], ["--policy", "paper", "--group-size", "0", "--threshold", "0.95"],
                      ["--policy", "paper", "--threshold", "0.95"], ["--min-width", "16"], ["--max-width", "17"],
                      ["--parameter-budget", "1600"], ["--multiply-adds", "3000"], ["--latency", "1000"], ["--cool-down", "3"], ["--adaptations-per-epoch", "0.5"],
                      ["--adaptations-per-epoch", "1000"], ["--statistics-batches", "1"]):
            with self.subTest(words):
                self.train(*words, "--events", "run.jsonl", epochs=1)
                events = read_events(self.folder / "run.jsonl")
                self.check_events(events)
                hidden = events[-1]["widths"][1:-1]
                if words[0] == "--min-width":
                    self.assertGreaterEqual(min(hidden), 16)
                if words[0] == "--max-width":
                    self.assertLessEqual(max(event["after"] for event in events if event["type"] == "edit"), 17)
                if words[0] == "--parameter-budget":
                    self.assertLessEqual(events[-1]["parameters"], 1600)

    def test_budgets_in_other_units_are_told(self):
        counted = self.train("--multiply-adds", 3000, epochs=1, quiet=False)
        self.assertRegex(counted.err, r"budget of 3,000 multiply–adds: hidden widths of \d+ at most, [\d,]+ parameters")
        self.assertRegex(counted.out, r"multiply–adds  [\d,]+ an answer \(budget 3,000\)")
        self.assertLessEqual(json.loads(self.train("--multiply-adds", 3000, "--json", epochs=1).out)["multiply_adds"], 3000)
        timed = json.loads(self.train("--latency", 1000, "--json", epochs=1).out)
        self.assertGreater(timed["latency_us"], 0)
        fixed = self.train("--latency", 1e-6, "--fixed", epochs=1)
        self.assertRegex(fixed.out, r"latency        [\d.]+ us an answer \(budget 1e-06\)")
        for words, text in ((("--latency", 1e-6), "us an answer, over the 1e-06 that are allowed"), (("--multiply-adds", 10), "--hidden"),
                            (("--parameter-budget", 10), "parameter-budget: the network begins with"), (("--max-width", 15), "16 neurons in a hidden layer, over the 15"),
                            (("--latency", -1), "microseconds"), (("--multiply-adds", "many"), "many")):
            self.refuses(2, "train", "--data", self.data, *words, says=text)

    def test_what_nothing_reads_is_told(self):
        done = self.train("--fixed", "--tolerance", 0.1, "--settle", 0.3, "--validation", 0, "--patience", 3, "--momentum", 0.5, epochs=1)
        for note in ("tolerance, settle: of no effect; the widths are fixed", "patience: of no effect", "momentum: of no effect"):
            self.assertIn(f"isoform: note: {note}", done.err)
        self.assertNotIn("note", self.train("--policy", "effect", "--buffer", 3, "--optimiser", "momentum", "--momentum", 0.5, epochs=1).err)

    def test_a_model_goes_on_with_other_data(self):
        self.train(epochs=1, out="first.safetensors")
        other = write_set(self.folder / "other", train=60, test=20)
        words = ("train", "--data", other, "--epochs", 1, "--out", "on.safetensors", "--json", "--continue")
        done = self.works(*words, "first.safetensors")
        self.assertEqual(json.loads(done.out)["test"]["samples"], 20)  # the task is called otherwise than the data
        self.assertNotIn("note", done.err)
        about, _ = read_header(self.folder / "first.safetensors")
        about["tasks"][0]["outputs"] = ["a", "b", "c", "d"]
        write_about(self.folder / "first.safetensors", self.folder / "letters.safetensors", about)
        self.assertIn("answers a, b, c, …, the data 'other' have 0, 1, 2, …", self.works(*words, "letters.safetensors").err)
        for flag, value in (("hidden", "8"), ("norms", "off"), ("architecture", "residual"), ("scaling", "each")):
            with self.subTest(flag):
                self.refuses(2, *words, "first.safetensors", f"--{flag}", value, says=(flag, "--continue"))

    def test_group_sizes(self):
        for size, groups in ((0, [[10]]), (1, [[1] * 10]), (8, [[8, 2]]), (3, [[3, 3, 3, 1]]), (99, [[10]])):
            with self.subTest(size=size):
                self.train("--hidden", 10, "--group-size", size, "--fixed", epochs=1)
                self.assertEqual(self.about("model.safetensors")["groups"], groups)
                self.train("--hidden", 10, "--group-size", size, epochs=1)
                for sizes in self.about("model.safetensors")["groups"]:
                    self.assertLessEqual(max(sizes), size or max(sizes))
                    self.assertTrue(size or len(sizes) == 1)

    def test_every_gate_and_mode_learns(self):
        for radial in ("tanh", "asinh", "algebraic", "log", "softsign"):
            for length, psi in (("none", "none"), ("constant", "constant"), ("trainable", "decay"), ("log", "trainable"),
                                ("trainable", "expectation"), ("none", "decay")):
                with self.subTest(radial=radial, length=length, psi=psi):
                    words = ["--radial", radial, "--length", length, "--psi", psi]
                    done = json.loads(self.train(*words, "--json", epochs=3).out)
                    self.assertGreater(done["test"]["accuracy"], 0.6)
                    self.assertTrue(math.isfinite(done["test"]["loss"]))

    def test_every_optimiser_schedule_and_loss_learns(self):
        for optimiser, rate in (("sgd", 0.05), ("momentum", 0.01), ("nesterov", 0.01), ("adam", 0.005), ("adamw", 0.005),
                                ("novograd", "auto"), ("muon", "auto")):
            for schedule, loss in (("constant", "cross_entropy"), ("cosine", "squared"), ("linear", "cross_entropy"),
                                   ("step", "squared")):
                with self.subTest(optimiser=optimiser, schedule=schedule, loss=loss):
                    words = ["--optimiser", optimiser, "--learning-rate", rate, "--schedule", schedule, "--loss", loss,
                             "--batch-size", 32]
                    done = json.loads(self.train(*words, "--json", epochs=3).out)
                    self.assertGreater(done["test"]["accuracy"], 0.6)

    def test_divergence_is_told_and_leaves_a_model(self):
        for words in (["--learning-rate", "1e30"], ["--learning-rate", "1e30", "--fixed"],
                      ["--learning-rate", "1e30", "--optimiser", "sgd"], ["--learning-rate", "1e300"]):
            with self.subTest(words):
                done = self.refuses(1, "train", "--data", self.data, "--epochs", 3, "--quiet", "--events", "run.jsonl",
                                    *words, says=("learning rate", "model.safetensors"),
                                    leaves=["model.safetensors", "run.jsonl"])
                self.assertIn("step", done.err)
                self.assertEqual(read_events(self.folder / "run.jsonl")[-1]["reason"], "diverged")
                self.works("eval", "model.safetensors", "--data", self.data)

    def test_ctrl_c_saves(self):
        for signal in (2, 15, 1):
            with self.subTest(signal=signal):
                self.interrupt(signal)

    def interrupt(self, signal):
        process = self.start("train", "--data", self.data, "--epochs", 100000, "--events", "run.jsonl", "--batch-size", 16,
                             "--max-width", 32)
        for line in process.stderr:
            if b"2/100000" in line:
                break
        process.send_signal(signal)
        out, err = (text.decode() for text in process.communicate(timeout=60))
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("model.safetensors", err.splitlines()[-1])
        self.assertIn("stopped", err)
        self.assertNotIn("Traceback", out + err)
        self.works("eval", "model.safetensors", "--data", self.data)
        self.check_events(read_events(self.folder / "run.jsonl"), "stopped")
        self.assertEqual(self.files(), {"model.safetensors", "run.jsonl"})


@with_fashion
@quick_build
class FashionMnist(Case):
    def accuracy(self, *words):
        done = self.works("train", "--data", "fashion-mnist", "--json", "--quiet", *words)
        return json.loads(done.out)["test"]["accuracy"]

    def test_a_network_that_finds_its_size(self):
        words = ["--hidden", "16,16", "--group-size", "8", "--adapt", "--epochs", "10"]
        self.assertGreaterEqual(self.accuracy(*words), 0.875)

    def test_the_layers_of_the_paper(self):
        words = ["--fixed", "--group-size", "0", "--hidden", "128,128", "--epochs", "10"]
        accuracy = self.accuracy(*words)
        self.assertGreaterEqual(accuracy, 0.835)
        self.assertLessEqual(accuracy, 0.86)

    def test_the_same_bytes_for_any_threads(self):
        for threads in (1, 2):
            self.accuracy("--epochs", "2", "--threads", threads, "--out", f"{threads}.safetensors")
        self.assertEqual(self.bytes_of("1.safetensors"), self.bytes_of("2.safetensors"))
