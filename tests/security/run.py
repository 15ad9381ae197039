#!/usr/bin/env python3
"""Attacks a real server in every way that the documents promise to withstand.

  tests/security/run.py --server build/release/bin/rstmdb [--only NAME] [--full]

Groups: matrix, token_life, guessing, tls_checks, cli_checks, slow. Without --full the crowds of
`slow` are a twentieth. At the end everything that servers have printed and answered is searched
for the tokens and hashes that were used.

Prints `N passed, N failed`; what cannot run here is counted as
skipped, with the reason.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import cli_checks  # noqa: E402
import guessing  # noqa: E402
import matrix  # noqa: E402
import slow  # noqa: E402
import tls_checks  # noqa: E402
import token_life  # noqa: E402
from world import run_groups  # noqa: E402

GROUPS = (matrix, token_life, guessing, tls_checks, cli_checks, slow)


if __name__ == "__main__":
    run_groups(GROUPS, __doc__)
