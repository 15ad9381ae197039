#!/usr/bin/env python3
"""The reliability ledger: what has been run to break rstmdb, and how it ended.

  tools/ledger.py add AREA --count NAME=N [...] [--different NAME ...] [--seed S] [--failures N]
                           [--seconds S] [--note T]
  tools/ledger.py mended AREA --test TEST        a failure found before is mended, and held by TEST
  tools/ledger.py page                           writes docs/reliability-ledger.md anew

Entries are lines of docs/reliability-ledger.jsonl and are only ever added. What an area has shown
is the sum of its runs since the last one that failed: a failure takes back what was shown before
it, because the program that showed it had the fault. Of planted defects the different ones count:
to find the same one twice shows nothing new.
"""

import argparse
import datetime
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "planted"))

from defects import DEFECTS  # noqa: E402

ENTRIES = ROOT / "docs" / "reliability-ledger.jsonl"
PAGE = ROOT / "docs" / "reliability-ledger.md"

# Area: (what is counted first, how much of it is the goal, what the area is).
AREAS = {
    "kill9": ("cycles", 5_000, "a real server under load, killed with SIGKILL and checked"),
    "compaction": ("cycles", 1_000, "the same while it takes snapshots and trims the log"),
    "syscalls": ("kills", 1_000, "a real server killed at its n-th call to the system"),
    "power": ("cuts", 300, "power taken from a real file system under a running server"),
    "faults": ("cases", 480, "file calls of a real server that fail, lie or are slow"),
    "states": ("states", 1_000_000, "what a disk may show after a power cut, each recovered"),
    "simulation": ("seeds", 10_000, "the whole server simulated, ten minutes for each seed"),
    "linearizability": ("operations", 10_000_000,
                        "histories and watches recorded under kills, checked"),
    "planted": ("caught", len(DEFECTS), "defects put into the server, each found by the tests"),
    "fuzz": ("minutes", 390, "inputs found by libFuzzer, half an hour for each target"),
}
# Of these areas the different things count, by the names that stand in the entry.
DIFFERENT = {"planted": frozenset(defect.name for defect in DEFECTS)}
# Counts of what is there each time: they do not add up.
EACH_TIME = {"targets"}


class Unusable(Exception):
    """An entry that cannot be what it should; says which."""


def read(path=ENTRIES):
    """All entries in their order."""
    entries = []
    lines = path.read_text().splitlines() if path.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as problem:
            raise Unusable(f"{path.name} line {number}: {problem}") from problem
        if entry.get("area") not in AREAS:
            raise Unusable(f"{path.name} line {number}: no area {entry.get('area')!r}")
        entries.append(entry)
    return entries


def standing(entries):
    """{area: what it has shown since its last failure}, for those that have been run."""
    areas = {}
    for entry in entries:
        now = areas.setdefault(entry["area"], {"counts": {}, "seconds": 0, "runs": 0, "seeds": [],
                                               "open": False, "found": [], "different": set()})
        if "mended" in entry:
            now["found"].append(entry["mended"])
            now["open"] = False
            continue
        if entry["failures"]:
            now.update(counts={}, seconds=0, runs=0, seeds=[], open=True, different=set())
            continue
        now["runs"] += 1
        now["seconds"] += entry["seconds"]
        now["commit"] = entry["commit"]
        now["date"] = entry["date"]
        if entry.get("seed"):
            now["seeds"].append(entry["seed"])
        for name, count in entry["counts"].items():
            before = now["counts"].get(name, 0)
            now["counts"][name] = max(before, count) if name in EACH_TIME else before + count
        if entry["area"] in DIFFERENT:
            # What has gone from the table meanwhile does not stand for something else.
            now["different"] |= DIFFERENT[entry["area"]].intersection(entry.get("different", ()))
            now["counts"][AREAS[entry["area"]][0]] = len(now["different"])
    return areas


