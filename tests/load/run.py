#!/usr/bin/env python3
"""What a real server withstands when there is much of something: connections that end badly, a
client that is greedy, a large state, more than there is memory for.

  tests/load/run.py --server build/release/bin/rstmdb [--only GROUP] [--full]

Groups: endings, greedy, large, crowded. Without --full there is a fiftieth of most, and what only
says something about a machine that does nothing else is not measured.

Prints `N passed, N failed`.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "http"), str(HERE.parent / "security")]

import crowded  # noqa: E402
import endings  # noqa: E402
import greedy  # noqa: E402
import large  # noqa: E402
from world import run_groups  # noqa: E402

if __name__ == "__main__":
    run_groups((endings, greedy, large, crowded), __doc__)
