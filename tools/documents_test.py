#!/usr/bin/env python3
"""What the documents say of the code, compared with the code."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNITS = {"": 1, "KiB": 1024, "MiB": 1024**2, "ms": 1, "s": 1000, "h": 3_600_000}
SOURCES = ("src", "tests", "clients", "cli", "tools", "fuzz", "protocol")


def limits_of_header(text):
    """{name: value} of src/base/limits.h"""
    found = {}
    for name, expression in re.findall(r"inline constexpr \S+ (k\w+)\s*=\s*([^;]+);", text):
        plain = re.sub(r"uint64_t\{(\d+)\}", r"\1", expression).replace("'", "").replace("u", "")
        if not re.fullmatch(r"[\d\s()+*<-]+", plain):
            raise ValueError(f"{name} = {expression}")
        found[name] = eval(plain)  # digits and operators only
    return found


def limits_of_page(text):
    """{name: value} of the tables of docs/limits.md"""
    found = {}
    for name, number, unit in re.findall(r"^\| `(k\w+)` \| ([\d,]+) ?(\w*) \|", text, re.MULTILINE):
        if name in found:
            raise ValueError(f"{name} stands there twice")
        found[name] = int(number.replace(",", "")) * UNITS[unit]
    return found


def read(path):
    return (ROOT / path).read_text()


def all_tests():
    """Names of the tests there are, as `Suite.Case`."""
    found = set()
    for folder in SOURCES:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in (".cc", ".h"):
                continue
            text = path.read_text()
            for macro in (r"TEST(?:_F|_P)?", r"RC_GTEST_PROP"):
                for suite, case in re.findall(rf"^{macro}\(\s*(\w+),\s*(\w+)", text, re.MULTILINE):
                    found.add(f"{suite}.{case}")
    return found


class Limits(unittest.TestCase):
    def test_the_page_has_every_limit_with_its_value(self):
        self.assertEqual(limits_of_page(read("docs/limits.md")),
                         limits_of_header(read("src/base/limits.h")))

    def test_the_readers_can_tell_a_difference(self):
        header = ("inline constexpr size_t kA = 16 * 1024;\n"
                  "inline constexpr uint32_t kB = 4'000u;\n"
                  "inline constexpr uint64_t kC = (uint64_t{1} << 53) - 1;\n"
                  "inline constexpr size_t kD =\n    7;  // text\n")
        self.assertEqual(limits_of_header(header),
                         {"kA": 16384, "kB": 4000, "kC": 2**53 - 1, "kD": 7})
        self.assertEqual(limits_of_page("| `kA` | 16 KiB | x |\n| `kB` | 4,000 | x |\n"),
                         {"kA": 16384, "kB": 4000})
        with self.assertRaises(ValueError):
            limits_of_page("| `kA` | 1 | x |\n| `kA` | 2 | x |\n")


class Pages(unittest.TestCase):
    def test_the_index_has_every_page_and_decision(self):
        index = read("docs/README.md")
        pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")}
        listed = set(re.findall(r"\]\(([\w./-]+\.md)\)", index))
        self.assertEqual(sorted(pages - listed - {"README.md"}), [])


class Names(unittest.TestCase):
    PAGES = [str(path.relative_to(ROOT)) for path in
             sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])]

    def test_files_that_are_named_exist(self):
        """`src/…`, `tools/…` and the like, wherever a document names them."""
        missing = []
        for page in self.PAGES:
            for name in re.findall(rf"`((?:{'|'.join(SOURCES)})/[\w./-]+)`", read(page)):
                if not (ROOT / name).exists():
                    missing.append((page, name))
        self.assertEqual(missing, [])

    def test_tests_that_are_named_exist(self):
        """`Suite.Case` in the pages that name tests."""
        for page in ("docs/durability.md", "docs/found-bugs.md"):
            named = set(re.findall(r"`([A-Z]\w+\.\w+)`", read(page)))
            self.assertGreater(len(named), 20, page)
            self.assertEqual(sorted(named - all_tests()), [], page)

    def test_the_layers_are_those_of_the_build(self):
        page = read("docs/architecture.md")
        for line in read("src/LAYERS").splitlines():
            folder, colon, below = line.partition(":")
            if not colon or line.startswith("#"):
                continue
            row = re.search(rf"^\| `{folder.strip()}` \|[^|]*\| ([^|]*) \|", page, re.MULTILINE)
            self.assertIsNotNone(row, f"{folder} is not in docs/architecture.md")
            self.assertEqual(row.group(1).split(), below.split() or ["–"], folder)


if __name__ == "__main__":
    unittest.main()
