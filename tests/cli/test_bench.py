"""isoform bench: what it says has the shape of what was asked; no time is judged."""
import json

from support import Case


class Bench(Case):
    def bench(self, *words):
        return json.loads(self.works("bench", *words, "--json").out)

    def test_step(self):
        told = self.bench("step", "--widths", "20,16,8,3", "--batch-size", 5, "--threads", 1, "--seconds", 0.01)
        self.assertEqual(told["widths"], [20, 16, 8, 3])
        self.assertEqual(told["batch_size"], 5)
        self.assertEqual(told["threads"], 1)
        self.assertLessEqual(told["ms_fastest"], told["ms_per_step"])
        self.assertGreater(told["ms_per_step"], 0)
        self.assertIn("gates", told["phases"])
        text = self.works("bench", "step", "--widths", "20,16,3", "--seconds", 0.01).out
        self.assertIn("step", text)
        self.assertIn("GFLOP/s", text)

    def test_files_for_a_peer(self):
        folder = self.folder / "peer"
        folder.mkdir()
        self.bench("step", "--widths", "6,4,3", "--batch-size", 2, "--seconds", 0.01, "--save", folder)
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         ["after.safetensors", "batches.safetensors", "before.safetensors"])
        self.works("inspect", folder / "before.safetensors")

    def test_restructuring(self):
        told = self.bench("restructure", "--widths", "20,16,12,3", "--layer", 2, "--count", 3, "--group-size", 0,
                          "--seconds", 0.01)
        self.assertGreater(told["growth"]["ms"], 0)
        self.assertGreater(told["removal"]["ms"], 0)
        self.assertEqual(told["count"], 3)

    def test_inference(self):
        told = self.bench("inference", "--widths", "20,16,16,16,3", "--batch-size", 2, "--group-size", 0)
        self.assertEqual({form["form"] for form in told["forms"]}, {"plain", "sparse", "two stages", "one stage"})
        times = [form["us"] for form in told["forms"]]
        self.assertEqual(times, sorted(times))

    def test_data(self):
        told = self.bench("data", self.data)
        self.assertGreater(told["samples"], 0)
        self.assertGreater(told["seconds"], 0)

    def test_refusals(self):
        for words, part in (
            (["step"], "--widths"),
            (["step", "--widths", "3"], "widths"),
            (["step", "--widths", "3,0,2"], "widths"),
            (["step", "--widths", "3,4,2", "--batch-size", 0], "batch-size"),
            (["restructure", "--widths", "3,4,2", "--layer", 2], "layer"),
            (["restructure", "--widths", "3,4,2", "--count", 4], "at least 1 must stay"),
            (["data", "nothing-like-that"], "nothing-like-that"),
            (["paint"], "paint"),
        ):
            with self.subTest(words):
                self.refuses(2, "bench", *words, says=(part,))
