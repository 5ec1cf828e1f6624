#!/usr/bin/env python3
"""That the runner of pages finds what is wrong: a check that never fails would look the same."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from blocks import PageError, blocks_of, logical_lines  # noqa: E402
from compare import missing  # noqa: E402
from flags import Program  # noqa: E402

PROGRAM = Program({"": "Options:\n  -h,--help  x\n\nSubcommands:\n  train   learn\n  task    tasks\n\n\nExamples:\n  isoform fly --high\n",
                   "train": "Options:\n  --data SET  what\n  -o,--out FILE  where\n\nExamples:\n  isoform train --old\n",
                   "task": "Options:\n  --json\n\nSubcommands:\n  add  one more\n", "task add": "Options:\n  --name N\n"})


class Blocks(unittest.TestCase):
    def test_fences_indented_commands_and_hidden_blocks_in_order(self):
        page = "# T\n\n<!-- sh\nisoform x\n-->\n```sh\na \\\n  b\n```\n\n    isoform train\n      --data\n\n    x = y\n\n* item\n\n      isoform in a list\n\n```python\n1\n```\n"
        blocks = blocks_of("p", page)
        self.assertEqual([(b.language, b.shown) for b in blocks], [("sh", False), ("sh", True), ("sh", True), ("python", True)])
        self.assertEqual(logical_lines(blocks[1].text), ["a b"])

    def test_markers_belong_to_the_next_block(self):
        block, other = blocks_of("p", "<!-- not run (two): long -->\n<!-- exit 1 -->\n```sh\none\ntwo\n```\n```sh\n```\n")
        self.assertEqual((block.why_not("one"), block.why_not("two 2"), block.exit), ("", "long", 1))
        self.assertEqual((other.why_not("two"), other.exit), ("", 0))

    def test_what_the_runner_does_not_understand_is_an_error(self):
        for page in ("<!-- not run -->\n```sh\n```\n", "<!-- not run: x -->\ntext\n", "```sh\nno end\n"):
            with self.assertRaises(PageError):
                blocks_of("p", page)


class Flags(unittest.TestCase):
    def test_verbs_and_flags_are_those_of_help_and_not_of_its_examples(self):
        for good in ("isoform train --data x -o y  # --odd", "isoform task add --name=a", "isoform train … --out z", "isoform --help",
                     "isoform train --data x > out --file"):
            self.assertEqual(PROGRAM.fault(good), "", good)
        self.assertEqual(PROGRAM.fault("isoform fly"), "isoform has no verb 'fly'")
        self.assertEqual(PROGRAM.fault("isoform train --old"), "isoform train has no flag --old")
        self.assertEqual(PROGRAM.fault("isoform task add --json"), "isoform task add has no flag --json")
        self.assertEqual(PROGRAM.all_flags(), {"-h", "--help", "--data", "-o", "--out", "--json", "--name"})


class Output(unittest.TestCase):
    def test_numbers_and_times_may_differ_words_may_not(self):
        printed = "epoch 1/150 0.51 −98 10 ms\nkept 3,000 of 5\nclass 3 8 (1)\nend\n"
        self.assertEqual(missing("epoch 2/90 1.5e-3 1.5 s\n…\nclass 1 –\nend", printed), "")
        self.assertEqual(missing("kept 1 of … \n", printed), "")
        self.assertEqual(missing("lost 1 of 5\n", printed), "lost 1 of 5")
        self.assertEqual(missing("end\nkept 1 of 5\n", printed), "kept 1 of 5")  # in this order


if __name__ == "__main__":
    unittest.main()
