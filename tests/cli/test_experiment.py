"""isoform experiment: lists, runs, survives kills bit by bit, refuses what would mix results."""
import csv
import html.parser
import json
import signal
import time

from support import Case, quick_build

SETTINGS = """
number = 6
title = "Small & quick"
question = "Does it run?"
procedure = "elementwise"
datasets = ["DATA"]
repeats = 3
widths = [16]
depths = [1, 2]
plain_arm = "tanh"
[network]
length = "none"
psi = "none"
[training]
epochs = EPOCHS
batch_size = 48
[adaptation]
adapt = false
[[arm]]
name = "whole"
group_size = 0
[[arm]]
name = "tanh"
group_size = 1
"""


class References(html.parser.HTMLParser):
    """Addresses that a page would load."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name == "src" or (tag == "link" and name == "href"):
                self.found.append(value)


class Experiment(Case):
    def settings(self, name="mine.toml", epochs=2):
        (self.folder / name).write_text(SETTINGS.replace("DATA", str(self.data)).replace("EPOCHS", str(epochs)))
        return name

    def run_it(self, out, *words, **options):
        return self.works("experiment", "run", self.settings(**options), "--out", out, *words)

    def test_lists_and_shows(self):
        names = [entry["name"] for entry in json.loads(self.works("experiment", "list", "--json").out)]
        self.assertEqual(names, ["cost", "invariance", "spectra", "scheduled-tasks", "abundance", "sparsification",
                                 "elementwise"])
        text = self.works("experiment", "list").out
        for name in names:
            self.assertIn(name, text)
            self.assertIn("[[arm]]", self.works("experiment", "show", name).out)

    def test_files(self):
        done = self.run_it("out")
        self.assertIn("12 of 12 done", done.out)
        folder = self.folder / "out" / "mine"
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         ["identity.json", "numbers.csv", "numbers.json", "report.html", "run.json", "trials.jsonl"])
        rows = list(csv.DictReader((folder / "numbers.csv").open()))
        self.assertEqual(len(rows), 12)
        self.assertEqual({row["arm"] for row in rows}, {"whole", "tanh"})
        self.assertTrue(all(0.25 < float(row["value"]) <= 1 for row in rows), rows)
        page = (folder / "report.html").read_text()
        self.assertEqual(References(page).found, [])
        self.assertIn("Small &amp; quick", page)
        record = json.loads((folder / "run.json").read_text())
        self.assertEqual(record["command"], "isoform experiment run mine.toml --scale quick")
        self.assertTrue((self.folder / "out" / "index.html").exists())

    def test_threads_do_not_count(self):
        self.run_it("one", "--threads", 1, "--quiet")
        self.run_it("four", "--threads", 4, "--quiet")
        self.assertEqual(self.bytes_of("one/mine/numbers.csv"), self.bytes_of("four/mine/numbers.csv"))

    @quick_build
    def test_survives_a_kill(self):
        self.run_it("whole", "--quiet", epochs=40)
        process = self.start("experiment", "run", "mine.toml", "--out", "killed", "--threads", 1)
        trials = self.folder / "killed" / "mine" / "trials.jsonl"
        for _ in range(3000):
            if trials.exists() and trials.read_bytes().count(b"\n") >= 2:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = trials.read_bytes().count(b"\n")
        self.assertGreaterEqual(done, 2)
        self.assertLess(done, 12)
        self.refuses(2, "experiment", "run", "mine.toml", "--out", "killed", says="--resume")
        told = json.loads(self.works("experiment", "run", "mine.toml", "--out", "killed", "--resume", "--json").out)
        self.assertEqual(told[0]["trials_of_this_run"], 12 - done)
        for name in ("numbers.csv", "numbers.json"):
            self.assertEqual(self.bytes_of(f"whole/mine/{name}"), self.bytes_of(f"killed/mine/{name}"))
        again = self.works("experiment", "run", "mine.toml", "--out", "killed", "--resume")
        self.assertIn("was finished already", again.out)
        self.settings(epochs=41)
        self.refuses(2, "experiment", "run", "mine.toml", "--out", "killed", "--resume",
                     says=("settings.training.epochs", "40 there, 41 asked for"))

    @quick_build
    def test_ends_well_when_interrupted(self):
        process = self.start("experiment", "run", self.settings(epochs=200), "--out", "out", "--threads", 1)
        trials = self.folder / "out" / "mine" / "trials.jsonl"
        for _ in range(3000):
            if trials.exists() and trials.read_bytes():
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertIn("--resume", err.decode())
        self.assertIn("stopped before its end", (self.folder / "out" / "mine" / "report.html").read_text())

    def test_refusals(self):
        self.refuses(2, "experiment", "run", "invarianse", says=("known are", "invariance"))
        self.refuses(2, "experiment", "run", "invariance", "--scale", "huge", says="quick, paper")
        self.refuses(2, "experiment", "run", "cost", "--seeds", 0, says="--seeds")
        self.refuses(1, "experiment", "run", "invariance", "--scale", "paper", "--data-dir", "nowhere", "--out", "out",
                     says=("cifar-10", "cifar-100", "caltech-256", "not begun"))
        self.refuses(1, "experiment", "run", "elementwise", "--datasets", "./nowhere", says="nowhere")
        self.refuses(1, "experiment", "run", "nowhere.toml", says="nowhere.toml")
        (self.folder / "bad.toml").write_text("number = [")
        self.refuses(1, "experiment", "run", "bad.toml", says="bad.toml:1:")
        (self.folder / "taken").write_text("a file")
        self.refuses(1, "experiment", "run", self.settings(), "--out", "taken", says="taken", leaves=["mine.toml"])
