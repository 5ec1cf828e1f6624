"""Whether a command printed what its page shows: the same lines, with other numbers, as these depend on processor and time."""
import re

NUMBER = re.compile(r"(?<![\w])[-+−]?\d[\d,.]*(?:e[-+]?\d+)?")


def shape(line):
    """A line with every number, rule and run of blanks made alike; what is drawn to scale has no shape."""
    line = re.sub(r"(?<=\d) (?:ms|s|min|h)\b", " s", line.strip())
    line = re.sub(r" (?:–|[\w-]+ \(\d+\))$", " #", line)           # a class that others are taken for, or none
    line = re.sub(r"(?<= )[+−][\d,]+(?: −[\d,]+)?(?= )", "", line)  # neurons that came and went, in the epochs in which some did
    return re.sub(r"\s+", " ", NUMBER.sub("#", line))


def pattern(line):
    """… in a page stands for anything."""
    return re.compile(".*".join(re.escape(part.strip()) for part in re.split(" ?… ?", shape(line))))


def missing(shown, printed):
    """The first line of the page that the output lacks, in this order; "" if none. Lines may be left out of the page."""
    rest = iter([shape(line) for line in printed.split("\n")])
    for line in filter(str.strip, shown.split("\n")):
        if line.strip() != "…" and not any(pattern(line).fullmatch(got) for got in rest):
            return line
    return ""
