#!/usr/bin/env python3
"""The gateway of a real server, by plain sockets and by curl.

  tests/http/run.py --server build/release/bin/rstmdb [--only NAME] [--full]

Groups: surface (every route and what each refuses), conditions (ETag, If-Match, repeats), rights
(every route for every standing, guesses), encrypted (TLS and client certificates), smuggling
(requests that two programs could read in two ways), bounds (sizes, crowds, slow clients), streams
(server-sent events, also across kills).

Prints `N passed, N failed`.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "security"))

import bounds  # noqa: E402
import conditions  # noqa: E402
import encrypted  # noqa: E402
import rights  # noqa: E402
import smuggling  # noqa: E402
import streams  # noqa: E402
import surface  # noqa: E402
from world import run_groups  # noqa: E402

GROUPS = (surface, conditions, rights, encrypted, smuggling, bounds, streams)

if __name__ == "__main__":
    run_groups(GROUPS, __doc__)
