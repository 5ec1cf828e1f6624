"""The tables that pages speak of, small: customers.csv, march.csv, april.csv, may.csv."""
import random


def rows(count, seed, customers_from, plans, columns):
    dice = random.Random(seed)
    for number in range(count):
        age, calls, plan = dice.randrange(18, 80), dice.randrange(12), dice.choice(plans)
        yield {"customer": customers_from + number, "age": age, "calls": calls, "plan": plan, "spent": round(dice.uniform(5, 90), 2),
               "region": dice.choice(["north", "south"]),
               "churn": "paused" if plan == "trial" and calls < 4 else "yes" if calls + age / 20 + dice.gauss(0, 1) > 9 else "no"}, columns


def write(path, entries):
    entries = list(entries)
    columns = entries[0][1]
    path.write_text("\n".join([",".join(columns), *(",".join(str(row[name]) for name in columns) for row, _ in entries)]) + "\n")


def write_tables(folder):
    known = ["customer", "age", "calls", "plan", "spent", "churn"]
    write(folder / "customers.csv", rows(200, 1, 1, ["basic", "family"], known))
    write(folder / "march.csv", rows(60, 2, 201, ["basic", "family"], known))
    write(folder / "april.csv", rows(30, 3, 261, ["basic", "family"], known[:-1]))
    # A plan, a class and a column that the earlier ones do not have.
    write(folder / "may.csv", rows(120, 4, 291, ["basic", "family", "trial"], [*known[:-1], "region", "churn"]))
