#!/usr/bin/env python3
"""Measures pipelined APPLY_EVENT through each client against one server, in rounds by turns.

  bench/pipelined_clients.py [--rounds N] [--seconds N] [--under-way N] [--client NAME]
                             [--results DIR]

The adapters of tests/conformance make the calls, each through its client's method and with the
keys that the client makes, on 64 instances by turns. With --results DIR the page is kept as
DATE-clients.md. Run it on a quiet machine. The blocking Python client has one call under way, which
is what it is for.
"""

import argparse
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(1, str(ROOT / "tests/conformance"))

import clients  # noqa: E402
from adapter import Adapter  # noqa: E402
from canonical import Number  # noqa: E402
from server import Server  # noqa: E402

INSTANCES = [f"i-{index}" for index in range(64)]
MACHINE = {"states": ["on"], "initial": "on",
           "transitions": [{"from": "on", "event": "TICK", "to": "on"}]}
PAYLOAD = {"amount": Number("99.99"), "method": "card", "reference": "0123456789abcdef"}
FIRST_CALLS = 2_000  # enough to know how fast it is; not measured
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_s(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:13]) / TICKS_PER_SECOND


class Subject:
    """One client, connected for the whole time."""

    def __init__(self, name, command, server, under_way):
        self.name, self.server = name, server
        self.under_way = 1 if name == "python-sync" else under_way
        self.samples = []  # (calls a second, own CPU µs a call, the server's)
        self.adapter = Adapter(command)
        self.adapter.ask({"do": "connect", "numbers": "default"} | server.address())
        self.per_second = FIRST_CALLS / self._load(FIRST_CALLS)
        self.per_second = FIRST_CALLS / self._load(FIRST_CALLS)  # what is compiled, is by now

    def _load(self, calls):
        """Seconds for so many calls."""
        done = self.adapter.ask({"do": "load", "instances": INSTANCES, "event": "TICK",
                                 "payload": PAYLOAD, "calls": calls,
                                 "under_way": self.under_way}, timeout_s=300)
        if done["errors"] != Number("0"):
            sys.exit(f"{self.name}: {done['errors']} of {calls} calls failed")
        return float(done["seconds"].text)

    def measure(self, seconds):
        calls = max(int(self.per_second * seconds), FIRST_CALLS)
        own, server = cpu_s(self.adapter.process), cpu_s(self.server.process)
        took = self._load(calls)
        self.per_second = calls / took
        self.samples.append((self.per_second,
                             (cpu_s(self.adapter.process) - own) / calls * 1e6,
                             (cpu_s(self.server.process) - server) / calls * 1e6))

    def row(self):
        rates, own, server = zip(*self.samples)
        return (f"| {self.name} | {self.under_way:,} | {statistics.median(rates):,.0f} | "
                f"{min(rates):,.0f} to {max(rates):,.0f} | {statistics.median(own):.1f} | "
                f"{statistics.median(server):.1f} |")


def prepare(server):
    adapter = Adapter(clients.commands("", sys.executable)[clients.REFERENCE][0])
    adapter.ask({"do": "connect"} | server.address())
    adapter.ask({"do": "call", "op": "PUT_MACHINE", "params": {
        "machine": "tick", "version": 1, "definition": MACHINE}})
    for name in INSTANCES:
        adapter.ask({"do": "call", "op": "CREATE_INSTANCE", "params": {
            "machine": "tick", "version": 1, "instance_id": name}})
    adapter.end()


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def output_of(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True,
                          check=False).stdout.strip()


def page(args, subjects):
    commit = output_of("git", "rev-parse", "--short", "HEAD")
    yield f"# {datetime.date.today().isoformat()}, commit {commit}: clients"
    yield ""
    yield f"- {os.cpu_count()} cores, {processor()}; Linux {platform.release()}"
    yield (f"- Node {output_of('node', '--version')}, {output_of(args.python, '--version')}; "
           "fsync_policy every_write, data on "
           f"{output_of('df', '--output=fstype', args.folder).split()[-1]}; client and server on "
           "the same machine")
    yield (f"- APPLY_EVENT on {len(INSTANCES)} instances by turns over one connection, each with a "
           f"payload of three members and a key of the client's own; {args.rounds} rounds by "
           f"turns, about {args.seconds:g} s each; medians")
    if args.note:
        yield f"- {args.note}"
    yield ""
    yield ("| client | calls under way | per second | of all rounds | client CPU µs a call | "
           "server CPU µs |")
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for subject in subjects:
        yield subject.row()


def options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    programs = ROOT / "build/release/bin"
    parser.add_argument("--server", default=os.environ.get("RSTMDB_SERVER", programs / "rstmdb"))
    parser.add_argument("--programs", default=programs)
    parser.add_argument("--python", default=os.environ.get("RSTMDB_PYTHON", sys.executable))
    parser.add_argument("--client", action="append", help="only these")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of each client in each round")
    parser.add_argument("--under-way", type=int, default=1000)
    parser.add_argument("--folder", default=str(ROOT / "build"), help="where the data goes")
    parser.add_argument("--results", type=pathlib.Path, help="folder to write the page to")
    parser.add_argument("--note", default="", help="a line for the page, such as what ran beside")
    return parser.parse_args()


def main():
    args = options()
    subjects = []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder, Server(
            args.server, folder) as server:
        prepare(server)
        for name, (command, tree) in clients.commands(args.programs, args.python).items():
            if name == clients.REFERENCE or not tree.exists() or (
                    args.client and name not in args.client):
                continue
            clients.prepare(name)
            subjects.append(Subject(name, command, server, args.under_way))
        for _ in range(args.rounds):
            for subject in subjects:
                subject.measure(args.seconds)
        for subject in subjects:
            subject.adapter.end()
        server.end("stop")
    text = "\n".join(page(args, subjects)) + "\n"
    print(text)
    if args.results:
        name = f"{datetime.date.today().isoformat()}-clients.md"
        (args.results / name).write_text(text)


if __name__ == "__main__":
    main()
