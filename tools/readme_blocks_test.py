#!/usr/bin/env python3
"""Documents whose blocks hold and documents whose blocks do not."""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import readme_blocks  # noqa: E402


def document(*lines):
    return "\n".join(["# Title", "```console", *lines, "```", "text", ""])


class Blocks(unittest.TestCase):
    def failed(self, text):
        with tempfile.TemporaryDirectory() as folder:
            results = readme_blocks.run_document(text, folder, "/usr/bin")
        return [(block.line, printed) for block, printed in results if printed is not None]

    def test_output_is_compared(self):
        self.assertEqual(self.failed(document("$ echo a", "a", "$ printf 'b\\nc'", "b", "c")), [])
        self.assertEqual(self.failed(document("$ echo a", "b")), [(3, ["a"])])
        self.assertEqual(self.failed(document("$ echo a")), [(3, ["a"])])
        self.assertEqual(self.failed(document("$ true", "a")), [(3, [])])

    def test_wildcards(self):
        self.assertEqual(self.failed(document("$ echo abc; echo x; echo y; echo z", "a...c", "...",
                                              "z")), [])
        self.assertEqual(len(self.failed(document("$ echo abc", "a...d"))), 1)
        self.assertEqual(len(self.failed(document("$ echo 'a.c'", "axc"))), 1)
        self.assertEqual(self.failed(document("$ true", "...")), [])

    def test_exit_codes(self):
        self.assertEqual(self.failed(document("$ (exit 3)", "[exit 3]")), [])
        self.assertEqual(self.failed(document("$ (exit 3)")), [(3, ["[exit 3]"])])

    def test_blocks_share_one_shell_and_other_fences_are_left_alone(self):
        text = document("$ X=1; cd /; echo no > $HOME/f") + "```sh\n$ exit 9\n```\n" + document(
            "$ echo $X; cat ~/f", "1", "no")
        self.assertEqual(self.failed(text), [])

    def test_long_commands_and_remarks(self):
        self.assertEqual(self.failed(document("$ # nothing", "$ echo a \\", "> b", "a b")), [])

    def test_background(self):
        command = ("$ bash -c 'sleep 0.2; echo ready > $1; exec sleep 60' name port "
                   "--port-file port &")
        self.assertEqual(self.failed(document(command, "$ cat port", "ready")), [])

    def test_output_before_a_command(self):
        with self.assertRaises(SystemExit):
            readme_blocks.read_blocks(document("stray"))


if __name__ == "__main__":
    unittest.main()
