#!/usr/bin/env python3
"""Watches a real server: stalled and resumed, a thousand that never read, subscriptions that come
and go, and connections and servers that are cut off.

  tests/watch/run.py --server build/release/bin/rstmdb [--full] [--only TEXT]

--full takes some minutes and wants the machine for itself; its figures are printed.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from program import Broken  # noqa: E402
from scenarios import SCENARIOS, Scale, Server  # noqa: E402


@dataclass
class Tools:
    load: str
    fanout: str


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", type=pathlib.Path, required=True)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="", help="only scenarios whose name holds this")
    args = parser.parse_args()
    programs = args.server.resolve().parent
    tools = Tools(str(programs / "rstmdb_load"), str(programs / "rstmdb_fanout"))
    scale = Scale(args.full)
    passed = failed = 0
    for scenario in SCENARIOS:
        if args.only not in scenario.__name__:
            continue
        with tempfile.TemporaryDirectory(prefix="rstmdb-watch-") as folder:
            server = Server(str(args.server.resolve()), folder)
            try:
                server.start()
                for sentence, holds, facts in scenario(server, tools, scale):
                    passed, failed = passed + bool(holds), failed + (not holds)
                    print(f"{'ok  ' if holds else 'FAIL'} {sentence}: {facts}", flush=True)
            except (Broken, OSError, EOFError, KeyError, ValueError,
                    subprocess.SubprocessError) as problem:
                failed += 1
                print(f"FAIL {scenario.__name__}: {problem!r}", flush=True)
            finally:
                server.kill()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
