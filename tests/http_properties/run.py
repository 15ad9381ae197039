#!/usr/bin/env python3
"""Holds a running server against the OpenAPI document that it serves.

  tests/http_properties/run.py --server build/release/bin/rstmdb [--full] [--seed N] [--only ID]

For every operation of the document: requests that it allows, which must be answered as it says, and
requests with one fault each, which must be refused as it says and change nothing. Then the same
requests over HTTP and over RCP, to two servers, whose answers must be equal (alone with
`--only agreement`). The requests are the same in each run unless --seed is given. The packages that
this needs go into build/http-properties, in the versions of requirements.txt. Prints `N passed, N
failed`.
"""

import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PLACE = ROOT / "build/http-properties"
sys.path.insert(0, str(ROOT / "tools"))

import pinned  # noqa: E402


def main():
    try:
        python = pinned.programs(PLACE, HERE / "requirements.txt") / "python"
    except subprocess.CalledProcessError as problem:
        print(f"the packages cannot be had: {problem}\n0 passed, 1 failed")
        sys.exit(1)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(PLACE / "hypothesis")
    os.execv(python, [str(python), "-B", str(HERE / "suite.py"), *sys.argv[1:]])


if __name__ == "__main__":
    main()
