"""How far apart two models are, up to rotation."""
import json
import math
import struct

from support import Case, read_header, write_about, write_set


def values(path, name):
    """The numbers of one tensor; none where it is absent."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    entries = read_header(path)[1]
    if name not in entries:
        return ()
    first, last = entries[name]["data_offsets"]
    return struct.unpack(f"<{(last - first) // 4}f", data[8 + length + first:8 + length + last])


class Differences(Case):
    def setUp(self):
        super().setUp()
        self.train("--hidden", "12,9", "--group-size", "4", "--fixed", out="a.safetensors")

    def diff(self, a, b, *words):
        return json.loads(self.works("diff", a, b, "--json", *words).out)

    def rotated(self):
        self.works("edit", "a.safetensors", "r.safetensors", "--layer", 1, "--rotate", "random")
        self.works("edit", "r.safetensors", "r.safetensors", "--layer", 2, "--rotate", "left")
        return "r.safetensors"

    def test_the_same_file(self):
        told = self.diff("a.safetensors", "a.safetensors")
        self.assertEqual((told["before"], told["after"], told["relative"], told["sweeps"]), (0, 0, 0, 0))
        self.assertEqual(told["differences"], [])
        self.assertEqual(told["relative_change"]["largest"], 0)
        self.assertTrue(told["same_function"])
        self.assertIn("the same numbers", told["verdict"])

    def test_another_basis(self):
        for one, other in (("a.safetensors", self.rotated()), (self.rotated(), "a.safetensors")):
            for words in ([], ["--data", self.data], ["--layers"]):
                with self.subTest(one=one, words=words):
                    told = self.diff(one, other, *words)
                    self.assertLessEqual(told["relative"], 1e-6)
                    self.assertGreaterEqual(told["before"], 0.5 * told["norm"])
                    self.assertTrue(told["same_function"])
                    self.assertIn("another basis", told["verdict"])
                    self.assertEqual([layer["groups_of_a"] for layer in told["layers"]], [[0, 1, 2], [0, 1, 2]])
                    self.assertEqual("accuracy_a" in told, "--data" in words)
        out = self.works("diff", "a.safetensors", "r.safetensors", "--layers").out
        for text in ("verdict     the same function in another basis, to rounding", "64 → 12 → 9 → 4",
                     "edits in the history: 0 in A, 2 in B", "groups of A in B's order: 0 1 2", "256 random inputs"):
            self.assertIn(text, out)

    def test_distances_of_an_unrelated_model(self):
        self.train("--hidden", "12,9", "--group-size", "4", "--fixed", "--seed", 7, out="b.safetensors")
        told = self.diff("a.safetensors", "b.safetensors", "--data", self.data)
        self.assertFalse(told["same_function"])
        self.assertIn("different networks", told["verdict"])
        self.assertLess(told["after"], 0.99 * told["before"])
        a, b = (self.folder / name for name in ("a.safetensors", "b.safetensors"))
        norm, before = 0, 0
        for i, told_map in enumerate(told["maps"]):
            pairs = [pair for kind in ("weight", "bias", "psi")
                     for pair in zip(values(a, f"layers.{i}.{kind}"), values(b, f"layers.{i}.{kind}"))]
            kind = f"layers.{i}.intrinsic_length"
            pairs += [(math.sqrt(x), math.sqrt(y)) for x, y in zip(values(a, kind), values(b, kind))]
            of_map = sum(y * y for _, y in pairs), sum((x - y) ** 2 for x, y in pairs)
            self.assertAlmostEqual(told_map["norm"], math.sqrt(of_map[0]), delta=1e-5)
            self.assertAlmostEqual(told_map["before"], math.sqrt(of_map[1]), delta=1e-5)
            parts = sum(told_map[part] ** 2 for part in ("weight", "bias", "psi", "sqrt_o"))
            self.assertAlmostEqual(told_map["after"], math.sqrt(parts), delta=1e-9)
            norm, before = norm + of_map[0], before + of_map[1]
        self.assertAlmostEqual(told["norm"], math.sqrt(norm), delta=1e-5)
        self.assertAlmostEqual(told["before"], math.sqrt(before), delta=1e-5)
        self.assertAlmostEqual(told["relative"], told["after"] / told["norm"], places=12)
        y, z = (self.logits(f"{name}.safetensors") for name in "ab")
        changes = [math.dist(p, q) / math.hypot(*q) for p, q in zip(y, z)]
        self.assertAlmostEqual(told["relative_change"]["mean"], sum(changes) / len(changes), places=4)
        self.assertAlmostEqual(self.diff("b.safetensors", "a.safetensors")["after"], told["after"], delta=1e-6 * told["after"])

    def test_other_widths_and_groups(self):
        self.works("edit", "a.safetensors", "g.safetensors", "--layer", 2, "--grow", 5, "--group-size", 4)
        told = self.diff("a.safetensors", "g.safetensors")
        self.assertTrue(told["padded"])
        self.assertTrue(told["same_function"], "grown neurons do nothing")
        self.assertIn("do nothing", told["verdict"])
        self.assertIn("width of hidden 2: 9 in A, 14 in B", told["differences"])
        self.assertIn("groups of hidden 2: 2×4, 1 in A, 3×4, 2 in B", told["differences"])
        self.assertEqual(told["layers"][1]["groups_of_a"], [0, 1, 2, None])
        back = self.diff("g.safetensors", "a.safetensors")
        self.assertAlmostEqual(back["after"], told["after"], delta=1e-5 * told["after"])
        self.train("--hidden", "12,9", "--group-size", "0", "--fixed", "--epochs", 1, out="whole.safetensors")
        told = self.diff("a.safetensors", "whole.safetensors")
        self.assertIn("groups of hidden 1: 3×4 in A, 12 in B", told["differences"])
        self.assertFalse(told["same_function"])
        self.assertIn("filled up", self.works("diff", "a.safetensors", "whole.safetensors").out)

    def test_what_is_not_a_number(self):
        about, _ = read_header(self.folder / "a.safetensors")
        task = about["tasks"][0]
        for change, says in (({"tasks": [{**task, "name": "other"}]}, "name of task 1"),
                             ({"tasks": [{**task, "outputs": task["outputs"][::-1]}]}, "outputs of task 1"),
                             ({"tasks": []}, "tasks: 1 in A, 0 in B"), ({"tasks": [{**task, "loss": "squared"}]}, "loss of task 1")):
            with self.subTest(says):
                write_about(self.folder / "a.safetensors", self.folder / "b.safetensors", {**about, **change})
                told = self.diff("a.safetensors", "b.safetensors")
                self.assertEqual(told["after"], 0)
                self.assertEqual(len(told["differences"]), 1)
                self.assertIn(says, told["differences"][0])
        for words, says in ((["--radial", "asinh"], "gate of hidden 1: tanh in A, asinh in B"),
                            (["--psi", "none"], "mode of ψ in map 2: decay in A, none in B"),
                            (["--length", "log"], "mode of o in hidden 2: trainable in A, log in B")):
            with self.subTest(says):
                self.train("--hidden", "12,9", "--group-size", "4", "--fixed", *words, out="b.safetensors")
                self.assertIn(says, self.diff("a.safetensors", "b.safetensors")["differences"])
                self.assertIn(f"differs     {says}", self.works("diff", "a.safetensors", "b.safetensors").out)

    def test_another_input_transform(self):
        data = bytearray(self.bytes_of("a.safetensors"))
        (length,) = struct.unpack("<Q", data[:8])
        first, last = read_header(self.folder / "a.safetensors")[1]["input.mean"]["data_offsets"]
        mean = values(self.folder / "a.safetensors", "input.mean")
        data[8 + length + first:8 + length + last] = struct.pack(f"<{len(mean)}f", *(x + 5 for x in mean))
        (self.folder / "b.safetensors").write_bytes(data)
        told = self.diff("a.safetensors", "b.safetensors")
        self.assertEqual(told["after"], 0)
        self.assertFalse(told["same_function"])
        self.assertIn("input transforms", told["verdict"])
        self.assertIn("input transform: up to", told["differences"][0])
        self.assertIn("--data counts them", self.works("diff", "a.safetensors", "b.safetensors").out)
        told = self.diff("a.safetensors", "b.safetensors", "--data", self.data)
        self.assertFalse(told["same_function"])
        self.assertGreater(told["relative_change"]["mean"], 1e-3)

    def test_refusals(self):
        self.train("--hidden", "12", "--fixed", "--epochs", 1, out="flat.safetensors")
        self.refuses(2, "diff", "a.safetensors", "flat.safetensors", says=("same depth", "2 and 1 hidden layers"))
        data = self.data
        self.data = write_set(self.folder / "small", side=5)
        self.train("--hidden", "12,9", "--fixed", "--epochs", 1, out="small.safetensors")
        self.refuses(2, "diff", "a.safetensors", "small.safetensors", says=("same inputs and outputs", "64 → 4 and 25 → 4"))
        self.refuses(2, "diff", "a.safetensors", "a.safetensors", "--data", self.data, says="64")
        self.data = data
        self.refuses(1, "diff", "a.safetensors", "absent.safetensors", says="absent.safetensors")
        self.refuses(1, "diff", "a.safetensors", self.data / "t10k-images-idx3-ubyte", says="t10k")
        self.refuses(2, "diff", "a.safetensors", says="b is required")
        self.refuses(2, "diff", "a.safetensors", "a.safetensors", "--layer", says="--layers")
        self.assertIn("Examples:", self.works("diff", "--help").out)
