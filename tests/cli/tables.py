"""Small tables, and runs on them."""
import csv
import io
import json
import random

from support import Case

GOES_ON = ("--quiet", "--threads", 1, "--fixed", "--batch-size", 16)
SHORT = (*GOES_ON, "--hidden", 8)


def csv_text(rows, **style):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", **style).writerows(rows)
    return out.getvalue()


def flowers(count, seed=1, kinds=("aster", "broom", "clover"), colour=True):
    """Kinds told by length and width; colour says a little; length is missing now and then."""
    dice = random.Random(seed)
    rows = [["length", "width", *(["colour"] if colour else []), "kind"]]
    for i in range(count):
        k = i % len(kinds)
        length, width = dice.gauss(4 + 3 * (k % 2), 0.7), dice.gauss(1 + 2 * (k // 2), 0.4)
        rows.append([f"{length:.3f}" if dice.random() > 0.1 else "", f"{width:.3f}",
                     *([dice.choice(("red", "blue", kinds[k][0]))] if colour else []), kinds[k]])
    return rows


def prices(count, seed=1):
    """price = 3 size - 20 age + 500 and some noise."""
    dice = random.Random(seed)
    rows = [["size", "age", "noise", "price"]]
    for _ in range(count):
        size, age = dice.uniform(40, 140), dice.uniform(0, 9)
        rows.append([f"{size:.2f}", f"{age:.3f}", f"{dice.gauss(0, 1):.4f}", f"{3 * size - 20 * age + 500 + dice.gauss(0, 2):.3f}"])
    return rows


def r2(truth, answers):
    mean = sum(truth) / len(truth)
    return 1 - sum((a - t) ** 2 for t, a in zip(truth, answers)) / sum((t - mean) ** 2 for t in truth)


class TableCase(Case):
    @classmethod
    def setUpClass(cls):
        """Pictures are not needed."""

    def write(self, name, rows, **style):
        path = self.folder / name
        path.write_bytes(rows if isinstance(rows, bytes) else (rows if isinstance(rows, str) else csv_text(rows, **style)).encode())
        return name

    def learn(self, data, target, *words, **options):
        done = self.works("train", "--data", data, "--target", target, "--json", *SHORT, *words, **options)
        return json.loads(done.out)

    def predictions(self, model, data, *words, **options):
        """Rows as dicts, and what was noted."""
        done = self.works("predict", model, "--data", data, *words, **options)
        return list(csv.DictReader(io.StringIO(done.out, newline=""))), done.err
