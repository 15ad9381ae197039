#!/usr/bin/env python3
"""Feeds the same dialogs to every client, and compares what they give with the dialog and the wire.

  tests/conformance/run.py                 dialogs over plain TCP, some over TLS and mTLS, restarts
  tests/conformance/run.py --full          every dialog over every transport, more restarts
  tests/conformance/run.py --client cpp --transport plain --only watch

Prints a table of dialogs and clients, what was wrong, and `N passed, N failed`. README.md has the
contract of the adapters.
"""

import argparse
import concurrent.futures
import os
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent))

import clients  # noqa: E402
import dialogs  # noqa: E402
import restarts  # noqa: E402
import sessions  # noqa: E402
from adapter import Adapter, AdapterError  # noqa: E402
from server import ROOT, TRANSPORTS, certificates  # noqa: E402

PARTS = 8
SHARE = 9  # without --full, one dialog in so many is held over TLS, and another one over mTLS
ENDS = {False: ("kill", "stop"), True: ("kill", "stop", "kill", "kill", "stop", "kill")}


class Results:
    """{(row, client, way): what was wrong or None}, and the answers for comparing."""

    def __init__(self):
        self.outcomes, self.answers = {}, {}
        self.counts, self.tallies, self.seconds, self.numbers = {}, {}, {}, {}  # of each client

    def count(self):
        failed = sum(problem is not None for problem in self.outcomes.values())
        return len(self.outcomes) - failed, failed


