#!/usr/bin/env python3
"""Each rule of tools/tidy on a text that breaks it and on one that comes close and does not."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOOLS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TOOLS))

import tidy_checks as checks  # noqa: E402

LAYERS = checks.read_layers("# comment\nbase:\njson: base\nlog: base\napp: base json log\n")


class Rule(unittest.TestCase):
    def finds(self, findings, *expected):
        """One finding per expected (line, part of its sentence)."""
        found = list(findings)
        self.assertEqual(len(found), len(expected), found)
        for (_, line, sentence), (wanted_line, part) in zip(found, expected):
            self.assertEqual(line, wanted_line, sentence)
            self.assertIn(part, sentence)


class Layers(Rule):
    def check(self, path, text):
        return checks.check_includes(path, text, LAYERS)

    def test_allowed(self):
        text = '#include "json/value.h"\n#include "base/error.h"\n#include <vector>\n'
        self.finds(self.check("src/json/value.cc", text))

    def test_upwards_and_sideways(self):
        text = '#include "json/value.h"\n\n#include "app/main.h"\n  #  include "log/log.h"\n'
        self.finds(self.check("src/json/value.cc", text), (3, "json may not include app"),
                   (4, "json may not include log"))

    def test_include_without_folder(self):
        self.finds(self.check("src/json/value.cc", '#include "value.h"\n'), (1, '"value.h"'))

    def test_unlisted_folder(self):
        self.finds(self.check("src/extra/x.cc", ""), (1, "extra is not in src/LAYERS"))

    def test_third_party_in_header(self):
        self.finds(self.check("src/json/a.h", "#include <boost/json.hpp>\n#include <unistd.h>\n"),
                   (1, "<boost/json.hpp>"), (2, "<unistd.h>"))
        self.finds(self.check("src/json/a.cc", "#include <boost/json.hpp>\n"))
        self.finds(self.check("src/base/a.h", "#include <xxhash.h>\n"))
        self.finds(self.check("src/json/a.h", "#include <xxhash.h>\n"), (1, "<xxhash.h>"))
        self.finds(self.check("src/log/log_contract.h", "#include <gtest/gtest.h>\n"))
        self.finds(self.check("src/log/log.h", "#include <gtest/gtest.h>\n"), (1, "<gtest"))

    def test_other_trees_are_free(self):
        self.finds(self.check("tests/x/y.cc", '#include "anything/at/all.h"\n'))

    def test_circle(self):
        layers = checks.read_layers("base: json\njson: base\n")
        self.finds(checks.check_layer_list(layers), (1, "base names json"))
        self.finds(checks.check_layer_list(LAYERS))


def function(lines, head="int f() {"):
    return "\n".join([head, *["  x();"] * (lines - 2), "}"]) + "\n"


class Sizes(Rule):
    def test_files(self):
        self.finds(checks.check_sizes("src/a/a.cc", "\n" * 600))
        self.finds(checks.check_sizes("src/a/a.cc", "\n" * 601), (601, "601 lines"))
        self.finds(checks.check_sizes("src/a/a.h", "\n" * 251), (251, "251 lines"))
        self.finds(checks.check_sizes("clients/a/src/a.ts", "\n" * 601), (601, "601 lines"))
        self.finds(checks.check_sizes("docs/a.md", "\n" * 5000))

    def test_columns(self):
        self.finds(checks.check_sizes("src/a/a.cc", "é" * 100 + "\n"))
        self.finds(checks.check_sizes("src/a/a.cc", "\n" + "x" * 101), (2, "101 columns"))
        self.finds(checks.check_sizes("tools/a", "#!/bin/sh\n" + "x" * 101), (2, "101 columns"))

    def test_functions(self):
        self.finds(checks.check_sizes("src/a/a.cc", function(70)))
        self.finds(checks.check_sizes("src/a/a.cc", function(71)), (1, "function of 71 lines"))
        for head in ("A::A(int x) : x_(x) {", "auto f() const noexcept -> int {", "TEST(A, B) {",
                     "std::vector<int> f(int a,\n  int b) {"):
            self.finds(checks.check_sizes("src/a/a.cc", "\nint y;\n" + function(80, head)),
                       (3, "function of"))

    def test_methods_count_and_classes_do_not(self):
        inner = function(30) * 3
        self.finds(checks.check_sizes("src/a/a.cc", f"class A {{\n{inner}}};\n"))
        self.finds(checks.check_sizes("src/a/a.cc", f"namespace a {{\nclass A {{\n{function(71)}"
                                      f"}};\n}}\n"), (3, "function of 71"))
        self.finds(checks.check_sizes("src/a/a.cc", "int a[] = {\n" + "1,\n" * 100 + "};\n"))

    def test_braces_in_text_are_no_braces(self):
        text = 'int f() {\n  g("{{{", \'{\', R"({{)");  // {\n}\n' + function(70)
        self.finds(checks.check_sizes("src/a/a.cc", text))

    def test_python(self):
        text = "def f():\n" + "    pass\n" * 70
        self.finds(checks.check_sizes("tools/a.py", text), (1, "function of 71"))

    def test_depth(self):
        self.finds(checks.check_sizes("src/a/b/c.cc", ""))
        self.finds(checks.check_sizes("src/a/b/c/d.cc", ""), (1, "3 deep"))


class Names(Rule):
    def test_types(self):
        for name in ("LogManager", "ParserImpl", "StringUtils", "RequestData", "NodeInfo"):
            self.finds(checks.check_names("src/a/a.h", f"\nclass {name} {{}};\n"), (2, name))
        self.finds(checks.check_names("src/a/a.h", "class Database {}; struct Informed {};\n"
                                      "// class FooManager\nconst char* x = \"struct AData\";\n"))

    def test_files_and_folders(self):
        self.finds(checks.check_names("src/utils/a.cc", ""), (1, "folder named utils"))
        self.finds(checks.check_names("src/a/string_util.h", ""), (1, "string_util.h"))
        self.finds(checks.check_names("src/a/utility_bill.h", ""))

    def test_words(self):
        todo = "TO" + "DO"
        self.finds(checks.check_words("a.cc", f"// {todo}: later\n"), (1, todo))
        self.finds(checks.check_words("a.cc", f"// {todo}(#12): when the kernel has it\n"))
        self.finds(checks.check_words("a.cc", f"// {todo}(#12):\n"), (1, todo))

    def test_machine_paths_and_unseen_characters(self):
        self.finds(checks.check_words("a.md", "see /ro" + "ot/x\n"), (1, "machine"))
        self.finds(checks.check_words("a.md", "see docs/wo" + "rk/x and ${X}/wo" + "rk/y\n"))
        self.finds(checks.check_words("a.md", "\na\u202eb\n"), (2, "U+202E"))
        self.finds(checks.check_words("a.md", "a\x00\n"), (1, "U+0000"))
        self.finds(checks.check_words("a.md", "é\tü\n"))


class Seams(Rule):
    def test_outside_io(self):
        for call in ("std::chrono::steady_clock::now()", "time(nullptr)", "rand()",
                     "::open(path, 0)", "fsync(fd)", "socket(AF_INET, 0, 0)",
                     "std::random_device d", "gettimeofday(&t, 0)", "::write(1, x, 2)"):
            text = f"\nvoid f() {{ {call}; }}\n"
            self.assertEqual(len(list(checks.check_seams("src/node/a.cc", text))), 1, call)
            self.finds(checks.check_seams("src/io/a.cc", text))
            self.finds(checks.check_seams("src/node/a_test.cc", text))
            self.finds(checks.check_seams("bench/a.cc", text))

    def test_near_misses(self):
        for call in ("clock.now()", "file.open(path)", "log::Log::open(options)", "operand(1)",
                     "// fsync(fd)", 'say("time(0)")', "run_time(0)", "stream.socket()",
                     "SegmentLog::open(o)"):
            self.finds(checks.check_seams("src/node/a.cc", call + "\n"))

    def test_sleeps(self):
        sleep = "std::this_thread::sleep_for(1ms);"
        self.finds(checks.check_sleeps("src/a/a_test.cc", sleep), (1, "sleeps"))
        self.finds(checks.check_sleeps("tests/a/a.cc", sleep), (1, "sleeps"))
        self.finds(checks.check_sleeps("src/a/a_test.cc", sleep + "  // polling"))
        self.finds(checks.check_sleeps("clients/cpp/src/a.cc", sleep))
        self.finds(checks.check_sleeps("tests/a/a.py", "time.sle" "ep(1)\n"), (1, "sleeps"))


class Links(Rule):
    def check(self, text):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "docs").mkdir()
            (root / "docs/b.md").write_text("# A heading, `code` & more\n")
            return list(checks.check_links(root, "docs/a.md", text))

    def test_links(self):
        self.finds(self.check("[b](b.md) [up](../docs/b.md) [w](https://example.org/x)\n"))
        self.finds(self.check("\n[c](c.md)\n"), (2, "c.md"))
        self.finds(self.check("[b](b.md#a-heading-code--more)\n"))
        self.finds(self.check("[b](b.md#nothing)\n"), (1, "no such heading"))
        self.finds(self.check("`[c](c.md)`\n```\n[d](d.md)\n```\n"))
        self.finds(self.check("[x]: gone.md\n"), (1, "gone.md"))


class Program(unittest.TestCase):
    def run_in(self, root, *options):
        return subprocess.run([TOOLS / "tidy", "--root", root, *options], capture_output=True,
                              text=True, check=False)

    def test_exit_code_and_headers(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src/base").mkdir(parents=True)
            (root / "src/LAYERS").write_text("base:\n")
            header = root / "src/base/a.h"
            header.write_text("#pragma once\n#include <string>\nstd::string f();\n")
            done = self.run_in(root, "--headers")
            self.assertEqual((done.returncode, done.stdout), (0, "tidy: 2 files, 0 findings\n"))
            header.write_text("#pragma once\nstd::string f();\n")
            self.assertEqual(self.run_in(root).returncode, 0)
            done = self.run_in(root, "--headers")
            self.assertEqual(done.returncode, 1)
            self.assertIn("src/base/a.h:1: does not compile alone", done.stdout)
            source = root / "src/base/a.cc"
            source.write_text('#include <string>\n#include "base/a.h"\n')
            self.assertEqual(self.run_in(root, "--headers").returncode, 1)
            source.write_text('#include "base/a.h"\n')  # every build compiles it alone
            self.assertEqual(self.run_in(root, "--headers").returncode, 0)
            source.unlink()
            header.write_text('#pragma once\n#include "log/log.h"\n')
            done = self.run_in(root, "--layers")
            self.assertEqual(done.returncode, 1)
            self.assertIn("src/base/a.h:2:", done.stdout)

    def test_a_second_working_tree_names_the_first(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src").mkdir()
            (root / "src/LAYERS").write_text("base:\n")
            (root / ".git").write_text("gitdir: " + "/ho" + "me/somebody/rstmdb/.git\n")
            done = self.run_in(root)
            self.assertEqual((done.returncode, done.stdout), (0, "tidy: 1 files, 0 findings\n"))


if __name__ == "__main__":
    unittest.main()
