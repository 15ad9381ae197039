#!/usr/bin/env python3
"""A server with a fault, for showing that the checks notice it: before each start it wipes out the
end of the log, as a disk would that acknowledges what it never keeps. CRASH_SERVER names the real
program."""

import os
import pathlib
import sys

WIPED_BYTES = 16 * 1024  # more than what is under way at a kill, so that some of it was answered


def wipe_end(folder):
    """Zeroes the last bytes that are not zero already in the newest segment, if it has that many.
    In the one before it they would be missed, which is not what is to be shown."""
    for path in sorted(folder.glob("*.seg"), reverse=True):
        end = len(path.read_bytes().rstrip(b"\0"))
        if end > 2 * WIPED_BYTES:
            with open(path, "r+b") as file:
                file.seek(end - WIPED_BYTES)
                file.write(bytes(WIPED_BYTES))
        if end > 0:
            return


def main():
    wipe_end(pathlib.Path(os.environ["RSTMDB_DATA"]) / "wal")
    program = os.environ["CRASH_SERVER"]
    os.execv(program, [program, *sys.argv[1:]])


if __name__ == "__main__":
    main()
