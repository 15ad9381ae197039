#!/usr/bin/env python3
"""Attacks a real server in every way that the documents promise to withstand.

  tests/security/run.py --server build/release/bin/rstmdb [--only NAME] [--full]

Groups: matrix, token_life, guessing, tls_checks, cli_checks, edges, slow. Without --full the crowds
of `slow` are a twentieth. At the end everything that servers have printed and answered is searched
for the tokens and hashes that were used.

Prints `N passed, N failed`; what cannot run here is counted as
skipped, with the reason.
"""

import argparse
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cli_checks  # noqa: E402
import edges  # noqa: E402
import guessing  # noqa: E402
import matrix  # noqa: E402
import slow  # noqa: E402
import tls_checks  # noqa: E402
import token_life  # noqa: E402
from world import SECRETS, SEEN, Failed  # noqa: E402

GROUPS = (matrix, token_life, guessing, tls_checks, cli_checks, edges, slow)


class Report:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def check(self, what, holds, shown=""):
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        print(f"{'ok  ' if holds else 'FAIL'} {what}", flush=True)
        if not holds and shown != "":
            print(f"     {str(shown)[:2000]}", flush=True)

    def count(self, passed, what, wrong):
        """Many checks of one kind; `wrong` has those that do not hold."""
        self.passed, self.failed = self.passed + passed, self.failed + len(wrong)
        print(f"{'FAIL' if wrong else 'ok  '} {what}: {passed} as expected", flush=True)
        for name, got in wrong.items():
            print(f"     {name}: {got}", flush=True)

    def skip(self, why):
        self.skipped += 1
        print(f"skip {why}", flush=True)


def search_for_secrets(report):
    """No token and no whole hash of one has come out of a server."""
    found = {f"{where}: {secret[:6]!r}…" for where, output in SEEN for secret in SECRETS
             if secret in output}
    size = sum(len(output) for _, output in SEEN)
    report.check(f"none of {len(SECRETS)} tokens and hashes in {len(SEEN)} outputs of together "
                 f"{size} bytes", not found and SEEN, sorted(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", required=True, type=pathlib.Path)
    parser.add_argument("--only", default="", help="only groups whose name holds this")
    parser.add_argument("--full", action="store_true")
    args = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(prefix="rstmdb-security-") as folder:
        for group in GROUPS:
            if args.only not in group.__name__:
                continue
            began = time.monotonic()
            try:
                group.run(args.server.resolve(), pathlib.Path(folder) / group.__name__, report,
                          args.full)
            except (Failed, OSError, EOFError) as problem:
                report.check(f"{group.__name__} came to its end", False, repr(problem))
            print(f"     {group.__name__} took {time.monotonic() - began:.1f} s", flush=True)
    search_for_secrets(report)
    if report.skipped:
        print(f"{report.skipped} skipped")
    print(f"{report.passed} passed, {report.failed} failed")
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
