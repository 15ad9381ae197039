#!/usr/bin/env python3
"""Tests of what scripts/bench makes of its samples."""

import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench/report"))

import page  # noqa: E402
import plot  # noqa: E402
import rounds  # noqa: E402
import verdicts  # noqa: E402

LATENCIES = {"p50_us": 100, "p99_us": 250, "p999_us": 400, "server_cpu_us_per_request": 1.5,
             "own_cpu_us_per_request": 0.2}


def with_rates(**rates):
    """Samples with `rates`, a list for each name; underscores stand for spaces."""
    samples = rounds.Samples()
    for name, values in rates.items():
        for value in values:
            samples.add(name.replace("__", " "), {"requests_per_second": value, **LATENCIES})
    return samples


def row(samples, work, required=""):
    (found,) = [row for row in verdicts.all_rows(samples)
                if row.work == work and required in row.required]
    return found


class Verdicts(unittest.TestCase):
    def test_ratios_are_taken_within_a_round(self):
        # The machine was twice as fast in the second round, for both.
        samples = with_rates(rstmdb__c__GET_INSTANCE=[300, 600, 310],
                             redis__c__GET_INSTANCE=[100, 200, 100])
        self.assertEqual(verdicts.ratio_to(samples, "c", "GET_INSTANCE", "redis"), [3, 3, 3.1])
        found = row(samples, "GET_INSTANCE (c)")
        self.assertTrue(found.reached)
        self.assertEqual(found.measured, "3.00 ×")

    def test_postgres_in_groups_is_what_counts(self):
        samples = with_rates(rstmdb__c__GET_INSTANCE=[300], postgres__c__GET_INSTANCE=[100])
        samples.add("postgres c GET_INSTANCE in groups", {"requests_per_second": 150})
        ratios = [verdicts.ratio_to(samples, "c", "GET_INSTANCE", "postgres", how)
                  for how in ("best", "alone")]
        self.assertEqual(ratios, [[2], [3]])

    def test_a_ratio_below_the_requirement_is_not_reached(self):
        samples = with_rates(rstmdb__c__GET_INSTANCE=[239], redis__c__GET_INSTANCE=[100])
        self.assertIs(row(samples, "GET_INSTANCE (c)").reached, False)
        samples = with_rates(rstmdb__c__GET_INSTANCE=[240], redis__c__GET_INSTANCE=[100])
        self.assertIs(row(samples, "GET_INSTANCE (c)").reached, True)

    def test_what_was_not_measured_is_neither(self):
        found = row(with_rates(rstmdb__c__GET_INSTANCE=[240]), "GET_INSTANCE (c)")
        self.assertIsNone(found.reached)
        self.assertEqual(found.measured, "not measured")

    def test_at_most_is_reached_from_below(self):
        samples = with_rates(rstmdb__c__APPLY_EVENT=[1000])
        self.assertIs(row(samples, "APPLY_EVENT (c)", "CPU").reached, True)
        samples.kept[0]["server_cpu_us_per_request"] = 2.01
        self.assertIs(row(samples, "APPLY_EVENT (c)", "CPU").reached, False)

    def test_a_lone_writer_is_compared_with_flush_and_round_trip(self):
        samples = with_rates(rstmdb__a__APPLY_EVENT=[5000])
        samples.add("loopback", {"p50_us": 20})
        for p50 in (19, 20, 500):  # the median of those in the round
            samples.add("prezeroed 512", {"p50_us": p50, "per_second": 1e6 / p50})
        found = row(samples, "APPLY_EVENT (a)", "p50")
        self.assertEqual(found.measured, "60 µs more")
        self.assertTrue(found.reached)
        samples.kept[0]["p50_us"] = 101
        self.assertFalse(row(samples, "APPLY_EVENT (a)", "p50").reached)

    def test_growth_is_that_of_the_largest_number(self):
        samples = rounds.Samples()
        for count, large in ((1_000_000, 95), (10_000_000, 69)):
            samples.add(f"memory {count}", {"instances": count, "over_payload": 110})
            for side, rate in (("small", 100), ("large", large)):
                samples.add(f"growth {side} c APPLY_EVENT {count}", {"requests_per_second": rate})
        self.assertIs(row(samples, "APPLY_EVENT (c) at 10,000,000 instances").reached, False)
        self.assertIs(row(samples, "memory at 1,000,000 instances").reached, True)


class Page(unittest.TestCase):
    def test_shows_medians_and_spread(self):
        self.assertEqual(page.spread([3, 1, 2], "{:.1f}"), "2.0 (1.0 to 3.0)")
        self.assertEqual(page.spread([3], "{:.0f}"), "3")
        self.assertEqual(page.spread([], "{}"), "–")

    def test_has_a_line_for_each_kind_of_work(self):
        samples = with_rates(rstmdb__c__GET_INSTANCE=[240], redis__c__GET_INSTANCE=[100])
        text = page.page("title", ["a fact"], samples, "x.svg")
        self.assertIn("| GET_INSTANCE (c) | 2.40 | – | – | – | – |", text)
        self.assertIn("| redis c GET_INSTANCE | 100 | 100 | 250 | 400 | 1.50 | 0.20 |  |", text)


class Plot(unittest.TestCase):
    def test_draws_a_bar_for_each_ratio_and_a_mark_for_each_requirement(self):
        samples = with_rates(rstmdb__c__APPLY_EVENT=[1300], redis__c__APPLY_EVENT=[100],
                             postgres__c__APPLY_EVENT=[130])
        drawing = xml.etree.ElementTree.fromstring(plot.svg(samples))
        space = "{http://www.w3.org/2000/svg}"
        bars = [rect for rect in drawing.iter(f"{space}rect") if rect.get("height") == "14"]
        marks = [path for path in drawing.iter(f"{space}path")
                 if path.get("stroke-width") == "3" and "v18" in path.get("d")]
        self.assertEqual((len(bars), len(marks)), (2, 2))
        widths = [float(bar.get("width")) for bar in bars]
        self.assertGreater(widths[0], widths[1])

    def test_without_any_ratio_there_is_still_a_drawing(self):
        xml.etree.ElementTree.fromstring(plot.svg(rounds.Samples()))


class Kept(unittest.TestCase):
    def test_samples_are_read_back_from_their_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "raw"
            rounds.Samples(path).add("a", {"n": 1})
            samples = rounds.Samples(path)
            samples.add("a", {"n": 2})
            self.assertEqual([sample["n"] for sample in rounds.Samples(path).of("a")], [1, 2])


if __name__ == "__main__":
    unittest.main()