def bar(share):
    """Ten blocks: a goal that is half reached is seen to be."""
    full = min(10, int(share * 10))
    return "█" * full + "░" * (10 - full)


def seeds_text(seeds):
    return ", ".join(seeds) if len(seeds) <= 4 else f"{seeds[0]} … {seeds[-1]} ({len(seeds)})"


def row(area, now):
    counted, goal, what = AREAS[area]
    if now is None:
        return f"| {area} | {what} | {bar(0)} 0 of {goal:,} {counted} | | | | |"
    done = now["counts"].get(counted, 0)
    others = ", ".join(f"{count:,} {name}" for name, count in sorted(now["counts"].items())
                       if name != counted)
    state = "**failed**" if now["open"] else bar(done / goal)
    last = f"{now['date']} {now['commit']}" if now["runs"] else ""
    return (f"| {area} | {what} | {state} {done:,} of {goal:,} {counted} | {others} "
            f"| {seeds_text(now['seeds'])} | {now['seconds'] / 60:,.0f} min | {last} |")


def page(entries):
    areas = standing(entries)
    lines = ["# Reliability ledger", "",
             "*Made by `tools/ledger.py` from `reliability-ledger.jsonl`; `scripts/soak` adds to "
             "it.*", "",
             "What has been run to break rstmdb, and came out well, since the last time that it "
             "did not: a failure sets its", "area back to nothing. What a run of the tests does "
             "for each commit is not counted here.", "",
             "| area | what | shown, of the goal | beside it | seeds | time | last run |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    lines += [row(area, areas.get(area)) for area in AREAS]
    lines += ["", "## Failures", ""]
    failures = [entry for entry in entries if "mended" in entry or entry["failures"]]
    if not failures:
        lines.append("None so far.")
    for entry in failures:
        at = f"{entry['date']}, {entry['commit']}"
        if "mended" in entry:
            lines.append(f"- {entry['area']} ({at}): mended, held by `{entry['mended']}`.")
        else:
            seed = f" with seed {entry['seed']}" if entry.get("seed") else ""
            lines.append(f"- {entry['area']} ({at}): {entry['failures']} failed{seed}. "
                         f"{entry.get('note', '')}".rstrip())
    return "\n".join(lines) + "\n"


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout.strip()


def commit():
    """What was run: the commit, and whether anything but this book differs from it."""
    changed = git("status", "--porcelain", "--", ".", f":!docs/{ENTRIES.name}",
                  f":!docs/{PAGE.name}")
    return git("rev-parse", "--short=10", "HEAD") + ("-dirty" if changed else "")


def add(entry, path=ENTRIES):
    entry = {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "commit": commit(),
             **entry}
    with path.open("a") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")


def count(text):
    name, equals, number = text.partition("=")
    if not (name and equals and number.isdigit()):
        raise argparse.ArgumentTypeError(f"{text}: NAME=NUMBER is wanted")
    return name, int(number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("add")
    adding.add_argument("area", choices=AREAS)
    adding.add_argument("--count", type=count, action="append", required=True)
    adding.add_argument("--different", action="append", default=[], metavar="NAME",
                        help="what was found, in an area of which the different ones count")
    adding.add_argument("--seed", default="")
    adding.add_argument("--failures", type=int, default=0)
    adding.add_argument("--seconds", type=float, default=0)
    adding.add_argument("--note", default="")
    mended = commands.add_parser("mended")
    mended.add_argument("area", choices=AREAS)
    mended.add_argument("--test", required=True)
    commands.add_parser("page")
    args = parser.parse_args()
    if args.command == "add":
        add({"area": args.area, "counts": dict(args.count), "seed": args.seed,
             "failures": args.failures, "seconds": round(args.seconds), "note": args.note,
             **({"different": args.different} if args.different else {})})
    if args.command == "mended":
        add({"area": args.area, "mended": args.test})
    try:
        PAGE.write_text(page(read()))
    except Unusable as problem:
        sys.exit(f"ledger: {problem}")


if __name__ == "__main__":
    main()