class Client:
    """Everything that one client is asked to do; an adapter that fails is started anew."""

    def __init__(self, name, command, args, certs, results):
        self.name, self.command, self.args = name, command, args
        self.certs, self.results = certs, results
        self.adapter = None
        self.counts = results.counts[name] = dialogs.Counts()
        self.tally = results.tallies[name] = restarts.Tally()

    def run(self, chosen):
        began = time.monotonic()
        try:
            self._fresh()
            self._dialogs(chosen)
            if self.adapter.about["reconnects"] and not self.args.part:
                self._beyond_dialogs()
            self.adapter.end()
        except (AdapterError, OSError) as problem:
            self.results.outcomes["the adapter", self.name, "plain"] = str(problem)
        finally:
            if self.adapter:
                self.adapter.abandon()
        self.results.seconds[self.name] = time.monotonic() - began

    def _fresh(self):
        if self.adapter:
            self.adapter.abandon()
        self.adapter = None
        self.adapter = Adapter(self.command)
        self.results.numbers[self.name] = self.adapter.about["numbers"]

    def _dialogs(self, chosen):
        for position, (file, dialog) in enumerate(chosen.items()):
            if dialogs.needs_general_call(dialog) and not self.adapter.about["general"]:
                continue
            for way in self._ways(position):
                transport, wire = ("plain", "jsonl") if way == "jsonl" else (way, "binary")
                problem, answers = self._try(lambda: dialogs.hold(
                    self.args.server, dialog, self.adapter, transport, self.certs, wire,
                    self.counts))
                self.results.outcomes[file, self.name, way] = problem
                if not problem:
                    self.results.answers[file, self.name, way] = answers

    def _ways(self, position):
        wanted = ["plain"]
        for index, transport in enumerate(TRANSPORTS[1:]):
            if self.args.full or (position + index * SHARE // 2) % SHARE == 0:
                wanted.append(transport)
        if "jsonl" in self.adapter.about["wires"] and (
                self.args.full or position % SHARE == SHARE // 3):
            wanted.append("jsonl")
        if self.name == clients.REFERENCE:  # a certificate's name is in the log
            return ["plain"] + [way for way in wanted if way == "mtls"]
        return [way for way in wanted if way in self.args.transport]

    def _try(self, attempt):
        try:
            return attempt()
        except (AdapterError, OSError, EOFError) as problem:
            self._fresh()
            return str(problem), []

    def _beyond_dialogs(self):
        for transport in TRANSPORTS:
            if transport not in self.args.transport:
                continue
            rows = {row: lambda row=row: sessions.hold(
                self.args.server, row, self.adapter, transport, self.certs)
                for row in sessions.ROWS}
            ends = ENDS[self.args.full][:None if self.args.full or transport == "plain" else 1]
            for name in restarts.SCENARIOS:
                rows[f"restarts: {name}"] = lambda name=name: restarts.hold(
                    self.args.server, name, self.adapter, transport, self.certs, ends, self.tally)
            for row, attempt in rows.items():
                waits = row == sessions.STALL and transport != "plain" and not self.args.full
                if self.args.only not in row or waits:
                    continue
                problem, _ = self._try(lambda: (attempt(), []))
                self.results.outcomes[row, self.name, transport] = problem
                if problem:
                    self._fresh()


def compare(results):
    """Sets every client's answers beside those of the wire."""
    for (file, name, way), answers in results.answers.items():
        wire = (results.answers.get((file, clients.REFERENCE, way))
                or results.answers.get((file, clients.REFERENCE, "plain")))
        if name != clients.REFERENCE and wire is not None:
            problem = dialogs.difference(results.numbers[name], answers, wire)
            if problem:
                results.outcomes[file, name, way] = f"differs from the wire: {problem}"


def table(results, names):
    """Markdown: a row for each dialog, a column for each client, and in it how it was held."""
    rows = sorted({row for row, _, _ in results.outcomes},
                  key=lambda row: (".json" not in row, row))
    yield "| | " + " | ".join(names) + " |"
    yield "| --- |" + " --- |" * len(names)
    for row in rows:
        cells = []
        for name in names:
            ways = {way: problem for (other, client, way), problem in results.outcomes.items()
                    if (other, client) == (row, name)}
            cells.append(" ".join(f"**{way} FAILED**" if problem else way
                                  for way, problem in ways.items()))
        yield f"| {row.removesuffix('.json')} | " + " | ".join(cells) + " |"


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    programs = ROOT / "build/release/bin"
    parser.add_argument("--server", default=os.environ.get("RSTMDB_SERVER", programs / "rstmdb"))
    parser.add_argument("--programs", default=programs,
                        help="folder with rstmdb_conformance_adapter")
    parser.add_argument("--python", default=os.environ.get("RSTMDB_PYTHON", sys.executable),
                        help="interpreter for the Python client")
    parser.add_argument("--client", action="append", help="only these; the wire is always there")
    parser.add_argument("--transport", action="append", choices=[*TRANSPORTS, "jsonl"])
    parser.add_argument("--only", default="", help="only rows whose name holds this")
    parser.add_argument("--part", type=int, choices=range(1, PARTS + 1),
                        help=f"only this part of the dialogs, of {PARTS}, and nothing else")
    parser.add_argument("--full", action="store_true")
    args = parser.parse_args()
    args.transport = args.transport or [*TRANSPORTS, "jsonl"]
    return args


def choose(args):
    """{client: command} of those that are here; says which are not."""
    chosen = {}
    for name, (command, folder) in clients.commands(args.programs, args.python).items():
        if args.client and name not in (*args.client, clients.REFERENCE):
            continue
        if folder.exists():
            clients.prepare(name)
            chosen[name] = command
        else:
            print(f"{name}: not part of this tree")
    return chosen


def report(results, names, skipped):
    print("\n".join(table(results, names)))
    print("\nnot held through clients: " + "; ".join(
        f"{file.removesuffix('.json')} ({why})" for file, why in skipped.items()))
    for name, counts in results.counts.items():
        print(f"{name}: {counts.methods} steps by its methods, {counts.general} by its general "
              f"call ({counts.refused_before_sending} refused before sending), "
              f"{counts.said_for_it} said for it; {results.seconds.get(name, 0):.1f} s")
    for name, tally in results.tallies.items():
        if tally.ends:
            print(f"{name}: {tally.calls} writes while the server was killed or stopped "
                  f"{tally.ends} times, {tally.ends_under_way} of these with calls under way; each "
                  "is in the log once")
    for (row, name, way), problem in results.outcomes.items():
        if problem:
            print(f"FAIL {row}, {name}, {way}: {problem}")


def main():
    args = options()
    every = dialogs.load()
    unknown = set(dialogs.NOT_FOR_CLIENTS) - set(every)
    if unknown:
        sys.exit(f"no such dialogs: {sorted(unknown)}")
    chosen = {file: dialog for file, dialog in every.items()
              if file not in dialogs.NOT_FOR_CLIENTS and args.only in file}
    if args.part:
        chosen = dict(list(chosen.items())[args.part - 1::PARTS])
    results, commands = Results(), choose(args)
    with tempfile.TemporaryDirectory(prefix="rstmdb-conformance-") as folder:
        certs = None
        if set(args.transport) & {"tls", "mtls"}:
            certs = certificates(pathlib.Path(folder) / "certificates")
        running = [Client(name, command, args, certs, results)
                   for name, command in commands.items()]
        with concurrent.futures.ThreadPoolExecutor(len(running)) as pool:
            list(pool.map(lambda client: client.run(chosen), running))
    compare(results)
    report(results, list(commands), dialogs.NOT_FOR_CLIENTS)
    passed, failed = results.count()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
