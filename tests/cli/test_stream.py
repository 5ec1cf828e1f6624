"""Residual networks from the command line: training, reading, shrinking, turning the one stream."""
import json

from support import Case, read_header


class Streams(Case):
    def residual(self, *words, hidden="12,9,12", out="r.safetensors"):
        self.train("--architecture", "residual", "--hidden", hidden, "--group-size", 4, "--batch-size", 32, *words, out=out)

    def accuracy(self, model):
        return json.loads(self.works("eval", model, "--data", self.data, "--json").out)["accuracy"]

    def widths(self, model):
        about, _ = read_header(self.folder / model)
        return [space["dimension"] for space in about["spaces"]]

    def test_a_stream_is_trained_and_kept(self):
        self.residual("--stream", 16, "--fixed")
        about, tensors = read_header(self.folder / "r.safetensors")
        self.assertEqual(about["architecture"], "graph")
        self.assertEqual(self.widths("r.safetensors"), [64, 16, 12, 9, 12, 4])
        self.assertEqual([(m["from"], m["to"]) for m in about["maps"]],
                         [(0, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 4), (4, 1), (1, 5)])
        self.assertEqual(tensors["maps.2.weight"]["shape"], [16, 12])
        self.assertGreater(self.accuracy("r.safetensors"), 0.8)
        self.residual("--fixed")
        self.assertEqual(self.widths("r.safetensors")[1], 12)

    def test_branches_size_themselves(self):
        self.residual("--stream", 10, hidden="2,30")
        widths = self.widths("r.safetensors")
        self.assertEqual((widths[0], widths[1], widths[-1]), (64, 10, 4))
        self.assertNotEqual(widths[2:4], [2, 30])
        self.assertGreater(self.accuracy("r.safetensors"), 0.7)

    def test_other_verbs_work_on_it(self):
        self.residual("--fixed")
        before = self.logits("r.safetensors")
        for layer in (1, 2, 4):  # the stream, and two branches
            for turn in ("left", "right", "random"):
                self.works("edit", "r.safetensors", "t.safetensors", "--layer", layer, "--rotate", turn)
                self.assert_close(self.logits("t.safetensors"), before, 1e-3)
        self.works("edit", "r.safetensors", "g.safetensors", "--layer", 3, "--grow", 5)
        self.assert_close(self.logits("g.safetensors"), before, 1e-4)
        self.assertEqual(self.widths("g.safetensors"), [64, 12, 12, 14, 12, 4])
        for words in ([], ["--data", self.data], ["--data", self.data, "--basis", "effect"], ["--html", "r.html"],
                      ["--layer", 2], ["--json"]):
            out = self.works("inspect", "r.safetensors", *words).out
        told = json.loads(out)
        self.assertEqual([layer["layer"] for layer in told["layers"]], [2, 3, 4])
        self.assertTrue(told["layers"][0]["connections"][0]["feeds"][0]["name"].startswith("stream "))
        self.works("shrink", "r.safetensors", "s.safetensors", "--to", "6,6,6", "--data", self.data)
        self.assertEqual(self.widths("s.safetensors"), [64, 12, 6, 6, 6, 4])
        self.works("shrink", "r.safetensors", "s.safetensors", "--parameters", told["parameters"] * 3 // 4, "--data", self.data)
        self.assertEqual(self.widths("s.safetensors")[1], 12)
        self.works("shrink", "r.safetensors", "s.safetensors", "--to", "6,6,6", "--metric", "singular", "--no-refit")
        self.assertLess(self.accuracy("r.safetensors") - self.accuracy("s.safetensors"), 0.5)

    def test_refusals(self):
        self.residual("--fixed")
        r = "r.safetensors"
        for words, says in (
                (("train", "--data", self.data, "--stream", 8, "--out", "x.safetensors"), "--architecture residual"),
                (("train", "--data", self.data, "--architecture", "residual", "--hidden", "none", "--out", "x.safetensors"),
                 "needs a width for each branch"),
                (("train", "--data", self.data, "--architecture", "residual", "--stream", -1, "--out", "x.safetensors"),
                 "stream: needs"),
                (("edit", r, "x.safetensors", "--layer", 2, "--rotate", "full"), "'stream'"),
                (("edit", r, "x.safetensors", "--layer", 1, "--grow", 2), "hidden layers are 2 to 4"),
                (("edit", r, "x.safetensors", "--layer", 5, "--rotate", "left"), "out of range"),
                (("sparsify", r, "x.safetensors"), "plain chain"),
                (("convert", r, "x.safetensors"), "convert: needs"),
                (("diff", r, r), "has a basis of its own")):
            with self.subTest(says):
                self.refuses(2, *words, says=says)
