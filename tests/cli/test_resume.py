"""Runs that are interrupted and go on: --checkpoint and --resume."""
import json
import os
import random
import time

from support import Case, write_set

RUN = ("--parameter-budget", 3000, "--batch-size", 16, "--quiet")


def read_events(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


class Resuming(Case):
    def words(self, *more, epochs=4, out="model.safetensors", checkpoint="run.ckpt"):
        return ("train", "--data", self.data, "--epochs", epochs, "--out", out, "--checkpoint", checkpoint, *RUN, *more)

    def whole(self, *more, epochs=4):
        """The bytes of a run that nobody interrupts."""
        self.works("train", "--data", self.data, "--epochs", epochs, "--out", "whole.safetensors", *RUN, *more)
        return self.bytes_of("whole.safetensors")

    def killed(self, *words, after, checkpoint="run.ckpt"):
        """Starts, waits until it has written a checkpoint and so much longer, kills; true where there was something to kill."""
        path = self.folder / checkpoint
        written = lambda: path.stat().st_mtime_ns if path.exists() else 0
        before, process = written(), self.start(*words)
        while process.poll() is None and written() == before:
            time.sleep(0.001)
        time.sleep(after)
        process.kill()
        process.communicate()
        return process.returncode == -9

    def check_log(self, epochs):
        """One story, whatever was undone."""
        events = read_events(self.folder / "run.jsonl")
        self.assertEqual([event["seq"] for event in events], list(range(len(events))))
        for before, after in zip(events, events[1:]):
            self.assertLessEqual(before["step"], after["step"])
            self.assertLessEqual(before["time_s"], after["time_s"] + 1e-9)
        self.assertEqual([event["epoch"] for event in events if event["type"] == "epoch"], list(range(1, epochs + 1)))
        self.assertEqual(events[-1]["type"], "end")
        return events

    def test_a_budget_in_another_unit_stays(self):
        words = ("--multiply-adds", 2500, "--policy", "effect", "--buffer", 8)
        whole = self.whole(*words)
        self.works(*self.words(*words, epochs=4))
        self.assertEqual(self.bytes_of("model.safetensors"), whole)
        self.killed(*self.words("--resume", *words, "--checkpoint-every", 0.01, checkpoint="b.ckpt"), after=0.01, checkpoint="b.ckpt")
        self.works(*self.words("--resume", *words, checkpoint="b.ckpt"))
        self.assertEqual(self.bytes_of("model.safetensors"), whole)

    def test_killed_again_and_again(self):
        epochs, dice, kills = 60, random.Random(4), 0
        whole = self.whole(epochs=epochs)
        words = self.words("--resume", "--checkpoint-every", 0.01, "--events", "run.jsonl", "--picture", "run.svg",
                           epochs=epochs)
        for _ in range(10):
            kills += self.killed(*words, after=dice.uniform(0, 0.03))
        done = json.loads(self.works(*words, "--json").out)
        self.assertGreater(kills, 3)
        if done.get("already"):
            self.skipTest("it was finished before it was killed often enough")
        self.assertEqual(self.bytes_of("model.safetensors"), whole)
        self.assertEqual([row["epoch"] for row in done["epochs"]], list(range(1, epochs + 1)), "the summary has all")
        self.assertGreater(done["born"], 0)
        events = self.check_log(epochs)
        self.assertGreater(sum(event["type"] == "start" for event in events), 1)
        self.assertIn("checkpoint", {event["type"] for event in events})
        edits = [event for event in events if event["type"] == "edit"]
        self.assertEqual(sum(event["born"] for event in edits), done["born"])
        leftovers = {name for name in self.files() if ".tmp" in name or name.startswith(".")}
        self.assertLessEqual(len(leftovers), kills, "what a killed write leaves")

    def test_begins_where_there_is_none_and_says_when_it_is_finished(self):
        done = self.works(*self.words("--resume"))
        self.assertIn("test accuracy", done.out)
        self.assertEqual(self.bytes_of("model.safetensors"), self.whole())
        model = self.bytes_of("model.safetensors")
        done = self.works(*self.words("--resume"))
        self.assertEqual(done.out, "finished already: 4 epochs; the model is in model.safetensors\n")
        (self.folder / "model.safetensors").unlink()
        again = json.loads(self.works(*self.words("--resume", "--json")).out)
        self.assertEqual((again["already"], again["epochs"]), (True, 4))
        self.assertEqual(self.bytes_of("model.safetensors"), model)
        # Without --resume it begins anew.
        self.assertIn("test accuracy", self.works(*self.words()).out)

    def test_ctrl_c_keeps_the_run(self):
        epochs = 60
        whole = self.whole(epochs=epochs)
        words = [word for word in self.words("--resume", "--events", "run.jsonl", epochs=epochs) if word != "--quiet"]
        process = self.start(*words)
        for line in process.stderr:
            if f"2/{epochs}".encode() in line:
                break
        process.send_signal(2)
        err = process.communicate(timeout=60)[1].decode()
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("--resume", err.splitlines()[-1])
        self.assertEqual(read_events(self.folder / "run.jsonl")[-1]["reason"], "stopped")
        self.works(*words)
        self.assertEqual(self.bytes_of("model.safetensors"), whole)
        self.check_log(epochs)

    def test_tasks_that_come_and_go(self):
        write_set(self.folder / "more", train=300, side=6, classes=3)
        changes = ("--change", "epoch=2 append=more", "--change", "epoch=4 remove=patterns")
        whole = self.whole(*changes, epochs=5)
        words = self.words("--resume", "--checkpoint-every", 0.01, *changes, epochs=5)
        for after in (0, 0.02, 0.03):
            self.killed(*words, after=after)
        self.works(*words)
        self.assertEqual(self.bytes_of("model.safetensors"), whole)

    def test_what_must_agree_and_what_need_not(self):
        self.works(*self.words())
        for words, says in ((("--seed", 3), "training.seed: 0 in the checkpoint, 3 now"),
                            (("--learning-rate", 0.1), 'training.learning_rate: "auto" in the checkpoint, 0.1 now'),
                            (("--hidden", "8"), "network.hidden: [16,16] in the checkpoint, [8] now"),
                            (("--fixed",), "adaptation.adapt: true in the checkpoint, false now"),
                            (("--change", "epoch=2 freeze=trunk"), "change: not there in the checkpoint")):
            with self.subTest(words):
                self.refuses(2, *self.words("--resume", *words), says=("run.ckpt", says, "without --resume"))
        self.refuses(2, *self.words("--resume", epochs=5), says="training.epochs: 4 in the checkpoint, 5 now")
        write_set(self.folder / "others" / "patterns", train=500)
        write_set(self.folder / "names", train=600)
        other = [word if word != self.data else "others/patterns" for word in self.words("--resume")]
        self.refuses(2, *other, says="data 'patterns', training samples: 540 in the checkpoint, 450 now")
        other = [word if word != self.data else "names" for word in self.words("--resume")]
        self.refuses(2, *other, says="data: 'patterns' in the checkpoint, 'names' now")
        self.works(*self.words("--resume", "--threads", 1, "--events", "e.jsonl", "--checkpoint-every", 7,
                               out="other.safetensors"))
        self.assertEqual(self.bytes_of("other.safetensors"), self.bytes_of("model.safetensors"))

    def test_refusals(self):
        self.refuses(2, "train", "--data", self.data, "--resume", says="--checkpoint")
        self.refuses(2, "train", "--data", self.data, "--checkpoint-every", 60, says="checkpoint-every: needs --checkpoint FILE")
        self.refuses(2, *self.words("--checkpoint-every", -1), says="checkpoint-every")
        self.refuses(2, *self.words("--checkpoint-every", "nan"), says="checkpoint-every")
        self.refuses(2, *self.words(checkpoint="model.safetensors"), says="another file than --out")
        self.refuses(1, *self.words(checkpoint="nowhere/run.ckpt"), says="nowhere")
        self.works(*self.words(epochs=1))
        self.refuses(1, *self.words("--resume", checkpoint="model.safetensors", out="o"), says="but a model")
        whole = self.bytes_of("run.ckpt")
        (self.folder / "cut.ckpt").write_bytes(whole[:-100])
        self.refuses(1, *self.words("--resume", checkpoint="cut.ckpt"), says=("cut.ckpt", "cut short"))
        (self.folder / "bad.ckpt").write_bytes(whole[:-100] + b"x" + whole[-99:])
        self.refuses(1, *self.words("--resume", checkpoint="bad.ckpt"), says=("bad.ckpt", "damaged"))
        self.refuses(1, "eval", "run.ckpt", "--data", self.data, says="not an Isoform model")

    def test_a_diverged_run_does_not_go_on(self):
        words = self.words("--learning-rate", "1e30", "--resume")
        self.refuses(1, *words, says="learning rate", leaves=["model.safetensors", "run.ckpt"])
        model = self.bytes_of("model.safetensors")
        self.refuses(1, *words, says=("can't go on", "learning rate", "without --resume"))
        self.assertEqual(self.bytes_of("model.safetensors"), model)

    def test_a_checkpoint_that_cannot_be_written_stops_nothing(self):
        kept = self.folder / "kept"
        kept.mkdir()
        epochs = 60
        process = self.start(*self.words("--checkpoint-every", 0, "--events", "run.jsonl", checkpoint="kept/run.ckpt",
                                         epochs=epochs))
        while process.poll() is None and not (kept / "run.ckpt").exists():
            time.sleep(0.005)
        os.rename(kept, self.folder / "gone")
        err = process.communicate(timeout=120)[1].decode()
        self.assertEqual(process.returncode, 0, err)
        self.assertIn("no checkpoint is written", err)
        self.assertIn("training goes on", err)
        self.assertIn("the last checkpoint is not written", err)
        self.assertEqual(self.bytes_of("model.safetensors"), self.whole(epochs=epochs))
        self.assertIn("warning", {event["type"] for event in read_events(self.folder / "run.jsonl")})
        # What was written before is whole.
        self.works(*self.words("--resume", checkpoint="gone/run.ckpt", epochs=epochs))
        self.assertEqual(self.bytes_of("model.safetensors"), self.bytes_of("whole.safetensors"))

    def test_a_log_that_is_missing_begins_anew(self):
        whole = self.whole(epochs=30)
        words = self.words("--resume", "--checkpoint-every", 0.01, "--events", "run.jsonl", epochs=30)
        self.killed(*words, after=0)
        (self.folder / "run.jsonl").unlink(missing_ok=True)
        self.works(*words)
        self.assertEqual(self.bytes_of("model.safetensors"), whole)
        events = read_events(self.folder / "run.jsonl")
        self.assertEqual([event["seq"] for event in events], list(range(len(events))))
        self.assertEqual(events[0]["type"], "start")
