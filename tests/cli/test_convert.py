"""isoform convert: the same outputs from a perceptron, whose gates come and go."""
import json

from support import Case


class Conversion(Case):
    def chain(self, *words):
        self.train("--hidden", "12,10,8", "--group-size", 0, "--fixed", *words, out="chain.safetensors")
        self.before = self.logits("chain.safetensors")

    def convert(self, *words, source="chain.safetensors", out="out.safetensors"):
        return json.loads(self.works("convert", source, out, *words, "--json").out)

    def test_a_chain_becomes_a_perceptron(self):
        self.chain()
        for words, stages in (((), 2), (("--stages", 1), 1), (("--stages", 2), 2)):
            with self.subTest(words):
                told = self.convert(*words)
                self.assertEqual((told["stages"], told["gates"]), (stages, 3))
                self.assertLess(told["relative_change"]["largest"], 1e-5)
                self.assert_close(self.before, self.logits("out.safetensors"), 1e-5)
        told = self.works("convert", "chain.safetensors", "out.safetensors", "--data", self.data).out
        self.assertIn("two stages", told)
        self.assertIn("accuracy", told)

    def test_skips_keep_the_outputs(self):
        self.chain()
        self.assertEqual(self.convert("--skips")["relative_change"]["largest"], 0)
        self.assert_close(self.before, self.logits("out.safetensors"), 0)

    def test_gates_come_and_go(self):
        self.chain()
        self.convert(out="p.safetensors")
        for position in (1, 2, 4):
            told = self.convert("--insert-gate", position, "--width", 5, source="p.safetensors", out="more.safetensors")
            self.assertEqual(told["gates"], 4)
            self.assert_close(self.before, self.logits("more.safetensors"), 1e-5)
            told = self.convert("--remove-gate", position, "--data", self.data, source="more.safetensors",
                                out="less.safetensors")
            self.assertLess(told["deviation"], 1e-5)
            self.assertEqual(told["gates"], 3)
            self.assert_close(self.before, self.logits("less.safetensors"), 1e-4)

    def test_truncation_keeps_within_the_tolerance(self):
        self.chain()
        self.convert(out="p.safetensors")
        told = self.convert("--truncate", 0.3, "--data", self.data, source="p.safetensors")
        self.assertLess(told["parameters"], told["parameters_before"])
        self.assertLess(told["relative_change"]["mean"], 0.4)

    def perceptrons(self):
        """Files with perceptrons of two gates, and the numbers of their gates as layers."""
        self.train("--hidden", "12,10", "--group-size", 0, "--fixed", out="chain.safetensors")
        self.convert(out="two.safetensors")
        self.convert("--stages", 1, out="one.safetensors")
        for name in ("general", "perceptron"):
            self.train("--hidden", "12,10", "--architecture", name, "--fixed", out=f"{name}.safetensors")
        return (("two", 3, 4), ("one", 2, 3), ("general", 1, 2), ("perceptron", 2, 3))

    def test_other_verbs_work_on_perceptrons(self):
        data = ("--data", self.data)
        for name, first, last in self.perceptrons():
            p = f"{name}.safetensors"
            before = self.logits(p)
            self.works("eval", p, *data)
            for basis in ("singular", "task", "covariance", "effect"):
                told = json.loads(self.works("inspect", p, "--basis", basis, *data, "--html", "p.html", "--json").out)
                self.assertEqual([layer["layer"] for layer in told["layers"]], [first, last])
                for c in (c for layer in told["layers"] for c in layer["connections"]):
                    self.assertIsNone(c["bound"])
                    self.assertIn("gates multiply maps", c["no_bound"])
                self.assertLess(told["bases"][basis]["largest"], 1e-5)
            self.assertIn("no bound: gates multiply", self.works("inspect", p, "--layer", last).out)
            for words, same in ((("edit", "--layer", first, "--grow", 3), True),
                                (("edit", "--layer", last, "--rotate", "left"), True),
                                (("edit", "--layer", first, "--rotate", "random"), True),
                                (("edit", "--layer", first, "--keep", "0,1,2"), False),
                                (("shrink", "--remove", 1), False),
                                (("shrink", "--to", "3,4", *data), False),
                                (("shrink", "--to", "7,8", "--no-refit", *data), False),
                                (("shrink", "--tolerance", 0.2, *data), False),
                                (("shrink", "--parameters", 870 if name == "two" else 1000, *data), False),
                                (("task", "add", "--name", "more", "--outputs", "a,b"), None)):
                with self.subTest((name, *words)):
                    verb = words[:2] if words[0] == "task" else words[:1]
                    self.works(*verb, p, "q.safetensors", *words[len(verb):])
                    if same:
                        self.assert_close(before, self.logits("q.safetensors"), 1e-5)
                    elif same is False:
                        self.assertNotEqual(before, self.logits("q.safetensors"))
            self.works("task", "remove", "q.safetensors", "q.safetensors", "more")
            self.assertEqual(self.logits("q.safetensors"), before)
            told = json.loads(self.works("shrink", p, "q.safetensors", "--remove", 1, "--no-refit", *data, "--json").out)
            self.assertIsNone(told["bound"])
            self.assertIsNone(told["bound_on_samples"])
            self.works("diff", p, p)
            self.assertEqual(self.works("task", "list", p).code, 0)

    def test_other_verbs_say_what_they_need_instead(self):
        for name, first, last in self.perceptrons():
            p = f"{name}.safetensors"
            for words, says in (
                    (("sparsify", p, "q.safetensors"), ("gates multiply maps", "--truncate")),
                    (("edit", p, "q.safetensors", "--layer", first, "--remove-groups", 0), "convert --remove-gate"),
                    (("edit", p, "q.safetensors", "--layer", last, "--rotate", "full"), "left"),
                    (("edit", p, "q.safetensors", "--layer", 9, "--grow", 1), f"hidden layers are {first} to {last}"),
                    (("shrink", p, "q.safetensors", "--parameters", 300), ("singular", "jacobian or effect")),
                    (("diff", p, "chain.safetensors"), ("connect the same layers", "isoform predict")),
                    (("convert", p, "q.safetensors", "--skips"), "read the input already")):
                self.refuses(2, *words, says=says)
        self.train("--hidden", "12,10", "--architecture", "skips", "--group-size", 0, "--fixed", out="s.safetensors")
        for words, says in (
                (("convert", "s.safetensors", "q.safetensors", "--skips"), "already"),
                (("convert", "s.safetensors", "q.safetensors"), "a map leads from 'input'"),
                (("convert", "s.safetensors", "q.safetensors", "--insert-gate", 1, "--width", 3), "needs a perceptron"),
                (("convert", "s.safetensors", "q.safetensors", "--remove-gate", 1, "--data", self.data),
                 "isoform convert makes a perceptron"),
                (("sparsify", "s.safetensors", "q.safetensors"), "skip or join")):
            self.refuses(2, *words, says=says)

    def test_history_stays_where_the_spaces_do(self):
        self.chain()
        self.works("edit", "chain.safetensors", "chain.safetensors", "--layer", 1, "--rotate", "random")
        self.assertEqual(self.convert("--skips")["edits_forgotten"], 0)
        self.assertEqual(self.convert(out="p.safetensors")["edits_forgotten"], 1)
        self.assertIn("1 edits", self.works("convert", "chain.safetensors", "q.safetensors").out)
        self.works("edit", "p.safetensors", "p.safetensors", "--layer", 3, "--grow", 2)
        for source, words in (("p", ("--insert-gate", 2, "--width", 4)), ("out", ("--remove-gate", 1, "--data", self.data)),
                              ("p", ("--truncate", 0.3, "--data", self.data))):
            self.assertEqual(self.convert(*words, source=f"{source}.safetensors")["edits_forgotten"], 0)
            told = json.loads(self.works("inspect", "out.safetensors", "--json").out)["history"]
            self.assertEqual(told["edits"], 1)
            self.assertEqual(told["born"], 2)

    def test_refusals(self):
        self.chain()
        self.train("--hidden", "16", "--group-size", 8, "--fixed", out="groups.safetensors")
        convert = ("convert", "chain.safetensors", "q.safetensors")
        for words, says in (
                (("--stages", 3), "needs 1 or 2"),
                (("--stages", 1, "--skips"), "one of"),
                (("--insert-gate", 1), "--width"),
                (("--width", 4), "--insert-gate"),
                (("--insert-gate", 1, "--width", 4), "needs a perceptron"),
                (("--remove-gate", 1), "--data"),
                (("--remove-gate", 9, "--data", self.data), "1 to 3"),
                (("--remove-gate", 1, "--data", self.data), "no gate"),
                (("--truncate", 0.1), "--data"),
                (("--truncate", 0.1, "--data", self.data), "isoform convert"),
                (("--samples", 1), "samples")):
            self.refuses(2, *convert, *words, says=says)
        self.refuses(2, "convert", "groups.safetensors", "q.safetensors", says="--group-size 0")
        self.convert(out="p.safetensors")
        self.refuses(2, "convert", "p.safetensors", "q.safetensors", says="already")
        for width in (65537, 99999999999):
            self.refuses(2, "convert", "p.safetensors", "q.safetensors", "--insert-gate", 1, "--width", width, says="65536")
        self.refuses(2, "convert", "p.safetensors", "q.safetensors", "--insert-gate", 9, "--width", 2, says="1 to 4")
