"""What can be read off a model: connections in order, the same function in every basis, a page."""
import json
import math
import re
import struct
import xml.etree.ElementTree as xml

from support import Case, read_header, write_about

SVG = "{http://www.w3.org/2000/svg}"
XHTML = "{http://www.w3.org/1999/xhtml}"


def matrix(path, name):
    """A tensor of a model file, row after row."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    entry = read_header(path)[1][name]
    first, last = entry["data_offsets"]
    values = struct.unpack(f"<{(last - first) // 4}f", data[8 + length + first:8 + length + last])
    columns = entry["shape"][1]
    return [values[i:i + columns] for i in range(0, len(values), columns)]


class Inspect(Case):
    def setUp(self):
        super().setUp()
        self.train("--hidden", "12,9", "--group-size", "4", "--fixed", out="m.safetensors")

    def inspect(self, *words, model="m.safetensors"):
        return json.loads(self.works("inspect", model, "--json", *words).out)

    def test_what_was_there_before(self):
        told = self.inspect()
        self.assertEqual(told["model"], "m.safetensors")
        self.assertEqual(told["widths"], [64, 12, 9, 4])
        # W and b; ψ of maps 2 and 3, which read 3 gates each; o.
        self.assertEqual(told["parameters"], 64 * 12 + 12 + 12 * 9 + 9 + 9 * 4 + 4 + 9 * 3 + 4 * 3 + 3 + 3)
        self.assertEqual([layer["groups"] for layer in told["layers"]], [[4, 4, 4], [4, 4, 1]])
        self.assertEqual([len(layer["singular_values"]) for layer in told["layers"]], [12, 9])
        self.assertEqual([len(layer["intrinsic_lengths"]) for layer in told["layers"]], [3, 3])
        self.assertEqual(told["history"], {"edits": 0, "born": 0, "removed": 0})
        self.assertEqual(told["tasks"][0]["outputs"], ["0", "1", "2", "3"])
        for layer in told["layers"]:
            self.assertGreater(layer["psi_norm"], 0)
            squares = [x * x / sum(y * y for y in layer["singular_values"]) for x in layer["singular_values"]]
            rank = math.exp(-sum(p * math.log(p) for p in squares if p > 0))
            self.assertAlmostEqual(layer["effective_rank"], rank, places=9)

    def test_connections_in_order(self):
        told = self.inspect()
        self.assertEqual(told["basis"], "singular")
        for layer in told["layers"]:
            connections = layer["connections"]
            self.assertEqual([c["number"] for c in connections], list(range(1, layer["width"] + 1)))
            strengths = [c["strength"] for c in connections]
            self.assertEqual(strengths, sorted(strengths, reverse=True))
            for c, value in zip(connections, layer["singular_values"]):
                self.assertAlmostEqual(c["strength"], value, places=9)
                self.assertAlmostEqual(c["incoming"], value, places=6)
                self.assertIsNone(c["share"])
                self.assertIsNone(c["bound_on_samples"])
                self.assertNotIn("direction", c)
            has_bound = layer["layer"] == 2
            self.assertTrue(all((c["bound"] is not None) == has_bound == (c["no_bound"] == "") for c in connections))

    def test_directions_are_those_of_the_file(self):
        (layer,) = self.inspect("--layer", 1)["layers"]
        self.assertEqual(layer["layer"], 1)
        incoming = matrix(self.folder / "m.safetensors", "layers.0.weight")
        outgoing = matrix(self.folder / "m.safetensors", "layers.1.weight")
        for c in layer["connections"]:
            at, q = 4 * c["group"], c["direction"]
            self.assertAlmostEqual(math.hypot(*q), 1, places=9)
            row = [sum(x * incoming[at + i][j] for i, x in enumerate(q)) for j in range(64)]
            column = [sum(x * line[at + i] for i, x in enumerate(q)) for line in outgoing]
            self.assertAlmostEqual(c["incoming"], math.hypot(*row), places=5)
            self.assertAlmostEqual(c["outgoing"], math.hypot(*column), places=5)
            largest = max(range(64), key=lambda j: abs(row[j]))
            heard = c["hears"][0]
            self.assertAlmostEqual(heard["weight"], row[heard["coordinate"]], places=5)
            self.assertAlmostEqual(abs(heard["weight"]), abs(row[largest]), places=5)
            self.assertEqual(heard["name"], f"pixel {heard['coordinate'] // 8},{heard['coordinate'] % 8}")
            self.assertEqual(c["feeds"][0]["layer"], 2)
            self.assertIn(c["feeds"][0]["connection"], range(1, 10))

    def test_every_basis_is_the_same_function(self):
        for basis in ("singular", "covariance", "effect", "task"):
            with self.subTest(basis):
                told = self.inspect("--data", self.data, "--basis", basis, "--samples", 200)
                self.assertEqual(set(told["bases"]), {"singular", "covariance", "effect", "task"})
                for change in told["bases"].values():
                    self.assertLess(change["largest"], 1e-5)
                    self.assertLessEqual(change["mean"], change["largest"])
                score = json.loads(self.works("eval", "m.safetensors", "--data", self.data, "--json").out)
                self.assertEqual(told["accuracy"], score["accuracy"])
                self.assertIn("200 training samples", told["read_on"])
                for layer in told["layers"]:
                    self.assertEqual(layer["scaffold"]["effect"]["threshold"], 3e-5)
                    strengths = [c["strength"] for c in layer["connections"]]
                    self.assertEqual(strengths, sorted(strengths, reverse=True))
                    for c in layer["connections"]:
                        self.assertGreaterEqual(c["share"], 0)
                        self.assertGreaterEqual(c["bound_on_samples"], 0)
                        key = {"effect": "share", "task": "outgoing"}.get(basis)
                        if key:
                            self.assertAlmostEqual(c["strength"], c[key], places=6)
                if basis == "effect":
                    idle = [sum(c["share"] <= 3e-5 for c in layer["connections"]) for layer in told["layers"]]
                    self.assertEqual(idle, [layer["scaffold"]["effect"]["count"] for layer in told["layers"]])
        self.assertEqual(set(self.inspect()["bases"]), {"singular", "task"})

    def test_reading_changes_with_the_seed_only(self):
        words = ["--data", self.data, "--basis", "effect", "--samples", 100]
        one = self.works("inspect", "m.safetensors", "--json", *words).out
        self.assertEqual(one, self.works("inspect", "m.safetensors", "--json", *words, "--threads", 1).out)
        self.assertNotEqual(one, self.works("inspect", "m.safetensors", "--json", *words, "--seed", 5).out)

    def test_tables(self):
        out = self.works("inspect", "m.safetensors").out
        for text in ("64 → 12 → 9 → 4", "hidden 1", "3×4", "2×4, 1", "effective rank", "scaffold", "256 random inputs", "task      "):
            self.assertIn(text, out)
        out = self.works("inspect", "m.safetensors", "--layer", 2, "--data", self.data).out
        self.assertIn("hidden 2: 9 of 9 connections", out)
        self.assertIn("200 samples of", out)
        self.assertNotIn("no bound", out)
        out = self.works("inspect", "m.safetensors", "--layer", 1, "--top", 3).out
        self.assertIn("hidden 1: 3 of 12 connections", out)
        self.assertIn("no bound: layer 1 reads the input", out)
        self.assertIn("12 of 12", self.works("inspect", "m.safetensors", "--layer", 1, "--top", 0).out)

    def page(self, *words, model="m.safetensors"):
        out = self.works("inspect", model, "--html", "page.html", *words).out
        self.assertIn("page.html", out)
        text = (self.folder / "page.html").read_text(encoding="utf-8")
        self.assertNotIn("<script", text)
        self.assertIsNone(re.search(r"\b(href|src)=|@import|url\(['\"]?(http|//)", text))
        self.assertNotIn("nan", re.sub(r"<[^>]*>", "", text).lower().split())
        root = xml.fromstring(text)
        for svg in root.iter(SVG + "svg"):
            self.assertEqual(svg.get("role"), "img")
            self.assertTrue(svg.find(SVG + "title").text)
            self.assertTrue(svg.find(SVG + "desc").text)
        return root

    def test_page(self):
        self.works("edit", "m.safetensors", "g.safetensors", "--layer", 1, "--grow", 3)
        root = self.page("--data", self.data, "--basis", "effect", model="g.safetensors")
        self.assertEqual(root.find(f".//{XHTML}h1").text, "g.safetensors")
        # The shape, four charts of each layer, two times the pictures of the 15 directions of the first.
        self.assertEqual(len(list(root.iter(SVG + "svg"))), 1 + 2 * 4 + 2 * 15)
        text = " ".join(root.itertext())
        told = self.inspect("--data", self.data, "--basis", "effect", model="g.safetensors")
        for expected in ("64 → 15 → 9 → 4", "append", "12 → 15", "How to read this page", "training samples of",
                         f"{told['layers'][1]['connections'][0]['strength']:.3g}", f"{100 * told['accuracy']:.2f} %"):
            self.assertIn(expected, text)
        self.assertEqual(len(list(self.page().iter(SVG + "svg"))), 1 + 2 * 4 + 12)

    def test_models_of_every_kind(self):
        task = read_header(self.folder / "m.safetensors")[0]["tasks"][0]
        tasks = [{**task, "name": "<p>", "outputs": ["u", "v"]}, {**task, "name": "q", "outputs": ["w&", "x, y"]}]
        about = read_header(self.folder / "m.safetensors")[0]
        write_about(self.folder / "m.safetensors", self.folder / "several.safetensors", {**about, "tasks": tasks})
        write_about(self.folder / "m.safetensors", self.folder / "none.safetensors", {**about, "tasks": []})
        self.train("--hidden", "none", "--epochs", 1, out="linear.safetensors")
        self.train("--hidden", "5", "--group-size", 1, "--length", "none", "--psi", "none", "--fixed", "--epochs", 1, out="ones.safetensors")
        self.train("--hidden", "1,6", "--group-size", 0, "--psi", "expectation", "--radial", "asinh", "--fixed", "--epochs", 1, out="thin.safetensors")
        for name in ("several", "none", "linear", "ones", "thin"):
            for words in ([], ["--data", self.data], ["--data", self.data, "--basis", "effect"], ["--basis", "task"]):
                with self.subTest(name=name, words=words):
                    told = self.inspect(*words, model=f"{name}.safetensors")
                    self.assertEqual(len(told["layers"]), {"linear": 0, "ones": 1}.get(name, 2))
                    self.works("inspect", f"{name}.safetensors", *words)
                    self.page(*words, model=f"{name}.safetensors")
        names = [term["name"] for c in self.inspect(model="several.safetensors")["layers"][1]["connections"] for term in c["feeds"]]
        self.assertEqual(set(names), {"<p>: u", "<p>: v", "q: w&", "q: x, y"})
        self.assertIn("linear model", self.works("inspect", "linear.safetensors").out)
        (layer,) = self.inspect(model="ones.safetensors")["layers"]
        self.assertEqual(layer["gate_only"], 0)

    def test_a_layer_wider_than_the_outputs_hear(self):
        self.train("--hidden", "20", "--group-size", 0, "--fixed", "--epochs", 1, out="wide.safetensors")
        (layer,) = self.inspect("--basis", "task", model="wide.safetensors")["layers"]
        self.assertEqual(layer["gate_only"], 16)
        self.assertEqual([c["outgoing"] > 1e-6 for c in layer["connections"]], 4 * [True] + 16 * [False])
        self.assertIn("16", self.works("inspect", "wide.safetensors").out)

    def test_refusals(self):
        for words, says in ((["--basis", "effect"], "--data"), (["--basis", "covariance"], "looks at data"),
                            (["--basis", "natural"], "singular, covariance, effect, task"), (["--layer", 3], "1 to 2"),
                            (["--layer", 0], "1 to 2"), (["--top", -1], "top: needs 0"), (["--samples", -1, "--data", self.data], "samples: needs 0"),
                            (["--split", "dev", "--data", self.data], "test or train")):
            with self.subTest(words):
                self.refuses(2, "inspect", "m.safetensors", *words, says=says)
                self.refuses(2, "inspect", "m.safetensors", "--html", "page.html", *words, says=says)
        self.refuses(1, "inspect", "m.safetensors", "--html", "absent/page.html", says="absent/page.html")
        self.refuses(1, "inspect", "absent.safetensors", says="absent.safetensors")
