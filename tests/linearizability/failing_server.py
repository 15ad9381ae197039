#!/usr/bin/env python3
"""A server that ends by itself, for showing that this is told as what it is. LIN_FAULT says when:
`starting`, it does not start any more from the third time on; `running`, it ends in the middle of
the load, the third time that it runs. CRASH_SERVER names the real program."""

import os
import pathlib
import signal
import sys

SOUND_STARTS = 2
RUNS_S = 0.15


def starts(folder):
    """How often it has been started, with this time."""
    marks = folder / "starts"
    with open(marks, "ab") as file:
        file.write(b".")
    return marks.stat().st_size


def main():
    fails = starts(pathlib.Path(os.environ["RSTMDB_DATA"]).parent) > SOUND_STARTS
    if fails and os.environ["LIN_FAULT"] == "starting":
        sys.exit(3)
    if fails:
        # The timer outlives the exec, and its signal ends whoever does not expect it.
        signal.setitimer(signal.ITIMER_REAL, RUNS_S)
    program = os.environ["CRASH_SERVER"]
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
