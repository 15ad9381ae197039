#!/usr/bin/env python3
"""The reader of metrics, on texts that break the format; and what deploy/ expects of metrics."""

import json
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import scrape  # noqa: E402

GOOD = ("# HELP a What.\n# TYPE a counter\na 1\n"
        '# HELP h Times.\n# TYPE h histogram\nh_bucket{op="x",le="0.5"} 1\n'
        'h_bucket{op="x",le="+Inf"} 2\nh_sum{op="x"} 0.7\nh_count{op="x"} 2\n')


def queries_of_dashboard(panels):
    for panel in panels:
        yield from (target["expr"] for target in panel.get("targets", []))
        yield from queries_of_dashboard(panel.get("panels", []))


class Reader(unittest.TestCase):
    def test_good(self):
        families = scrape.read(GOOD)
        self.assertEqual(scrape.value(families, "a"), 1)
        self.assertEqual(scrape.value(families, "h_sum", op="x"), 0.7)
        self.assertEqual(families["h"][0], "histogram")

    def test_bad(self):
        for old, new in (("a 1", "a one"), ("a 1\n", "a 1\na 2\n"), ("a 1", "b 1"),
                         ("# TYPE a counter\n", ""), ("counter", "thing"), ("a 1", "a{x=1} 1"),
                         ('"+Inf"} 2', '"+Inf"} 0'), ("h_count{op=\"x\"} 2", 'h_count{op="x"} 3'),
                         ('h_sum{op="x"} 0.7\n', ""), ('le="+Inf"', 'le="7"'),
                         ("# HELP h Times.", "# HELP a Times.")):
            self.assertIn(old, GOOD)
            with self.assertRaises(ValueError, msg=new):
                scrape.read(GOOD.replace(old, new, 1))


class Expectations(unittest.TestCase):
    """What a dashboard or an alert asks for stands in the table, which run.py compares with a
    real scrape."""

    def setUp(self):
        self.table = scrape.table_of((ROOT / "docs/running.md").read_text())

    def test_the_table_is_read(self):
        self.assertGreater(len(self.table), 40)
        self.assertEqual(self.table["rstmdb_request_duration_seconds"], "histogram")

    def test_dashboard(self):
        dashboard = json.loads((ROOT / "deploy/grafana/rstmdb.json").read_text())
        queries = list(queries_of_dashboard(dashboard["panels"]))
        self.assertGreater(len(queries), 15)
        for query in queries:
            self.assertTrue(scrape.names_in(query), query)
            self.assertEqual(scrape.names_in(query) - set(self.table), set(), query)
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24, panel["title"])

    def test_alerts(self):
        rules = (ROOT / "deploy/prometheus/rstmdb.rules.yaml").read_text()
        expressions = re.findall(r"^ +expr: (.+)$", rules, re.MULTILINE)
        names = re.findall(r"^ +- alert: (\w+)$", rules, re.MULTILINE)
        self.assertEqual(len(expressions), len(names))
        self.assertGreaterEqual(len(names), 4)
        for expression in expressions:
            self.assertEqual(scrape.names_in(expression) - set(self.table), set(), expression)
        page = (ROOT / "docs/running.md").read_text()
        self.assertEqual([name for name in names if f"| `{name}` |" not in page], [])


if __name__ == "__main__":
    unittest.main()
