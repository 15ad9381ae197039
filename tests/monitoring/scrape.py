"""Reads the text format of metrics strictly, and the names that other files expect."""

import re

SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


class Malformed(ValueError):
    """The text breaks the format."""


def read(text):
    """{family: (type, {(sample name, labels as a tuple): number})}"""
    if not text.endswith("\n"):
        raise Malformed("the last line has no end")
    families = {}
    current = helped = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            if helped in families:
                raise Malformed(f"line {number}: {helped} twice")
            continue
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            if current != helped or kind not in SUFFIXES:
                raise Malformed(f"line {number}: {line}")
            families[current] = (kind, {})
            continue
        found = SAMPLE.match(line)
        if not found or current is None:
            raise Malformed(f"line {number}: {line}")
        name, labels, value = found.groups()
        kind, samples = families[current]
        if name not in [current + suffix for suffix in SUFFIXES[kind]]:
            raise Malformed(f"line {number}: {name} below {current}")
        pairs = tuple(LABEL.findall(labels or ""))
        if "".join(f'{key}="{content}",' for key, content in pairs).rstrip(",") != (labels or ""):
            raise Malformed(f"line {number}: labels {labels}")
        if (name, pairs) in samples:
            raise Malformed(f"line {number}: {name} {pairs} twice")
        samples[(name, pairs)] = float(value)
    check_histograms(families)
    return families


def check_histograms(families):
    for family, (kind, samples) in families.items():
        if kind != "histogram":
            continue
        rows = {}
        for (name, labels), value in samples.items():
            if name == family + "_bucket":
                rest = tuple(pair for pair in labels if pair[0] != "le")
                rows.setdefault(rest, []).append((float(dict(labels)["le"]), value))
        for rest, buckets in rows.items():
            if buckets != sorted(buckets) or buckets[-1][0] != float("inf"):
                raise Malformed(f"{family} {rest}: bounds that do not grow")
            if [value for _, value in buckets] != sorted(value for _, value in buckets):
                raise Malformed(f"{family} {rest}: buckets that fall")
            if samples.get((family + "_count", rest)) != buckets[-1][1]:
                raise Malformed(f"{family} {rest}: its count is not its last bucket")
            if (family + "_sum", rest) not in samples:
                raise Malformed(f"{family} {rest}: no sum")


def value(families, name, **labels):
    """The number of one sample."""
    for kind, samples in families.values():
        for (sample, pairs), number in samples.items():
            if sample == name and dict(pairs) == labels:
                return number
    raise KeyError((name, labels))


def table_of(page):
    """{metric: type} of the tables of docs/running.md"""
    row = re.compile(r"^\| `((?:rstmdb|process)_\w+)(?:\{[^}]*\})?` \| (\w+) \|", re.MULTILINE)
    rows = row.findall(page)
    table = dict(rows)
    if len(table) != len(rows):
        raise ValueError("a metric stands there twice")
    return table


def names_in(expression):
    """The metrics that a query names; those of a histogram without their endings."""
    names = set(re.findall(r"\b(?:rstmdb|process)_\w+\b", expression))
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in names}
