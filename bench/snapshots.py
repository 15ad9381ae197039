#!/usr/bin/env python3
"""Measures what snapshots cost writers, and what they save a start.

  bench/snapshots.py [--instances N] [--events N] [--rounds N] [--seconds N] [--folder DIR]

Creates N instances, then loads the server (64 connections, APPLY_EVENT) in alternating rounds:
without a snapshot, and with COMPACT asked for again and again. Then starts it from the snapshot,
and a second server from a log of --events events without one. Prints one JSON object a line.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "build/release/bin"
START_SECONDS_MAX = 600


class Server:
    """A server whose log is compacted only when asked."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.process = None
        self.port = ""

    def start(self):
        """Seconds until it listens."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("RSTMDB_")}
        environment.update(RSTMDB_DATA=str(self.folder / "data"), RSTMDB_BIND="127.0.0.1:0",
                           RSTMDB_COMPACT_ENABLED="false", RSTMDB_HTTP_ENABLED="false")
        began = time.monotonic()
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([PROGRAMS / "rstmdb", "--port-file", port_file],
                                            env=environment, stderr=log, stdout=log)
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() - began > START_SECONDS_MAX:
                sys.exit("the server did not start:\n" + (self.folder / "log").read_text()[-2000:])
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=0.01)
        took = time.monotonic() - began
        self.port = port_file.read_text().strip()
        return took

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(timeout=60)

    def load(self, *options):
        done = subprocess.run([PROGRAMS / "rstmdb_load", "--port", self.port, *map(str, options)],
                              check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def compact(self):
        """The answer to a forced COMPACT, with the milliseconds that it took."""
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", int(self.port)), timeout=600) as connection:
            connection.sendall(b'{"type":"request","id":"1","op":"COMPACT",'
                               b'"params":{"force_snapshot":true}}\n')
            answer = json.loads(connection.makefile().readline())
        if answer["status"] != "ok":
            sys.exit(f"COMPACT: {answer}")
        return {**answer["result"], "ms": round((time.monotonic() - began) * 1000)}

    def snapshot_bytes(self):
        return max((path.stat().st_size for path in
                    (self.folder / "data/snapshots").glob("*.snap")), default=0)


def compact_until(server, ended, done):
    while not ended.is_set():
        done.append(server.compact()["ms"])


def show(**facts):
    print(json.dumps(facts), flush=True)


def pauses(server, args):
    """Latencies of writes, alternating without and with snapshots."""
    load = ("--shape", "b", "--instances", args.instances, "--warmup-ms", 500,
            "--measured-ms", args.seconds * 1000)
    for number in range(1, args.rounds + 1):
        for snapshots in (False, True):
            took = []
            ended = threading.Event()
            beside = threading.Thread(target=compact_until, args=(server, ended, took))
            if snapshots:
                beside.start()
            measured = server.load(*load)
            ended.set()
            if snapshots:
                beside.join()
            show(round=number, snapshots=len(took), compact_ms=took,
                 writes_per_second=round(measured["requests_per_second"]),
                 **{name: measured[name] for name in ("p50_us", "p99_us", "p999_us", "max_us")})


def starts(server, what, rounds):
    for number in range(1, rounds + 1):
        show(what=what, round=number, seconds=round(server.start(), 3))
        server.end(signal.SIGKILL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--folder", default=None)
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="rstmdb-snapshots-", dir=args.folder)
    try:
        server = Server(folder)
        server.start()
        show(what="created", **server.load("--create", "--instances", args.instances))
        idle = server.compact()
        show(what="snapshot, nothing beside", snapshot_bytes=server.snapshot_bytes(), **idle,
             mb_per_second=round(server.snapshot_bytes() / 1e3 / idle["ms"], 1))
        pauses(server, args)
        server.compact()
        server.end(signal.SIGTERM)
        starts(server, "start from the snapshot", args.rounds)
        if args.events:
            shutil.rmtree(server.folder / "data")
            server.start()
            server.load("--create", "--instances", args.instances)
            events = 0
            while events < args.events:
                events += server.load("--shape", "c", "--instances", args.instances,
                                      "--measured-ms", 10_000)["requests"]
            server.end(signal.SIGTERM)
            show(what="log without a snapshot", events_at_least=events,
                 bytes=sum(path.stat().st_size for path in
                           (server.folder / "data/wal").glob("*.seg")))
            starts(server, "start from the log", 1)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
