"""Event files of TensorBoard, held against the log of the same run by a reader that shares nothing with the writer."""
import json
import math
import pathlib
import shutil
import struct
import sys
import time

from support import Case, quick_build, write_set

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import tfevents

SCORES = [(f"{what}/{part}", f"{part}_{what}") for what in ("loss", "accuracy") for part in ("train", "validation")]


def as_float(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def expected(event, born, removed):
    """What an event of the log has to show, by tag."""
    shown = {}
    kind = event["type"]
    if kind == "step":
        shown = {"loss/batch": event["loss"], "learning_rate": event["learning_rate"]}
    if kind == "edit":
        shown[f"width/space_{event['space']}"] = event["after"]
    if kind == "epoch":
        scores = [("", event)]
        if len(event["tasks"]) > 1:
            scores += [("/" + task["name"], task) for task in event["tasks"]]
        for behind, values in scores:
            shown.update({tag + behind: values[key] for tag, key in SCORES if values[key] is not None})
        shown["learning_rate"] = event["learning_rate"]
    if kind in ("start", "task", "epoch", "end"):
        shown.update({f"width/space_{i}": width for i, width in enumerate(event["widths"][1:-1], 1)})
        shown["parameters"] = event["parameters"]
    if kind in ("start", "task", "epoch", "end", "edit"):
        shown.update({"neurons/born": born, "neurons/removed": removed})
    if kind == "spectrum":
        shown = {f"spectrum/space_{space['space']}": space["values"] for space in event["spaces"]}
    return shown


class TensorBoard(Case):
    def check_histogram(self, histogram, values):
        self.assertEqual((histogram["min"], histogram["max"]), (min(values), max(values)))
        self.assertEqual(histogram["num"], len(values))
        self.assertAlmostEqual(histogram["sum"], sum(values), 9)
        self.assertAlmostEqual(histogram["sum_squares"], sum(x * x for x in values), 9)
        limits, counts = histogram["bucket_limit"], histogram["bucket"]
        self.assertEqual(len(limits), len(counts))
        self.assertEqual(limits, sorted(set(limits)))
        self.assertEqual(limits[-1], max(values))
        lefts = [-math.inf] + limits[:-1]
        self.assertEqual(counts, [sum(a < x <= b for x in values) for a, b in zip(lefts, limits)])

    def check_run(self, *words):
        began = time.time()
        done = self.works("train", "--data", self.data, "--events", "run.jsonl", "--tensorboard", "runs/one", "--quiet",
                          "--parameter-budget", 5000, *words)
        self.assertIn("runs/one", done.out)
        files = list((self.folder / "runs/one").iterdir())
        self.assertEqual(len(files), 1)
        self.assertRegex(files[0].name, r"^events\.out\.tfevents\.\d{10}\.isoform$")
        records = tfevents.read(files[0])
        start, _, version = records[0]
        self.assertEqual(version, "brain.Event:2")
        self.assertTrue(began <= start <= time.time())
        log = [json.loads(line) for line in (self.folder / "run.jsonl").read_text().splitlines()]
        at, born, removed, tags = 1, 0, 0, set()
        for event in log:
            if event["type"] == "edit":
                born, removed = born + event["born"], removed + event["removed"]
            shown = expected(event, born, removed)
            if not shown:
                continue
            wall, step, summary = records[at]
            at += 1
            self.assertAlmostEqual(wall, start + event["time_s"], 5)
            self.assertEqual(step, event["step"])
            self.assertEqual(set(summary), set(shown))
            for tag, value in shown.items():
                if tag.startswith("spectrum/"):
                    self.check_histogram(summary[tag], value)
                else:
                    self.assertEqual(summary[tag], as_float(value), tag)
            tags |= set(shown)
        self.assertEqual(at, len(records))
        self.assertEqual((born, removed), (log[-1]["born"], log[-1]["removed"]))
        return tags

    def test_says_what_the_log_says(self):
        tags = self.check_run("--epochs", 3)
        self.assertLessEqual({"loss/train", "loss/validation", "accuracy/train", "accuracy/validation", "learning_rate",
                              "parameters", "width/space_1", "width/space_2", "spectrum/space_1",
                              "neurons/born", "neurons/removed"}, tags)

    def test_without_validation(self):
        tags = self.check_run("--epochs", 1, "--validation", 0)
        self.assertNotIn("loss/validation", tags)
        self.assertIn("loss/train", tags)

    @quick_build
    def test_several_tasks(self):
        write_set(self.folder / "others")
        tags = self.check_run("--epochs", 4, "--change", "epoch=2 append=others", "--change", "epoch=3 off=patterns")
        self.assertLessEqual({"accuracy/validation/others", "loss/train/patterns"}, tags)

    def test_a_second_run_gets_its_own_file(self):
        for _ in range(2):
            self.train("--fixed", "--hidden", "2", "--tensorboard", "runs", epochs=1)
        self.assertEqual(len(list((self.folder / "runs").iterdir())), 2)

    def test_readable_while_it_runs_and_after_the_folder_went(self):
        process = self.start("train", "--data", self.data, "--epochs", 100000, "--tensorboard", "runs", "--quiet")
        try:
            deadline = time.time() + 60
            while time.time() < deadline:
                files = list((self.folder / "runs").glob("*"))
                # A record is one write, so that what is there is whole.
                if files and any("loss/batch" in summary for _, _, summary in tfevents.read(files[0])[1:]):
                    break
                time.sleep(0.05)
            else:
                self.fail("nothing to see after a minute")
            shutil.rmtree(self.folder / "runs")
            time.sleep(0.5)
            process.send_signal(2)
            err = process.communicate(timeout=60)[1].decode()
        finally:
            process.kill()
        self.assertEqual(process.returncode, 130)
        self.assertEqual(err.count("no longer written"), 1, err)
        self.assertTrue((self.folder / "model.safetensors").exists())

    def test_refusals(self):
        (self.folder / "file").write_text("")
        self.refuses(1, "train", "--data", self.data, "--tensorboard", "file", says=["file", "folder"])
        self.refuses(1, "train", "--data", self.data, "--tensorboard", "file/in", says=["file/in"])
        self.refuses(2, "train", "--data", self.data, "--tensorboard", "x", "--out", "x", says="tensorboard")
