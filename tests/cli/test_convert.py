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

    def test_other_verbs_work_on_perceptrons_or_say_why_not(self):
        self.chain()
        self.convert(out="p.safetensors")
        self.works("eval", "p.safetensors", "--data", self.data)
        self.works("predict", "p.safetensors", "--data", self.data)
        for words in (("inspect", "p.safetensors"), ("shrink", "p.safetensors", "q.safetensors", "--remove", 1),
                      ("sparsify", "p.safetensors", "q.safetensors"),
                      ("edit", "p.safetensors", "q.safetensors", "--layer", 1, "--grow", 1),
                      ("diff", "chain.safetensors", "p.safetensors"), ("diff", "p.safetensors", "p.safetensors")):
            with self.subTest(words):
                done = self.run_program(*words)
                if done.code:
                    self.assertTrue(done.err.startswith("isoform: "), done.err)

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
        self.refuses(2, "convert", "p.safetensors", "q.safetensors", "--insert-gate", 9, "--width", 2, says="1 to 4")
