#!/usr/bin/env python3
"""The matchers on made-up answers: each accepts what it should and refuses what it should not."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from matcher import DialogError, fill, mismatch  # noqa: E402
from canonical import parse  # noqa: E402


def compare(expected, actual, saved=None):
    return mismatch(parse(expected), parse(actual), {} if saved is None else saved)


class Matching(unittest.TestCase):
    def accepts(self, expected, actual, saved=None):
        self.assertIsNone(compare(expected, actual, saved))

    def refuses(self, expected, actual, saved=None):
        self.assertIsNotNone(compare(expected, actual, saved), f"{expected} took {actual}")

    def test_object_allows_other_members(self):
        self.accepts('{"a":1}', '{"a":1,"b":2}')
        self.refuses('{"a":1,"b":2}', '{"a":1}')
        self.refuses('{"a":1}', '[1]')

    def test_exact_object_does_not(self):
        self.accepts('{"$exact":{"a":1}}', '{"a":1}')
        self.refuses('{"$exact":{"a":1}}', '{"a":1,"b":2}')
        self.refuses('{"$exact":{"a":1}}', '{"a":2}')
        self.refuses('{"$exact":{}}', '{"a":2}')

    def test_numbers_by_text(self):
        self.accepts('9007199254740993', '9007199254740993')
        self.refuses('9007199254740993', '9007199254740992')
        self.refuses('1', '1.0')
        self.refuses('1', '"1"')
        self.refuses('1', 'true')
        self.refuses('0', 'false')

    def test_arrays_whole(self):
        self.accepts('[1,{"a":2}]', '[1,{"a":2,"b":3}]')
        self.refuses('[1]', '[1,2]')
        self.refuses('[1,2]', '[2,1]')
        self.refuses('[]', '{}')

    def test_types(self):
        examples = {"integer": "-12", "number": "1.5", "string": '"1"', "boolean": "false",
                    "null": "null", "array": "[]", "object": "{}"}
        for kind in examples:
            for other, text in examples.items():
                check = self.accepts if other == kind else self.refuses
                check(f'{{"$type":"{kind}"}}', text)
        self.refuses('{"$type":"integer"}', '1.0')
        self.refuses('{"$type":"integer"}', '"1"')
        self.refuses('{"$type":"string"}', '1')
        self.refuses('{"$type":"array"}', '{}')
        self.accepts('{"$type":"string|null"}', 'null')

    def test_save_then_ref(self):
        saved = {}
        self.accepts('{"$type":"integer","$save":"offset"}', '7', saved)
        self.accepts('{"$ref":"offset"}', '7', saved)
        self.refuses('{"$ref":"offset"}', '8', saved)
        self.refuses('{"$ref":"offset"}', '"7"', saved)
        self.accepts('{"$above":{"$ref":"offset"}}', '8', saved)
        self.refuses('{"$above":{"$ref":"offset"}}', '7', saved)

    def test_ref_to_nothing_is_a_fault_of_the_dialog(self):
        with self.assertRaises(DialogError):
            compare('{"$ref":"nothing"}', '1')
        with self.assertRaises(DialogError):
            compare('{"$unheard":1}', '1')

    def test_absent(self):
        self.accepts('{"a":{"$absent":true}}', '{}')
        self.refuses('{"a":{"$absent":true}}', '{"a":null}')

    def test_text_length_and_choice(self):
        self.accepts('{"$matches":"[0-9a-f]{4}"}', '"00ff"')
        self.refuses('{"$matches":"[0-9a-f]{4}"}', '"00ff0"')
        self.refuses('{"$matches":".*"}', '1')
        self.accepts('{"$length":2}', '[1,2]')
        self.refuses('{"$length":2}', '[1]')
        self.accepts('{"$one_of":[1,2]}', '2')
        self.refuses('{"$one_of":[1,2]}', '3')

    def test_contains(self):
        self.accepts('{"$contains":[{"a":1}]}', '[{"a":2},{"a":1,"b":0}]')
        self.refuses('{"$contains":[{"a":3}]}', '[{"a":2},{"a":1}]')

    def test_place_is_named(self):
        self.assertIn("answer.a[1].b", compare('{"a":[1,{"b":2}]}', '{"a":[1,{"b":3}]}'))


class Filling(unittest.TestCase):
    def test_fill(self):
        value = parse('{"a":{"$ref":"x"},"b":[{"$repeat":{"text":"ab","times":3}}]}')
        self.assertEqual(fill(value, {"x": 5}), {"a": 5, "b": ["ababab"]})
        value = parse('{"$repeat":{"value":{"op":"P"},"times":2}}')
        self.assertEqual(fill(value, {}), [{"op": "P"}, {"op": "P"}])


if __name__ == "__main__":
    unittest.main()
