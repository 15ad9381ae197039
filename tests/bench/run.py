#!/usr/bin/env python3
"""bench smoke: scripts/bench runs from end to end on a server, and its page says what it measured.

  tests/bench/run.py

The figures mean nothing; the peers are left out. Uses the release programs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import traceback
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOADS = ("a APPLY_EVENT", "b APPLY_EVENT", "c APPLY_EVENT", "d APPLY_EVENT", "b GET_INSTANCE",
         "c GET_INSTANCE", "c CREATE_INSTANCE", "a LIST_INSTANCES", "c MIX", "b at 70 %", "fan-out")


class Run:
    """One quick run and what it left."""

    def __init__(self, folder):
        raw = folder / "raw"
        self.done = subprocess.run(
            [sys.executable, ROOT / "scripts/bench", "--quick", "--no-build", "--no-peers", "--raw",
             raw, "--folder", folder, "--results", folder / "results"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False)
        assert self.done.returncode == 0, self.done.stdout
        self.samples = {}
        for line in raw.read_text().splitlines():
            sample = json.loads(line)
            self.samples[sample["name"]] = sample
        self.results = folder / "results"


def every_load_gets_answers(run):
    for load in LOADS:
        sample = run.samples[f"rstmdb {load}"]
        assert sample["requests"] > 0, sample
        assert 0 < sample["p50_us"] <= sample["p99_us"] <= sample["max_us"], sample


def the_open_loop_keeps_its_rate(run):
    sample = run.samples["rstmdb b at 70 %"]
    assert sample["rate"] > 0, sample
    # What was sent within the time or after it, because the server was late, is what was due.
    due = sample["rate"] * sample["seconds"]
    assert 0.5 * due < sample["requests"] + sample["late"] < 1.5 * due, sample
    shares = [share for share, _ in sample["spectrum"]]
    assert shares == sorted(shares) and shares[-1] == 1, shares


def watchers_are_told_everything(run):
    # That nobody missed anything has been checked by the load, which would have failed.
    sample = run.samples["rstmdb fan-out"]
    assert sample["watchers"] == 100 and sample["notifications_per_second"] > 0, sample


def limits_are_beside_it(run):
    for limit in ("prezeroed 512", "appending 512", "prezeroed 4096", "prezeroed group b",
                  "appending group c", "loopback", "stream", "memcpy"):
        assert run.samples[limit]["per_second"] > 0, run.samples[limit]


def growth_is_measured(run):
    for name in ("memory 5000", "recovery 5000", "snapshot load 5000",
                 "growth small c APPLY_EVENT 5000", "growth large a LIST_INSTANCES 5000"):
        assert name in run.samples, name
    assert run.samples["recovery 5000"]["records"] > 5000


def the_page_has_every_part(run):
    (path,) = run.results.glob("*.md")
    text = path.read_text()
    for heading in ("To reach", "Ratios", "Figures", "Limits of the machine", "Many instances"):
        assert f"\n## {heading}\n" in text, heading
    assert "| APPLY_EVENT (c) | 12 × Redis | not measured | – |" in text, text
    (drawing,) = run.results.glob("*.svg")
    assert drawing.name in text
    xml.etree.ElementTree.parse(drawing)


def main():
    tests = (every_load_gets_answers, the_open_loop_keeps_its_rate, watchers_are_told_everything,
             limits_are_beside_it, growth_is_measured, the_page_has_every_part)
    passed = failed = 0
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as folder:
        run = Run(pathlib.Path(folder))
        for test in tests:
            try:
                test(run)
                passed += 1
            except (AssertionError, KeyError, ValueError):
                failed += 1
                print(f"FAIL {test.__name__}")
                traceback.print_exc(file=sys.stdout)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
