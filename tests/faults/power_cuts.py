"""Power cuts on real file systems under every kind of write: single ones and batches, with and
without keys, machines, deletions, and compaction.

The load and the checks are those of tests/crash: crash_kill9 cuts the power where it otherwise only
kills. Each scenario is a function (program, shim, folder), as in disks.py.
"""

import os
import pathlib
import re
import subprocess

from matrix import demand
from mounts import Skip
from power import PoweredDisk

DISK_BYTES = 1 << 30  # enough for the reserve that a server leaves alone
CYCLES = 60  # of each scenario; run.py may say another number
SEED = 0  # from which each scenario counts its own; likewise
FEW = 4
ENOUGH = 50  # with fewer cycles some rule may not have been put to the test
UNTESTED = ": 0 checks"
SHORTENED = "the log was shortened"
ROUND_S = 600


def cut_the_power(program, folder, kind, cycles, seed, *more):
    """Facts of a campaign on a disk of its own."""
    seed += SEED
    tool = pathlib.Path(program).with_name("crash_kill9")
    if not tool.exists():
        raise Skip(f"{tool.name} is not built beside the server")
    with PoweredDisk(folder, DISK_BYTES, kind) as disk:
        done = subprocess.run([tool, "--server", program, "--cycles", str(cycles), "--seed",
                               str(seed), "--disk", str(disk.place), "--power", disk.command,
                               "--folder-records", "60000", *more], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, timeout=ROUND_S,
                              env={**os.environ, "TMPDIR": str(folder)})
        broken = [line for line in done.stdout.splitlines()
                  if line.startswith(("FAIL", "VIOLATION")) and not
                  (cycles < ENOUGH and (UNTESTED in line or SHORTENED in line))]
        demand(not broken and "passed" in done.stdout, done.stdout[-3000:])
        cuts = disk.cuts()
    demand(cuts >= cycles, f"only {cuts} power cuts")
    acknowledged = sum(map(int, re.findall(
        r"(?:PUT_MACHINE|CREATE_INSTANCE|APPLY_EVENT|DELETE_INSTANCE) (\d+)", done.stdout)))
    batches = re.search(r"in atomic batches (\d+), in best-effort batches (\d+)", done.stdout)
    return (f"{cuts} power cuts, {acknowledged} acknowledged writes, {batches[1]} of them in "
            f"atomic and {batches[2]} in other batches, nothing lost")


def few_on_ext4(program, _shim, folder):
    """Power cuts under all kinds of writes on ext4, a few"""
    return cut_the_power(program, folder, "ext4", FEW, 1)


def many_on_ext4(program, _shim, folder):
    """Power cuts under all kinds of writes on ext4, many"""
    return cut_the_power(program, folder, "ext4", CYCLES, 2)


def many_on_xfs(program, _shim, folder):
    """Power cuts under all kinds of writes on xfs, many"""
    return cut_the_power(program, folder, "xfs", CYCLES, 3)


def compacting_on_ext4(program, _shim, folder):
    """Power cuts under all kinds of writes and compaction on ext4, many"""
    return cut_the_power(program, folder, "ext4", CYCLES, 4, "--compact-percent", "90")


def compacting_on_xfs(program, _shim, folder):
    """Power cuts under all kinds of writes and compaction on xfs, many"""
    return cut_the_power(program, folder, "xfs", CYCLES, 5, "--compact-percent", "90")


SCENARIOS = (few_on_ext4, many_on_ext4, many_on_xfs, compacting_on_ext4, compacting_on_xfs)
QUICK = frozenset((few_on_ext4,))
