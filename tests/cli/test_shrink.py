"""isoform shrink: fewer neurons, chosen by widths, by a budget or by what the outputs may change."""
import json
import math
import re

from support import Case

METRICS = ("singular", "paper", "effect", "covariance", "next", "jacobian")


class Shrinks(Case):
    def setUp(self):
        super().setUp()
        self.train("--hidden", "12,9", "--group-size", "4", "--fixed", out="in.safetensors")
        self.before = self.logits("in.safetensors")

    def shrink(self, *words, **options):
        return json.loads(self.works("shrink", "in.safetensors", "out.safetensors", *words, "--json", **options).out)

    def moved(self, model="out.safetensors"):
        """|Δy| and |y| of every test sample, from what predict prints."""
        after = self.logits(model)
        return [(math.dist(a, b), math.hypot(*a)) for a, b in zip(self.before, after)]

    def rms(self, values):
        return math.sqrt(sum(value * value for value in values) / len(values))

    def layers(self, told):
        """From the input on. They are told as they are cut, without data from the output on."""
        numbers = [layer["layer"] for layer in told["layers"]]
        self.assertEqual(numbers, sorted(numbers, reverse=told["samples"] == 0))
        return sorted(told["layers"], key=lambda layer: layer["layer"])

    def expect_told(self, told, widths):
        """What is told of an out.safetensors with these widths is so."""
        about = self.about("out.safetensors")
        self.assertEqual(about["widths"], widths)
        self.assertEqual(told["widths"], widths)
        self.assertEqual(told["model"], "out.safetensors")
        layers = self.layers(told)
        self.assertEqual([layer["after"] for layer in layers], widths[1:-1])
        self.assertEqual([layer["before"] for layer in layers], [12, 9])
        self.assertEqual([layer["groups_before"] for layer in layers], [3, 3])
        self.assertEqual([layer["groups"] for layer in layers], [len(groups) for groups in about["groups"]])
        self.assertEqual(sum(record["removed"] for record in about["history"]), 21 - sum(widths[1:-1]))
        kinds = {record["kind"] for record in about["history"]}
        self.assertLessEqual(kinds, {"reduce", "remove_group"} | ({"refit"} if told["refit"] else set()))
        self.assertEqual("refit" in kinds, told["refit"] and sum(widths[1:-1]) < 21)
        inspected = json.loads(self.works("inspect", "out.safetensors", "--json").out)
        self.assertEqual(told["parameters"], inspected["parameters"])
        self.assertEqual(told["parameters"] < told["parameters_before"], sum(widths[1:-1]) < 21)

    def test_by_every_metric(self):
        for metric in METRICS:
            for words, widths in ((["--remove", 2], [64, 10, 7, 4]), (["--to", "7,5"], [64, 7, 5, 4]),
                                  (["--to", "4,9", "--no-refit"], [64, 4, 9, 4]),
                                  (["--to", "1,1", "--below-need"], [64, 1, 1, 4]), (["--remove", 0], [64, 12, 9, 4])):
                with self.subTest(metric=metric, words=words):
                    told = self.shrink(*words, "--metric", metric, "--data", self.data)
                    self.assertEqual(told["metric"], metric)
                    self.assertEqual(told["refit"], "--no-refit" not in words and words != ["--remove", 0])
                    self.assertEqual(told["samples"], 600)
                    self.expect_told(told, widths)
                    for layer in told["layers"]:
                        cut = layer["after"] < layer["before"]
                        self.assertEqual(layer["bound_on_samples"] is not None, cut)
                        self.assertEqual(layer["predicted_rms"] is not None, cut and metric == "jacobian")
                    score = json.loads(self.works("eval", "out.safetensors", "--data", self.data, "--json").out)
                    self.assertEqual(score["accuracy"], told["accuracy"])
                    moved = self.moved()
                    self.assertAlmostEqual(told["measured_rms"] / (1e-6 + self.rms([m for m, _ in moved])), 1, delta=
                                           1 if words[-1] == 0 else 1e-3)
                    self.assertAlmostEqual(told["output_rms"], self.rms([y for _, y in moved]), delta=1e-4 * told["output_rms"])
                    self.assertAlmostEqual(told["relative_change"]["mean"], sum(m / y for m, y in moved) / 200,
                                           delta=1e-5 + 1e-3 * told["relative_change"]["mean"])
                    self.assertAlmostEqual(told["measured_largest"], max(m for m, _ in moved),
                                           delta=1e-5 + 1e-3 * told["measured_largest"])

    def test_the_metric_and_the_refit_that_suit(self):
        told = self.shrink("--remove", 1)
        self.assertEqual((told["metric"], told["refit"], told["samples"]), ("singular", False, 0))
        self.assertEqual(told["measured_on"], "256 random inputs")
        self.assertNotIn("accuracy", told)
        self.assertEqual(told["layers"][0]["bound_on_samples"], None)
        self.expect_told(told, [64, 11, 8, 4])
        history = json.loads(self.works("inspect", "out.safetensors", "--json").out)
        self.assertEqual(history["history"]["removed"], 2)
        self.assertEqual([len(layer["singular_values"]) for layer in history["layers"]], [11, 8])
        told = self.shrink("--remove", 1, "--data", self.data, "--samples", 100)
        self.assertEqual((told["metric"], told["refit"], told["samples"]), ("jacobian", True, 100))
        self.assertEqual(self.shrink("--remove", 1, "--data", self.data, "--samples", 0)["samples"], 600)

    def test_bounds(self):
        # Layer 1 reads the input, so only what leaves it alone has a bound for every input.
        for words in ([], ["--data", self.data, "--no-refit", "--metric", "singular"],
                      ["--data", self.data, "--no-refit"]):
            with self.subTest(words):
                told = self.shrink("--to", "12,5", *words)
                self.assertEqual(told["no_bound"], "")
                layer = self.layers(told)[1]
                self.assertEqual(told["bound"], layer["bound"])
                self.assertLessEqual(told["measured_largest"], told["bound"])
                self.assertLessEqual(told["measured_rms"], told["measured_largest"])
                self.assertAlmostEqual(self.about("out.safetensors")["history"][-1]["bound"], told["bound"],
                                       delta=1e-6 * told["bound"])
                if words:
                    self.assertLessEqual(layer["bound_on_samples"], told["bound"])
        told = self.shrink("--to", "8,9")
        self.assertIsNone(told["bound"])
        self.assertIn("layer 1 reads the input", told["no_bound"])
        told = self.shrink("--to", "12,5", "--data", self.data)
        self.assertIsNone(told["bound"])
        self.assertIn("refitted", told["no_bound"])

    def test_tolerance(self):
        parameters = []
        for tolerance in (0.06, 0.2, 1e6):
            with self.subTest(tolerance=tolerance):
                done = self.works("shrink", "in.safetensors", "out.safetensors", "--tolerance", tolerance, "--data",
                                  self.data, "--json")
                told = json.loads(done.out)
                self.assertLessEqual(told["relative_change_on_samples"], tolerance)
                self.expect_told(told, told["widths"])
                self.assertGreaterEqual(min(told["widths"]), 4, "what the outputs need")
                self.assertRegex(done.err, r"trying [\d,]+ parameters: changes ")
                parameters.append(told["parameters"])
        self.assertEqual(parameters, sorted(parameters, reverse=True))
        self.assertEqual(told["widths"], [64, 4, 4, 4])
        (self.folder / "out.safetensors").unlink()
        done = self.run_program("shrink", "in.safetensors", "out.safetensors", "--tolerance", 1e-9, "--data", self.data)
        self.assertEqual(done.code, 1)
        *trials, complaint = done.err.splitlines()
        self.assertRegex(complaint, "^isoform: tolerance: nothing can go within 1e-09.*nothing was written")
        self.assertGreater(float(re.search(r"changes the outputs by (\S+)", complaint)[1]), 1e-9)
        self.assertEqual(len(trials), len(set(trials)), "nothing is tried twice")
        self.assertEqual(self.files(), {"in.safetensors"})

    def test_parameters(self):
        for asked in (3000, 900, 600, 400):
            with self.subTest(asked=asked):
                told = self.shrink("--parameters", asked, "--data", self.data)
                self.assertLessEqual(told["parameters"], asked)
                self.expect_told(told, told["widths"])
        self.shrink("--parameters", 600)
        done = self.refuses(2, "shrink", "in.safetensors", "out.safetensors", "--parameters", 10, says="at least")
        least = int(re.search(r"at least (\d+)", done.err)[1])
        self.assertEqual(self.shrink("--parameters", least)["parameters"], least)
        self.refuses(2, "shrink", "in.safetensors", "out.safetensors", "--parameters", least - 1, says=str(least))

    def test_fewer_neurons_than_outputs(self):
        self.refuses(2, "shrink", "in.safetensors", "out.safetensors", "--remove", 6, says=("remove at most 5", "--below-need"))
        for words in (["--to", "12,3"], ["--to", "3,9"]):
            self.refuses(2, "shrink", "in.safetensors", "out.safetensors", *words,
                         says=("3 neurons", "4 outputs need 4", "--below-need"))
        done = self.works("shrink", "in.safetensors", "out.safetensors", "--to", "12,3", "--below-need")
        self.assertIn("layer 2 keeps 3 neurons for 4 outputs", done.out)
        self.assertEqual(self.about("out.safetensors")["widths"], [64, 12, 3, 4])
        self.assertNotIn("keeps", self.works("shrink", "in.safetensors", "out.safetensors", "--to", "12,4").out)

    def test_budgets_may_go_below_what_outputs_need_if_told(self):
        told = self.shrink("--parameters", 100, "--below-need")
        self.assertLessEqual(told["parameters"], 100)
        told = self.shrink("--tolerance", 100, "--below-need", "--data", self.data)
        self.assertEqual(told["widths"], [64, 1, 1, 4])

    def test_zeros_that_are_spent_are_named(self):
        self.train("--hidden", "9,9", "--group-size", "0", "--fixed", out="in.safetensors")
        self.works("sparsify", "in.safetensors", "in.safetensors")
        self.assertIn("map 2 diagonal", self.works("inspect", "in.safetensors").out)
        done = self.works("shrink", "in.safetensors", "out.safetensors", "--remove", 1)
        self.assertIn("dense again", done.out)
        self.assertIn("dense again", self.works("edit", "in.safetensors", "out.safetensors", "--layer", 1, "--rotate", "random").out)

    def test_nothing_is_tried_before_the_output_is_known_to_be_writable(self):
        done = self.refuses(1, "shrink", "in.safetensors", "nowhere/out.safetensors", "--tolerance", 0.1, "--data", self.data)
        self.assertNotIn("trying", done.err)

    def test_what_people_read(self):
        out = self.works("shrink", "in.safetensors", "out.safetensors", "--to", "8,5", "--data", self.data).out
        for text in ("hidden 1", "hidden 2", "→ 8", "→ 5", "jacobian", "refitted on 600 samples", "parameters  ",
                     "none: the next layers were refitted", "200 samples of", "accuracy    ", "out.safetensors"):
            self.assertIn(text, out)
        out = self.works("shrink", "in.safetensors", "out.safetensors", "--to", "12,5").out
        self.assertIn("in all", out)
        self.assertIn("256 random inputs", out)
        self.assertNotIn("accuracy", out)

    def test_same_bits_for_any_threads(self):
        for words in (["--to", "6,5", "--data", self.data], ["--tolerance", 0.1, "--data", self.data], ["--remove", 3]):
            with self.subTest(words):
                files = []
                for threads in (1, 2, 1):
                    self.shrink(*words, "--threads", threads)
                    files.append(self.bytes_of("out.safetensors"))
                self.assertEqual(len(set(files)), 1)
        self.shrink("--to", "6,5", "--data", self.data, "--samples", 50)
        one = self.bytes_of("out.safetensors")
        self.shrink("--to", "6,5", "--data", self.data, "--samples", 50, "--seed", 1)
        self.assertNotEqual(one, self.bytes_of("out.safetensors"), "other samples are drawn")

    def test_growth_then_shrinkage_gives_the_function_back(self):
        self.works("edit", "in.safetensors", "out.safetensors", "--layer", 1, "--grow", 6)
        self.works("shrink", "out.safetensors", "back.safetensors", "--to", "12,9")
        self.assert_close(self.before, self.logits("back.safetensors"), 1e-4)
        self.assertEqual([record["kind"] for record in self.about("back.safetensors")["history"]], ["append", "reduce"])
        # Nothing but what was grown can go unnoticed.
        self.works("shrink", "out.safetensors", "back.safetensors", "--tolerance", 1e-4, "--data", self.data, "--no-refit")
        self.assertEqual(self.about("back.safetensors")["widths"], [64, 12, 9, 4])
        self.assert_close(self.before, self.logits("back.safetensors"), 1e-3)

    def test_in_place(self):
        self.works("shrink", "in.safetensors", "in.safetensors", "--to", "6,5", "--data", self.data)
        self.assertEqual(self.about("in.safetensors")["widths"], [64, 6, 5, 4])

    def test_modes_that_cannot_fold_say_so(self):
        self.assertNotIn("cannot fold", self.works("shrink", "in.safetensors", "out.safetensors", "--remove", 1).out)
        self.train("--length", "none", "--psi", "none", "--hidden", "6", out="in.safetensors")
        self.assertIn("cannot fold", self.works("shrink", "in.safetensors", "out.safetensors", "--remove", 1).out)

    def test_what_cannot_be(self):
        for words, says in ((["--remove", 12], "1"), (["--remove", 9], "1"), (["--remove", -1], "-1"), ([], "--remove"),
                            (["--to", "5"], "2"), (["--to", "5,5,5"], "2"), (["--to", "13,9"], "12"), (["--to", "0,9"], "0"),
                            (["--remove", 1, "--to", "5,5"], "one"), (["--remove", 1, "--parameters", 500], "one"),
                            (["--remove", 1, "--metric", "x"], "singular"), (["--to", "a,b"], "a"),
                            (["--remove", 1, "--metric", "effect"], "--data"),
                            (["--remove", 1, "--metric", "jacobian"], "--data"), (["--tolerance", 0.1], "--data"),
                            (["--tolerance", -1, "--data", self.data], "-1"), (["--tolerance", "nan", "--data", self.data], "nan"),
                            (["--remove", 1, "--data", self.data, "--samples", -1], "-1"),
                            (["--parameters", -5], "-5"), (["--remove", 1, "--rule", "effect"], "--rule")):
            with self.subTest(words):
                self.refuses(2, "shrink", "in.safetensors", "out.safetensors", *words, says=says)
        self.train("--hidden", "none", out="linear.safetensors", epochs=1)
        self.refuses(2, "shrink", "linear.safetensors", "out.safetensors", "--remove", 1, says="hidden")

    def test_inputs_that_matter_least_go_and_the_data_still_fit(self):
        told = self.shrink("--inputs", 40, "--data", self.data)
        self.assertEqual(told["inputs_before"], 64)
        about = self.about("out.safetensors")
        self.assertEqual(about["widths"], [40, 12, 9, 4])
        names = about["inputs"][0]["features"]
        self.assertEqual(len(set(names)), 40)
        self.assertEqual(names, sorted(names, key=int))
        self.assertLess(told["relative_change"]["mean"], 0.5)
        again = json.loads(self.works("eval", "out.safetensors", "--data", self.data, "--json").out)
        self.assertAlmostEqual(again["accuracy"], told["accuracy"], places=6)
        self.assertEqual(len(self.logits("out.safetensors")), len(self.before))
        both = self.shrink("--inputs", 64, "--to", "6,5", "--data", self.data)
        self.assertEqual(both["widths"], [64, 6, 5, 4])
        self.refuses(2, "shrink", "in.safetensors", "o", "--inputs", 30, says=["inputs", "--data"])
        for count in (0, 65):
            self.refuses(2, "shrink", "in.safetensors", "o", "--inputs", count, "--data", self.data, says=["1 to 64", str(count)])
