#!/usr/bin/env python3
"""Runs the console blocks of a document and compares what they print.

  tools/readme_blocks.py README.md --programs build/release/bin

A block fenced as ```console holds lines `$ command` and below each the output to expect; a line
that ends with `\\` goes on in the next, which starts with `> `. In the output, `...` stands for any
text inside a line, and as a line of its own for any number of lines. A command that ends with `&`
runs until the document ends; the next command waits until the file after `--port-file` is there or,
without that option, until something has been printed.

All blocks of a document share one shell in a fresh folder, with the programs in PATH. A command
that is expected to fail says so with a line `[exit N]` below its output. Lines `$ # …` are not run.
"""

import argparse
import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

TIMEOUT_S = 60.0
ENDING_S = 15.0  # then what is left is killed
FENCE = re.compile(r"^```console\s*$(.*?)^```\s*$", re.MULTILINE | re.DOTALL)


class Block:
    """A command with the output to expect, and the line that it stands on."""

    def __init__(self, line, command):
        self.line = line
        self.command = command
        self.expected = []


def read_blocks(text):
    blocks = []
    for fence in FENCE.finditer(text):
        first = text.count("\n", 0, fence.start(1)) + 1
        going_on = False
        for number, line in enumerate(fence.group(1).split("\n")[1:-1], first + 1):
            if going_on and line.startswith("> "):
                blocks[-1].command += "\n" + line[2:]
            elif line.startswith("$ "):
                blocks.append(Block(number, line[2:]))
            elif not blocks or blocks[-1].line < first:
                raise SystemExit(f"line {number}: output before the first command of its block")
            else:
                blocks[-1].expected.append(line)
                continue
            going_on = blocks[-1].command.endswith("\\")
    return [block for block in blocks if not block.command.startswith("#")]


def matches(expected, actual):
    """Whether the lines of `actual` are as `expected` says."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pieces = (re.escape(piece) for piece in line.rstrip().split("..."))
            pattern += r"[^\n]*".join(pieces) + r"[ \t]*\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in actual)) is not None


class Shell:
    """One bash that runs command after command and tells where each one's output ends."""

    def __init__(self, folder, programs):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("RSTMDB_")}
        environment.update(PATH=f"{programs}:{environment['PATH']}", LC_ALL="C.UTF-8",
                           NO_COLOR="1", HOME=str(folder))
        self.folder = pathlib.Path(folder)
        self.process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, env=environment, text=False,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        self.count = 0
        self.pending = b""

    def run(self, command):
        """Lines printed, with `[exit N]` as the last when N is not 0."""
        self.count += 1
        mark = f"--end-of-{self.count}--"
        if command.rstrip().endswith("&"):
            command = self._in_background(command.rstrip()[:-1])
        text = f"{{ {command}\n}} </dev/null\nprintf '\\n%s %s\\n' {mark} $?\n"
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()
        output, code = self._until(mark)
        lines = output.split("\n") if output else []
        while lines and not lines[-1].strip():
            lines.pop()
        return lines + ([f"[exit {code}]"] if code != "0" else [])

    def _in_background(self, command):
        log = f".background-{self.count}"
        port_file = re.search(r"--port-file[= ](\S+)", command)
        ready = port_file.group(1) if port_file else log
        tries = int(TIMEOUT_S / 0.05)
        return (f"( {command} ) >{log} 2>&1 &\nfor _ in $(seq {tries}); do\n"
                f"  [ -s {ready} ] && break\n  sleep 0.05\ndone\n[ -s {ready} ]")

    def _until(self, mark):
        deadline = time.monotonic() + TIMEOUT_S
        end = re.compile(rb"\n?^" + mark.encode() + rb" (\d+)\n", re.MULTILINE)
        while not (found := end.search(self.pending)):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return self.pending.decode(errors="replace") + "\n(not done in time)", "timeout"
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                return self.pending.decode(errors="replace") + "\n(the shell ended)", "gone"
            self.pending += data
        output = self.pending[:found.start()].decode(errors="replace")
        self.pending = self.pending[found.end():]
        return output, found.group(1).decode()

    def close(self):
        """Ends the shell and all that it has started, and waits for all of it."""
        end = time.monotonic() + ENDING_S
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            while time.monotonic() < end:
                self.process.poll()
                os.killpg(self.process.pid, 0)
                time.sleep(0.01)  # polling, with the deadline above
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def run_document(text, folder, programs):
    """[(block, None or what was printed instead)]"""
    shell = Shell(folder, programs)
    try:
        results = []
        for block in read_blocks(text):
            printed = shell.run(block.command)
            results.append((block, None if matches(block.expected, printed) else printed))
        return results
    finally:
        shell.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", nargs="+", type=pathlib.Path)
    parser.add_argument("--programs", required=True, type=pathlib.Path)
    args = parser.parse_args()
    passed = failed = 0
    for document in args.documents:
        with tempfile.TemporaryDirectory(prefix="rstmdb-readme-") as folder:
            for block, printed in run_document(document.read_text(), folder,
                                               args.programs.resolve()):
                passed, failed = passed + (printed is None), failed + (printed is not None)
                state = "ok  " if printed is None else "FAIL"
                print(f"{state} {document}:{block.line}: {block.command.splitlines()[0]}")
                if printed is not None:
                    print("".join(f"     expected | {line}\n" for line in block.expected)
                          + "".join(f"     printed  | {line}\n" for line in printed), end="")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
